//! `syncline salvage`: all that is whole of a damaged store, in a new one.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use syncline_engine::{
    Error, Options,
    offline::{self, SalvageReport},
    storage::RealDisk,
};

use super::{place, text, verify};
use crate::cli::{
    failure::{Exit, Failure},
    output::{self, count},
    progress::Progress,
    signals,
};

/// How often the progress is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The arguments of `salvage`.
///
/// Reads every byte of the old store and changes none. Exit code 3 tells that something was damaged
/// and left; what is whole is in the new store all the same.
#[derive(Debug, clap::Args)]
pub(crate) struct SalvageArgs {
    /// The directory of the damaged store
    from: PathBuf,
    /// The directory to make: empty or missing
    to: PathBuf,
    /// Print {"dir", "records", "values", "left", "parts", "torn", "damages"}
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &SalvageArgs) -> Result<(), Failure> {
    signals::outlive_file_size_limit()?;
    place::check(&args.from)?;
    let report = salvage(&args.from, &args.to)?;
    let dir = place::absolute(&args.to);
    output::print(&if args.json { json(&dir, &report) } else { listed(&dir, &report) })?;
    if report.damages.is_empty() {
        return Ok(());
    }
    let what = format!("{} in the old store", count(report.damages.len() as u64, "damage"));
    Err(Failure::new(Exit::Damaged, what).hint("what is whole is in the new one"))
}

fn salvage(from: &Path, to: &Path) -> Result<SalvageReport, Failure> {
    let bytes = |dir: &Path| {
        let files = place::files(dir).unwrap_or_default();
        files.iter().map(|(_, bytes)| bytes).sum()
    };
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        // How much there is to be is not known before: the old files tell about.
        let watching = scope.spawn(|| {
            let mut bar = Progress::new("saved");
            bar.expect(bytes(from));
            while !ended.load(Ordering::Acquire) {
                bar.reach(bytes(to));
                thread::park_timeout(LOOK_AGAIN);
            }
            bar.end();
        });
        let report = copy(from, to);
        ended.store(true, Ordering::Release);
        watching.thread().unpark();
        report
    })
}

fn copy(from: &Path, to: &Path) -> Result<SalvageReport, Failure> {
    let about = |error: Error, dir: &Path| Failure::from(error).about(dir.display());
    let old = RealDisk::open_read_only(from).map_err(|error| about(error.into(), from))?;
    let new = RealDisk::open(to).map_err(|error| about(error.into(), to))?;
    let report = offline::salvage_on(Arc::new(old), Arc::new(new), Options::default());
    report.map_err(|error| Failure::from(error).about(format_args!("{from:?} to {to:?}")))
}

fn listed(dir: &str, report: &SalvageReport) -> String {
    let mut out = verify::places(&report.damages, report.torn.as_ref());
    for lost in &report.left {
        out += &(text::escaped(format!("left: {lost}").as_bytes()) + "\n");
    }
    for part in &report.parts {
        let what = format!(
            "records {} to {} of log {:?} are log {:?} now",
            part.first, part.last, part.log, part.name
        );
        out += &(text::escaped(what.as_bytes()) + "\n");
    }
    let (records, values) = (count(report.records, "record"), count(report.values, "value"));
    out + &format!("saved to {dir}: {records}, {values}\n")
}

fn json(dir: &str, report: &SalvageReport) -> String {
    let parts = report.parts.iter().map(|part| {
        serde_json::json!({
            "log": part.log,
            "name": part.name,
            "first_seq": part.first.0,
            "last_seq": part.last.0,
        })
    });
    super::json::Object::new()
        .text("dir", dir)
        .number("records", report.records)
        .number("values", report.values)
        .value("left", &report.left.iter().map(ToString::to_string).collect::<Vec<_>>().into())
        .value("parts", &parts.collect::<Vec<_>>().into())
        .value("torn", &verify::torn(report.torn.as_ref()))
        .value("damages", &verify::damages(&report.damages))
        .line()
}
