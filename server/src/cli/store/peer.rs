//! `syncline peer`: the rooms of the peer dialect, and what an operator does about who is in them.

use clap::Subcommand;
use http::Method;
use serde_json::Value;
use syncline::config::parse_duration;

use super::{
    remote::{Remote, encoded, running},
    rooms,
    text::{escaped, size, time},
};
use crate::cli::{
    failure::{Exit, Failure},
    flags::AdminFlags,
    output,
};

/// What can be done with rooms.
#[derive(Debug, Subcommand)]
pub(crate) enum PeerCommand {
    /// List rooms: those of which packets are stored, or those in which somebody is
    Ls(rooms::LsArgs),
    /// Print the stored packets of a room as JSON lines; what they carry is sealed
    ///
    /// {"seq", "received_at_ms", "type", "request_id", "sender_id", "target_id", "packet_base64"}. Reads
    /// the directory, also beside a running server, and changes nothing.
    Packets(rooms::PacketsArgs),
    /// Say who is in a room and who is banned from it
    Show(RoomArgs),
    /// Remove somebody from a room, who may come back
    Kick(NameArgs),
    /// Remove somebody from a room and keep that name out of it
    Ban {
        #[command(flatten)]
        name: NameArgs,
        /// For how long, such as 30m or 30d; for ever when left out
        #[arg(long = "for", value_name = "TIME")]
        time: Option<String>,
    },
    /// Let somebody into a room again
    Unban(NameArgs),
    /// Close all connections of a room; they may come back
    Close(RoomArgs),
    /// Drop all stored packets of a room
    Forget(RoomArgs),
}

/// A room of a running server.
#[derive(Debug, clap::Args)]
pub(crate) struct RoomArgs {
    /// The room
    room: String,
    #[command(flatten)]
    to: To,
}

/// Somebody in a room of a running server.
#[derive(Debug, clap::Args)]
pub(crate) struct NameArgs {
    /// The room
    room: String,
    /// The participant's name, in any form of it: user:Ann is ann
    name: String,
    #[command(flatten)]
    to: To,
}

/// Which server is asked: all of this needs a running one.
#[derive(Debug, clap::Args)]
struct To {
    /// Print what the server answers, as JSON
    #[arg(long)]
    json: bool,
    /// Ask the server at this address, such as http://127.0.0.1:8080, with [auth] admin_token; without it
    /// the one that has the data directory open
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    flags: AdminFlags,
}

/// Runs one of them.
pub(crate) fn run(command: &PeerCommand) -> Result<(), Failure> {
    match command {
        PeerCommand::Ls(args) => rooms::list(args),
        PeerCommand::Packets(args) => rooms::packets(args),
        PeerCommand::Show(RoomArgs { room, to }) => {
            to.ask(&Method::GET, &path(room, ""), described)
        }
        PeerCommand::Kick(args) => args.ask("/kick", "", closed),
        PeerCommand::Ban { name, time } => {
            let seconds = time.as_deref().map(seconds).transpose()?;
            let more = seconds.map_or_else(String::new, |seconds| format!("&seconds={seconds}"));
            name.ask("/ban", &more, closed)
        }
        PeerCommand::Unban(args) => args.ask("/unban", "", |told| match &told["was_banned"] {
            Value::Bool(true) => "the ban is over\n".into(),
            _ => "there was no ban\n".into(),
        }),
        PeerCommand::Close(RoomArgs { room, to }) => {
            to.ask(&Method::POST, &path(room, "/close"), closed)
        }
        PeerCommand::Forget(RoomArgs { room, to }) => {
            let said =
                |told: &Value| format!("dropped: {}\n", output_count(&told["dropped"], "packet"));
            to.ask(&Method::DELETE, &path(room, "/packets"), said)
        }
    }
}

impl NameArgs {
    fn ask(&self, what: &str, more: &str, said: fn(&Value) -> String) -> Result<(), Failure> {
        let Self { room, name, to } = self;
        let path = format!("{}?id={}{more}", path(room, what), encoded(name));
        to.ask(&Method::POST, &path, said)
    }
}

impl To {
    /// Asks, and prints the answer.
    fn ask(
        &self,
        method: &Method,
        path: &str,
        said: impl Fn(&Value) -> String,
    ) -> Result<(), Failure> {
        let server: Remote = running(self.url.as_deref(), &self.flags)?;
        let told = server.ask(method.clone(), path)?;
        output::print(&if self.json { format!("{told}\n") } else { said(&told) })
    }
}

fn path(room: &str, what: &str) -> String {
    format!("/admin/peer/rooms/{}{what}", encoded(room))
}

fn seconds(text: &str) -> Result<u64, Failure> {
    let seconds = parse_duration(text).map(|time| time.as_secs()).filter(|seconds| *seconds > 0);
    let wants = || format!("--for wants a duration such as 30m or 30d, not {text:?}");
    seconds.ok_or_else(|| Failure::new(Exit::Usage, wants()))
}

fn output_count(number: &Value, what: &str) -> String {
    output::count(number.as_u64().unwrap_or_default(), what)
}

fn closed(told: &Value) -> String {
    format!("closed: {}\n", output_count(&told["connections"], "connection"))
}

fn described(there: &Value) -> String {
    let text = |value: &Value| escaped(value.as_str().unwrap_or_default().as_bytes());
    let number = |name: &str| there[name].as_u64().unwrap_or_default();
    let kind = there["kind"].as_str().unwrap_or("nobody is in it");
    let (packets, bytes) =
        (output_count(&there["packets"], "packet"), size(number("packet_bytes")));
    let mut out = format!("kind         {kind}\n");
    out += &format!("stored       {packets}, {bytes}, the last is {}\n", number("last_seq"));
    for one in there["participants"].as_array().into_iter().flatten() {
        let since = time(one["since_ms"].as_u64().unwrap_or_default());
        out += &format!("participant  {}, since {since}\n", text(&one["id"]));
    }
    for ban in there["bans"].as_array().into_iter().flatten() {
        let until = ban["until_ms"].as_u64().map(time);
        let until = until.map_or_else(|| "for ever".into(), |until| format!("until {until}"));
        out += &format!("banned       {}, {until}\n", text(&ban["id"]));
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_room_is_told_in_lines_and_no_name_moves_the_cursor() {
        let text = described(&json!({
            "kind": "data", "packets": 1, "packet_bytes": 72, "last_seq": 7,
            "participants": [{ "id": "user:\u{1b}[2J", "since_ms": 0 }],
            "bans": [{ "id": "eve", "until_ms": null }, { "id": "mal", "until_ms": 1_000 }],
        }));
        let expected = "\
kind         data
stored       1 packet, 72 B, the last is 7
participant  user:\\x1b[2J, since 1970-01-01T00:00:00Z
banned       eve, for ever
banned       mal, until 1970-01-01T00:00:01Z
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_ban_is_for_some_time() {
        assert_eq!(seconds("30m").ok(), Some(1_800));
        for odd in ["", "0s", "soon", "10ms"] {
            assert!(seconds(odd).is_err(), "{odd}");
        }
    }
}
