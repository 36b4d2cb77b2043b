//! `syncline restore`: from a backup to a data directory.

use std::path::{Path, PathBuf};

use syncline_engine::Store;

use super::{
    backup,
    json::Object,
    ls::{Collection, collections},
    place, verify,
};
use crate::cli::{failure::Failure, output, output::count, signals};

/// The arguments of `restore`.
///
/// Reads every byte of the backup first, copies it, and opens the copy once. The backup is not
/// changed. Exit code 3 tells of a damaged backup: nothing is copied then.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The directory of the backup
    backup: PathBuf,
    /// The directory to make: empty or missing
    dir: PathBuf,
    /// Print {"dir", "position", "records"}
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &RestoreArgs) -> Result<(), Failure> {
    signals::outlive_file_size_limit()?;
    let (from, to) = (&*args.backup, &*args.dir);
    place::check(from)?;
    let report = verify::verify(from)?;
    if let Some(damaged) = verify::damaged(&report) {
        output::complain(&verify::listed(&report));
        return Err(damaged.about(from.display()));
    }
    backup::copy(&place::open_to_read(from)?, to)?;
    let store = prove(to)?;
    // What is there now, where an opening counts only what it replayed.
    let records: u64 = collections(&store, "")?.iter().map(Collection::records).sum();
    let position = store.durable().0;
    store.close()?;
    let dir = place::absolute(to);
    output::print(&if args.json {
        Object::new()
            .text("dir", &dir)
            .number("position", position)
            .number("records", records)
            .line()
    } else {
        format!("restored to {dir}: {}, position {position}\n", count(records, "record"))
    })
}

/// Opens what was copied, as a server will.
fn prove(dir: &Path) -> Result<Store, Failure> {
    place::open(dir).map_err(|failure| failure.about("the copy does not open"))
}
