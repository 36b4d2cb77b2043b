//! Scans all segments on all cores, or reads their footers where those can be trusted.
//!
//! Knows scans; judges nothing.

use std::num::NonZero;

use super::{
    Tabled,
    found::Found,
    scan::{Scan, footer, scan},
};
use crate::{
    error::Error,
    format::{
        check::{KeyHash, Salt},
        header::HEADER_BYTES,
        table::{Table, TableBuilder},
    },
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        thread,
    },
};

/// Bytes of segments below which one thread looks at them all.
const ALONE_BYTES_MAX: u64 = 4 << 20;

/// What all segments hold.
pub(super) struct Scanned {
    /// `None` where the footer was read instead.
    pub(super) scans: Vec<Option<Scan>>,
    /// The tables of those.
    tables: Vec<Option<Table>>,
}

enum Look {
    Scanned(Scan),
    Trusted(Table),
}

/// Looks at every segment. The last is scanned first: it tells how far the store was durable, and
/// the footer of a segment that was durable as a whole can be trusted to tell what is in it. The first
/// segment is looked at from `start` on, in bytes from its beginning.
///
/// # Errors
/// [`Error::Io`], [`Error::Unsupported`].
pub(super) fn scan_all(
    segments: &[Found],
    start: u32,
    store_id: u64,
    hash: KeyHash,
) -> Result<Scanned, Error> {
    let Some((last, others)) = segments.split_last() else {
        return Ok(Scanned { scans: Vec::new(), tables: Vec::new() });
    };
    let start = |nth| if nth == 0 { start } else { HEADER_BYTES as u32 };
    let last = scan(last, store_id, hash, start(others.len()), None)?;
    let durable = last.durable;
    let bytes = others.iter().map(|found| found.file_bytes).sum();
    let looks = in_parallel(others.len(), bytes, |nth| {
        let (found, next) = (&segments[nth], segments[nth + 1].base());
        let end = found.base().zip(next).and_then(|(base, next)| next.checked_sub(base));
        let end = end.map(|bytes| bytes + HEADER_BYTES as u64);
        if next.is_some_and(|next| next <= durable)
            && let Some(footer) = footer(found, Salt::new(store_id, found.id))?
            && Some(u64::from(footer.data_end)) == end
        {
            return Ok(Look::Trusted(footer.table));
        }
        scan(found, store_id, hash, start(nth), end).map(Look::Scanned)
    })?;
    let (mut scans, mut tables) = (Vec::new(), Vec::new());
    for look in looks.into_iter().chain([Look::Scanned(last)]) {
        let (scan, table) = match look {
            Look::Scanned(scan) => (Some(scan), None),
            Look::Trusted(table) => (None, Some(table)),
        };
        scans.push(scan);
        tables.push(table);
    }
    Ok(Scanned { scans, tables })
}

impl Scanned {
    /// The tables of all segments, in order.
    pub(super) fn tabled(self, segments: &[Found]) -> Vec<Tabled> {
        let mut tabled = Vec::new();
        for (nth, (scan, table)) in self.scans.into_iter().zip(self.tables).enumerate() {
            let builder = TableBuilder::default();
            tabled.push(match (scan, table) {
                (Some(mut scan), _) => Tabled {
                    table: scan.table.finish(),
                    builder: scan.table,
                    end: scan.end,
                    is_sealed: scan.is_sealed,
                },
                (None, table) => {
                    let base = segments[nth].base().unwrap_or(0);
                    let next = segments.get(nth + 1).and_then(Found::base).unwrap_or(base);
                    let end = (next - base) as u32 + HEADER_BYTES as u32;
                    Tabled { table: table.unwrap_or_default(), builder, end, is_sealed: true }
                }
            });
        }
        tabled
    }
}

/// Runs `task` for 0 to before `count` on all cores, where `bytes` are not few to look at; the results
/// in order, or the first error.
fn in_parallel<T: Send>(
    count: usize,
    bytes: u64,
    task: impl Fn(usize) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(count)));
    on_cores(bytes, || {
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            if nth >= count {
                return;
            }
            let result = task(nth);
            if result.is_err() {
                next.store(count, Ordering::Relaxed);
            }
            done.lock().push((nth, result));
        }
    });
    let mut done = done.into_inner();
    done.sort_by_key(|(nth, _)| *nth);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Runs `run` on all cores at once, each until there is nothing left to do. Where `bytes` are few to
/// look at, this thread is done sooner than it could start others.
pub(super) fn on_cores(bytes: u64, run: impl Fn() + Sync) {
    let threads = match bytes {
        ..ALONE_BYTES_MAX => 1,
        _ => thread::available_parallelism().map_or(1, NonZero::get),
    };
    if threads == 1 {
        return run();
    }
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(&run);
        }
    });
}
