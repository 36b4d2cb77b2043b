//! `syncline compact`: all space that is not of use any more, taken back at once.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use syncline_engine::{Error, Stats, Store};

use super::{json::Object, place, text::size};
use crate::cli::{
    failure::Failure,
    flags::StoreFlags,
    output::{self, count},
    progress::Progress,
    signals,
};

/// How often the progress is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The arguments of `compact`.
///
/// Needs the directory for itself: a running server compacts by itself, a little at a time.
#[derive(Debug, clap::Args)]
pub(crate) struct CompactArgs {
    /// Print {"before_bytes", "after_bytes", "live_bytes", "segments_removed", "segments_rewritten"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: StoreFlags,
}

pub(super) fn run(args: &CompactArgs) -> Result<(), Failure> {
    signals::outlive_file_size_limit()?;
    let dir = place::directory(&args.flags)?;
    let store = place::open_to_compact(&dir)
        .map_err(|failure| failure.hint("a running server compacts its store by itself"))?;
    let before = place::bytes(&dir)?;
    let done = compact(&store);
    let stats = store.stats();
    store.close()?;
    let after = place::bytes(&dir)?;
    let (removed, rewritten) = (stats.segments_removed, stats.segments_rewritten);
    output::print(&if args.json {
        Object::new()
            .number("before_bytes", before)
            .number("after_bytes", after)
            .number("live_bytes", stats.live_bytes)
            .number("segments_removed", removed)
            .number("segments_rewritten", rewritten)
            .line()
    } else {
        format!(
            "{} before, {} now: {} rewritten, {} removed\n",
            size(before),
            size(after),
            count(rewritten, "segment"),
            count(removed, "segment")
        )
    })?;
    done.map_err(|error| Failure::from(error).about(dir.display()))
}

/// Compacts with a progress bar: of the bytes that can be won, how many were.
fn compact(store: &Store) -> Result<(), Error> {
    let ended = AtomicBool::new(false);
    let dead = |stats: &Stats| stats.segment_bytes.saturating_sub(stats.live_bytes);
    thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut bar = Progress::new("compacted");
            bar.expect(dead(&store.stats()));
            while !ended.load(Ordering::Acquire) {
                bar.reach(store.stats().bytes_removed);
                thread::park_timeout(LOOK_AGAIN);
            }
            bar.end();
        });
        let done = store.compact();
        ended.store(true, Ordering::Release);
        watching.thread().unpark();
        done
    })
}
