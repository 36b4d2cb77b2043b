//! `syncline verify`: every byte of a store, and each damage with its place.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use syncline_engine::{
    offline::{self, Damage, Torn, VerifyReport},
    storage::RealDisk,
};

use super::{json::Object, place, text};
use crate::cli::{
    failure::{Exit, Failure},
    flags::StoreFlags,
    output::{self, count},
    progress::Progress,
};

/// The arguments of `verify`.
///
/// Reads every byte and changes none, beside a running server too. Exit code 3 tells of damage.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Print {"sound", "segments", "records", "bytes", "torn", "damages"}; each damage is {"file",
    /// "segment", "offset", "bytes", "flaw", "lost"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: StoreFlags,
}

pub(super) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let dir = place::directory(&args.flags)?;
    let report = verify(&dir)?;
    output::print(&if args.json { json(&report).line() } else { listed(&report) })?;
    damaged(&report).map_or(Ok(()), Err)
}

/// Verifies the store of a directory, with a progress bar.
pub(super) fn verify(dir: &std::path::Path) -> Result<VerifyReport, Failure> {
    let bar = Mutex::new(Progress::new("verified"));
    let report = RealDisk::open_read_only(dir).map_err(Into::into).and_then(|disk| {
        // The call comes from any thread; one that finds another showing it has nothing to add.
        offline::verify_with(Arc::new(disk), &|done, all| {
            if let Ok(mut bar) = bar.try_lock() {
                bar.expect(all);
                bar.reach(done);
            }
        })
    });
    if let Ok(mut bar) = bar.lock() {
        bar.end();
    }
    report.map_err(|error| Failure::from(error).about(dir.display()))
}

/// The failure that a damaged store is.
pub(super) fn damaged(report: &VerifyReport) -> Option<Failure> {
    let damages = count(report.damages.len() as u64, "damage");
    (!report.is_sound()).then(|| {
        Failure::new(Exit::Damaged, format!("{damages} found")).hint(
            "restore the store from a backup, or save what is whole: syncline salvage FROM TO",
        )
    })
}

/// Each damage in a line, and a summary.
pub(super) fn listed(report: &VerifyReport) -> String {
    let (segments, records) = (count(report.segments, "segment"), count(report.records, "record"));
    let bytes = text::size(report.bytes);
    let verdict = match report.damages.len() as u64 {
        0 => "sound".to_owned(),
        damages => count(damages, "damage"),
    };
    let places = places(&report.damages, report.torn.as_ref());
    format!("{places}{segments}, {records}, {bytes}: {verdict}\n")
}

/// Each damage in a line, and an unfinished end.
pub(super) fn places(damages: &[Damage], torn: Option<&Torn>) -> String {
    let mut out: String = damages.iter().map(|damage| line(damage) + "\n").collect();
    if let Some(torn) = torn {
        let bytes = count(torn.bytes, "byte");
        let Torn { file, offset, .. } = torn;
        out += &format!("{file}: unfinished from offset {offset} on, {bytes}: no damage\n");
    }
    out
}

fn line(damage: &Damage) -> String {
    let Damage { file, offset, bytes, flaw, lost, .. } = damage;
    let mut line = format!("{file}: offset {offset}, {}: {flaw}", count(*bytes, "byte"));
    for lost in lost {
        line += &format!("; lost: {lost}");
    }
    text::escaped(line.as_bytes())
}

fn json(report: &VerifyReport) -> Object {
    Object::new()
        .value("sound", &report.is_sound().into())
        .number("segments", report.segments)
        .number("records", report.records)
        .number("bytes", report.bytes)
        .value("torn", &torn(report.torn.as_ref()))
        .value("damages", &damages(&report.damages))
}

/// What `--json` tells of an unfinished end.
pub(super) fn torn(torn: Option<&Torn>) -> Value {
    let told = torn.map(
        |torn| serde_json::json!({"file": torn.file, "offset": torn.offset, "bytes": torn.bytes}),
    );
    told.unwrap_or_default()
}

/// What `--json` tells of damages.
pub(super) fn damages(damages: &[Damage]) -> Value {
    let told = damages.iter().map(|damage| {
        let lost: Vec<String> = damage.lost.iter().map(ToString::to_string).collect();
        serde_json::json!({
            "file": damage.file,
            "segment": damage.segment,
            "offset": damage.offset,
            "bytes": damage.bytes,
            "flaw": damage.flaw.to_string(),
            "lost": lost,
        })
    });
    told.collect::<Vec<_>>().into()
}
