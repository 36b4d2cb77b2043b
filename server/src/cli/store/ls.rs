//! `syncline ls`: the collections of a store.

use syncline_engine::{Kind, Log, Map, Store};

use super::{
    json::Object,
    place,
    table::Table,
    text::{escaped, size},
};
use crate::cli::{failure::Failure, flags::StoreFlags, output};

/// The arguments of `ls`.
#[derive(Debug, clap::Args)]
pub(crate) struct LsArgs {
    /// Only collections whose names begin so
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
    /// Print one JSON object per collection: {"log", "first_seq", "next_seq", "records",
    /// "payload_bytes"} or {"map", "keys"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: StoreFlags,
}

/// A collection of a store.
#[derive(Debug)]
pub(super) enum Collection {
    Log(Log),
    Map(Map),
}

/// The collections whose names begin with a prefix, in the order of their names.
pub(super) fn collections(store: &Store, prefix: &str) -> Result<Vec<Collection>, Failure> {
    let mut names = store.collections();
    names.retain(|(_, name)| name.starts_with(prefix));
    names.sort_by(|(_, left), (_, right)| left.cmp(right));
    let mut found = Vec::new();
    for (kind, name) in names {
        match kind {
            Kind::Log => found.extend(store.find_log(&name)?.map(Collection::Log)),
            Kind::Map => found.extend(store.find_map(&name)?.map(Collection::Map)),
            _ => {}
        }
    }
    Ok(found)
}

impl Collection {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Log(log) => log.name(),
            Self::Map(map) => map.name(),
        }
    }

    /// Records of a log, or keys of a map.
    pub(super) fn records(&self) -> u64 {
        match self {
            Self::Log(log) => log.len(),
            Self::Map(map) => map.len(),
        }
    }

    /// What `--json` and a dump say of it.
    pub(super) fn object(&self) -> Object {
        match self {
            Self::Log(log) => Object::new()
                .text("log", log.name())
                .number("first_seq", log.first_seq().0)
                .number("next_seq", log.next_seq().0)
                .number("records", log.len())
                .number("payload_bytes", log.bytes()),
            Self::Map(map) => Object::new().text("map", map.name()).number("keys", map.len()),
        }
    }

    fn row(&self) -> Vec<String> {
        let none = || "-".to_owned();
        match self {
            Self::Log(log) => vec![
                "log".into(),
                log.len().to_string(),
                log.first_seq().to_string(),
                log.next_seq().to_string(),
                size(log.bytes()),
                escaped(log.name().as_bytes()),
            ],
            Self::Map(map) => vec![
                "map".into(),
                map.len().to_string(),
                none(),
                none(),
                none(),
                escaped(map.name().as_bytes()),
            ],
        }
    }
}

pub(super) fn run(args: &LsArgs) -> Result<(), Failure> {
    let store = place::open_to_read(&place::directory(&args.flags)?)?;
    let found = collections(&store, &args.prefix)?;
    if args.json {
        let lines: String = found.iter().map(|one| one.object().line()).collect();
        return output::print(&lines);
    }
    let mut table = Table::new(&["KIND", "RECORDS", "FIRST", "NEXT", "PAYLOAD", "NAME"]);
    found.iter().for_each(|one| table.row(one.row()));
    output::print(&table.show())
}
