//! `syncline stat`: how large a store is and what it holds.

use std::path::Path;

use syncline_engine::Store;

use super::{
    json::Object,
    ls::{Collection, collections},
    place,
    text::size,
};
use crate::cli::{failure::Failure, flags::StoreFlags, output};

/// The arguments of `stat`.
#[derive(Debug, clap::Args)]
pub(crate) struct StatArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: StoreFlags,
}

pub(super) fn run(args: &StatArgs) -> Result<(), Failure> {
    let dir = place::directory(&args.flags)?;
    let facts = facts(&dir, &place::open_to_read(&dir)?)?;
    if args.json {
        let object = facts.iter().fold(Object::new(), |object, (name, fact)| match fact {
            Fact::Count(number) | Fact::Bytes(number) => object.number(name, *number),
            Fact::Text(text) => object.text(name, text),
        });
        return output::print(&object.line());
    }
    let line = |(name, fact): &(&str, Fact)| {
        let value = match fact {
            Fact::Count(number) => number.to_string(),
            Fact::Bytes(bytes) => size(*bytes),
            Fact::Text(text) => text.clone(),
        };
        format!("{:<15} {value}\n", name.trim_end_matches("_bytes").replace('_', " "))
    };
    output::print(&facts.iter().map(line).collect::<String>())
}

enum Fact {
    Count(u64),
    Bytes(u64),
    Text(String),
}

fn facts(dir: &Path, store: &Store) -> Result<Vec<(&'static str, Fact)>, Failure> {
    let found = collections(store, "")?;
    let logs = found.iter().filter(|one| matches!(one, Collection::Log(_))).count() as u64;
    let disk_bytes = place::files(dir)?.iter().map(|(_, bytes)| bytes).sum();
    let path = std::path::absolute(dir).as_deref().unwrap_or(dir).display().to_string();
    Ok(vec![
        ("dir", Fact::Text(path)),
        ("logs", Fact::Count(logs)),
        ("maps", Fact::Count(found.len() as u64 - logs)),
        ("records", Fact::Count(found.iter().map(Collection::records).sum())),
        ("position", Fact::Count(store.durable().0)),
        ("segments", Fact::Count(store.report().segments)),
        ("disk_bytes", Fact::Bytes(disk_bytes)),
        ("live_bytes", Fact::Bytes(store.live_bytes())),
    ])
}
