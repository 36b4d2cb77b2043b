//! `syncline stat`: how large a store is and what it holds.

use std::path::Path;

use http::Method;
use serde_json::Value;
use syncline_engine::Store;

use super::{
    json::Object,
    ls::{Collection, collections},
    place,
    remote::Where,
    text::size,
};
use crate::cli::{failure::Failure, flags::AdminFlags, output};

/// The arguments of `stat`.
///
/// By itself it reads the directory; with --online or --url the server tells what it knows without
/// a look at every collection.
#[derive(Debug, clap::Args)]
pub(crate) struct StatArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Where,
    #[command(flatten)]
    flags: AdminFlags,
}

/// A figure's name, which ends with its unit if it has one, and the figure.
type Fact = (String, Value);

pub(super) fn run(args: &StatArgs) -> Result<(), Failure> {
    let facts = if args.server.is_remote() {
        match args.server.server(&args.flags)?.ask(Method::GET, "/admin/stat")? {
            Value::Object(members) => members.into_iter().collect(),
            _ => Vec::new(),
        }
    } else {
        let dir = place::directory_of(&args.flags.load()?)?;
        facts(&dir, &place::open_to_read(&dir)?)?
    };
    output::print(&if args.json {
        facts.iter().fold(Object::new(), |object, (name, fact)| object.value(name, fact)).line()
    } else {
        facts.iter().map(line).collect()
    })
}

fn line((name, fact): &Fact) -> String {
    let (name, shown) = match (name.strip_suffix("_bytes"), fact) {
        (Some(name), Value::Number(bytes)) => (name, size(bytes.as_u64().unwrap_or_default())),
        (_, Value::String(text)) => (name.as_str(), text.clone()),
        (_, fact) => (name.as_str(), fact.to_string()),
    };
    format!("{:<20} {shown}\n", name.replace('_', " "))
}

fn facts(dir: &Path, store: &Store) -> Result<Vec<Fact>, Failure> {
    let found = collections(store, "")?;
    let logs = found.iter().filter(|one| matches!(one, Collection::Log(_))).count() as u64;
    let records: u64 = found.iter().map(Collection::records).sum();
    let stats = store.stats();
    let snapshots = place::files(dir)?.iter().filter(|(name, _)| name.ends_with(".snap")).count();
    let facts: [(&str, Value); 11] = [
        ("dir", place::absolute(dir).into()),
        ("logs", logs.into()),
        ("maps", (found.len() as u64 - logs).into()),
        ("records", records.into()),
        ("position", store.durable().0.into()),
        ("segments", (stats.history_segments + stats.cold_segments).into()),
        ("cold_segments", stats.cold_segments.into()),
        ("snapshots", snapshots.into()),
        ("disk_bytes", place::bytes(dir)?.into()),
        ("live_bytes", stats.live_bytes.into()),
        ("damages", store.report().damages.len().into()),
    ];
    Ok(facts.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect())
}
