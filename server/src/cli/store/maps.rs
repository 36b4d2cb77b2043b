//! `syncline maps`: the maps of the maps dialect in a store.

use std::io::{self, IsTerminal};

use clap::Subcommand;
use data_encoding::HEXLOWER;
use syncline::stored_maps::{self, MapError, StoredMap};
use syncline_protocol::dialects::maps::{Kind, Record};

use super::{
    json::Object,
    place,
    table::Table,
    text::{escaped, size},
};
use crate::cli::{
    failure::{Exit, Failure},
    flags::StoreFlags,
    output,
};

/// What can be done with maps. All of it works beside a running server and changes nothing.
#[derive(Debug, Subcommand)]
pub(crate) enum MapsCommand {
    /// List the maps: name, keys, removed keys, bytes, number of the last change, root hash
    ///
    /// Reads every record. Two stores whose maps have the same root hash hold the same.
    Ls {
        /// Print one JSON object per map: {"map", "keys", "tombstones", "bytes", "last_change", "root"}
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: StoreFlags,
    },
    /// Print the value of a key
    Get {
        /// The map
        map: String,
        /// The key
        key: String,
        /// Print the record, as `dump` does but for "change"; also of a key that was removed
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: StoreFlags,
    },
    /// Print every record of a map as a JSON line, in no order
    ///
    /// {"key", "change", "timestamp", "value"}, with "ttl_ms" when it has one; {"key", "change",
    /// "timestamp", "removed": true} for one that was removed. A value that is no text is in base64, as
    /// "value_base64".
    Dump {
        /// The map
        map: String,
        #[command(flatten)]
        flags: StoreFlags,
    },
}

/// Runs one of them.
pub(crate) fn run(command: &MapsCommand) -> Result<(), Failure> {
    match command {
        MapsCommand::Ls { json, flags } => list(*json, flags),
        MapsCommand::Get { map, key, json, flags } => get(map, key, *json, flags),
        MapsCommand::Dump { map, flags } => dump(map, flags),
    }
}

fn list(json: bool, flags: &StoreFlags) -> Result<(), Failure> {
    let store = place::open_to_read(&place::directory(flags)?)?;
    let found = stored_maps::list(&store)?;
    if json {
        return output::print(&found.iter().map(|map| object(map).line()).collect::<String>());
    }
    let mut table = Table::new(&["MAP", "KEYS", "REMOVED", "BYTES", "LAST", "ROOT"]);
    for map in &found {
        table.row(vec![
            escaped(map.name.as_bytes()),
            map.keys.to_string(),
            map.tombstones.to_string(),
            size(map.bytes),
            map.last_change.to_string(),
            HEXLOWER.encode(&map.root),
        ]);
    }
    output::print(&table.show())
}

fn object(map: &StoredMap) -> Object {
    Object::new()
        .text("map", &map.name)
        .number("keys", map.keys)
        .number("tombstones", map.tombstones)
        .number("bytes", map.bytes)
        .number("last_change", map.last_change)
        .text("root", &HEXLOWER.encode(&map.root))
}

fn get(map: &str, key: &str, json: bool, flags: &StoreFlags) -> Result<(), Failure> {
    let store = place::open_to_read(&place::directory(flags)?)?;
    let absent = || Failure::new(Exit::NotFound, format!("the map {map:?} has no key {key:?}"));
    let record = stored_maps::get(&store, map, key)?.ok_or_else(absent)?;
    if json {
        return output::print(&line(Object::new().text("key", key), &record).line());
    }
    if record.kind == Kind::Remove {
        return Err(absent().hint("it was removed: --json shows when"));
    }
    if io::stdout().is_terminal() {
        return output::print(&(escaped(&record.value) + "\n"));
    }
    let mut out = output::Stdout::new();
    out.write(&record.value)?;
    out.end()
}

fn dump(map: &str, flags: &StoreFlags) -> Result<(), Failure> {
    let store = place::open_to_read(&place::directory(flags)?)?;
    let mut out = output::Stdout::new();
    let mut written = Ok(());
    stored_maps::records(&store, map, |change, record| {
        let object = Object::new().text("key", &record.key).number("change", change);
        written = out.write(line(object, &record).line().as_bytes());
        written.is_ok() && !out.is_gone()
    })?;
    written?;
    out.end()
}

/// What is said of a record behind its key.
fn line(object: Object, record: &Record) -> Object {
    let object = object.text("timestamp", &record.hlc.to_string());
    if record.kind == Kind::Remove {
        return object.value("removed", &true.into());
    }
    let object = if record.ttl_ms == 0 { object } else { object.number("ttl_ms", record.ttl_ms) };
    object.bytes("value", &record.value)
}

impl From<MapError> for Failure {
    fn from(error: MapError) -> Self {
        match error {
            MapError::Store(error) => error.into(),
            MapError::Missing(_) => {
                Self::new(Exit::NotFound, error.to_string()).hint("`syncline maps ls` lists them")
            }
            MapError::Unreadable(_) => Self::new(Exit::Damaged, error.to_string())
                .hint("`syncline verify` reads every byte of the store"),
            _ => Self::new(Exit::Failed, error.to_string()),
        }
    }
}
