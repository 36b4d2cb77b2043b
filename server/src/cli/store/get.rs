//! `syncline get`: one record of a log, or one value of a map.

use std::io::{self, IsTerminal};

use data_encoding::HEXLOWER;
use syncline_engine::{Seq, Store};

use super::{json::Object, place, text};
use crate::cli::{
    failure::{Exit, Failure},
    flags::StoreFlags,
    output,
};

/// The arguments of `get`.
#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// The name of a log or a map
    collection: String,
    /// A sequence number of the log, or a key of the map; \xNN stands for a byte, \\ for a backslash
    key: String,
    /// Print the bytes as hexadecimal digits
    #[arg(long, conflicts_with = "json")]
    hex: bool,
    /// Print {"log", "seq", "payload"} or {"map", "key", "value"}; bytes that are no text are in
    /// base64, under a name that ends with _base64
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: StoreFlags,
}

pub(super) fn run(args: &GetArgs) -> Result<(), Failure> {
    let store = place::open_to_read(&place::directory(&args.flags)?)?;
    let (object, bytes) = find(&store, &args.collection, &args.key)?;
    if args.json {
        return output::print(&object.line());
    }
    if args.hex {
        return output::print(&(HEXLOWER.encode(&bytes) + "\n"));
    }
    if io::stdout().is_terminal() {
        return output::print(&(text::escaped(&bytes) + "\n"));
    }
    let mut out = output::Stdout::new();
    out.write(&bytes)?;
    out.end()
}

fn find(store: &Store, collection: &str, key: &str) -> Result<(Object, bytes::Bytes), Failure> {
    let known = store.collections().into_iter().find(|(_, name)| name == collection);
    match known {
        Some((syncline_engine::Kind::Log, _)) => {
            let seq: u64 = key.parse().map_err(|_| {
                Failure::new(Exit::Usage, format!("{key:?} is no sequence number of a log"))
            })?;
            let found = match store.find_log(collection)? {
                Some(log) => log.get(Seq(seq))?,
                None => None,
            };
            let payload = found.ok_or_else(|| absent("record", key))?;
            let object = Object::new().text("log", collection).number("seq", seq);
            Ok((object.bytes("payload", &payload), payload))
        }
        Some(_) => {
            let bytes = text::unescaped(key).ok_or_else(|| {
                Failure::new(Exit::Usage, format!("{key:?} is no key: write \\\\ for a backslash"))
            })?;
            let found = match store.find_map(collection)? {
                Some(map) => map.get(&bytes)?,
                None => None,
            };
            let value = found.ok_or_else(|| absent("key", key))?;
            let object = Object::new().text("map", collection).bytes("key", &bytes);
            Ok((object.bytes("value", &value), value))
        }
        None => Err(no_collection(collection)),
    }
}

/// The failure of a command whose collection is not there.
pub(super) fn no_collection(name: &str) -> Failure {
    Failure::new(Exit::NotFound, format!("no collection {name:?}"))
        .hint("`syncline ls` prints their names")
}

fn absent(what: &str, key: &str) -> Failure {
    Failure::new(Exit::NotFound, format!("no {what} {key}"))
}
