//! `syncline peer ls` and `packets`: the rooms of the peer dialect in a store.

use data_encoding::BASE64;
use http::Method;
use serde_json::Value;
use syncline::stored_rooms::{self, RoomError, StoredRoom};
use syncline_protocol::dialects::peer::relay::Stored;

use super::{
    json::Object,
    place,
    remote::{Where, encoded},
    table::Table,
    text::{escaped, size, time},
};
use crate::cli::{
    failure::{Exit, Failure},
    flags::{AdminFlags, StoreFlags},
    output,
};

/// The arguments of `peer ls`.
///
/// By itself it reads the directory, also beside a running server, and lists the rooms of which packets
/// are stored; with --online or --url the server tells in which rooms somebody is.
#[derive(Debug, clap::Args)]
pub(crate) struct LsArgs {
    /// Print one JSON object per room: {"room", "packets", "packet_bytes", "first_seq", "last_seq",
    /// "oldest_ms", "bans"}, or of a server {"room", "participants"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Where,
    #[command(flatten)]
    flags: AdminFlags,
}

/// The arguments of `peer packets`.
#[derive(Debug, clap::Args)]
pub(crate) struct PacketsArgs {
    /// The room
    room: String,
    /// Only packets behind this number
    #[arg(long, value_name = "SEQ", default_value_t = 0, hide_default_value = true)]
    after: u64,
    /// At most so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
    #[command(flatten)]
    flags: StoreFlags,
}

/// Lists rooms.
pub(in crate::cli) fn list(args: &LsArgs) -> Result<(), Failure> {
    if args.server.is_remote() {
        return list_attended(args);
    }
    let dir = place::directory_of(&args.flags.load()?)?;
    let found = stored_rooms::list(&place::open_to_read(&dir)?)?;
    if args.json {
        return output::print(&found.iter().map(|room| object(room).line()).collect::<String>());
    }
    let mut table = Table::new(&["ROOM", "PACKETS", "BYTES", "FIRST", "LAST", "OLDEST", "BANS"]);
    for room in &found {
        table.row(vec![
            escaped(room.name.as_bytes()),
            room.packets.to_string(),
            size(room.packet_bytes),
            room.first_seq.to_string(),
            room.last_seq.to_string(),
            room.oldest.map_or_else(|| "-".into(), |at| time(at.0)),
            room.bans.to_string(),
        ]);
    }
    output::print(&table.show())
}

fn object(room: &StoredRoom) -> Object {
    Object::new()
        .text("room", &room.name)
        .number("packets", room.packets)
        .number("packet_bytes", room.packet_bytes)
        .number("first_seq", room.first_seq)
        .number("last_seq", room.last_seq)
        .value("oldest_ms", &room.oldest.map(|at| at.0).into())
        .number("bans", room.bans as u64)
}

/// What a server tells, page by page.
fn list_attended(args: &LsArgs) -> Result<(), Failure> {
    let server = args.server.server(&args.flags)?;
    let mut table = Table::new(&["ROOM", "PARTICIPANTS"]);
    let (mut lines, mut after) = (String::new(), String::new());
    loop {
        let path = format!("/admin/peer/rooms?after={}", encoded(&after));
        let page = server.ask(Method::GET, &path)?;
        for told in page["rooms"].as_array().into_iter().flatten() {
            let (room, there) = (told["room"].as_str().unwrap_or_default(), &told["participants"]);
            lines += &Object::new().text("room", room).value("participants", there).line();
            table.row(vec![escaped(room.as_bytes()), there.to_string()]);
            room.clone_into(&mut after);
        }
        if page["more"] != Value::Bool(true) {
            return output::print(&if args.json { lines } else { table.show() });
        }
    }
}

/// Prints stored packets as JSON lines.
pub(in crate::cli) fn packets(args: &PacketsArgs) -> Result<(), Failure> {
    let store = place::open_to_read(&place::directory(&args.flags)?)?;
    let mut out = output::Stdout::new();
    let (mut left, mut written) = (args.limit.unwrap_or(u64::MAX), Ok(()));
    if left > 0 {
        stored_rooms::packets(&store, &args.room, args.after, |seq, stored| {
            written = out.write(line(seq, &stored).as_bytes());
            left -= 1;
            left > 0 && written.is_ok() && !out.is_gone()
        })?;
    }
    written?;
    out.end()
}

fn line(seq: u64, stored: &Stored<'_>) -> String {
    Object::new()
        .number("seq", seq)
        .number("received_at_ms", stored.received_at.0)
        .value("type", &stored.route.kind.into())
        .text("request_id", stored.route.request_id)
        .text("sender_id", stored.route.sender_id)
        .text("target_id", stored.route.target_id)
        .text("packet_base64", &BASE64.encode(stored.frame))
        .line()
}

impl From<RoomError> for Failure {
    fn from(error: RoomError) -> Self {
        match error {
            RoomError::Store(error) => error.into(),
            RoomError::Missing(_) => {
                Self::new(Exit::NotFound, error.to_string()).hint("`syncline peer ls` lists them")
            }
            RoomError::Unreadable(_) => Self::new(Exit::Damaged, error.to_string())
                .hint("`syncline verify` reads every byte of the store"),
            _ => Self::new(Exit::Failed, error.to_string()),
        }
    }
}
