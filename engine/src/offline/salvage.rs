//! Copies all that is whole of a damaged store into a new one.
//!
//! Records keep their sequence numbers. Knows a store that can be read and one that can be written.

use std::{
    collections::HashSet,
    ops::Range,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    backup::unfinished,
    collection::Kind,
    error::Error,
    format::header::parse_segment_name,
    ids::Seq,
    index::log::LogIndex,
    log::Log,
    map::Map,
    offline::{Damage, Lost, Torn},
    options::{Durability, NAME_BYTES_MAX, Options, RECORD_BYTES_MAX},
    storage::{Disk, RealDisk},
    store::Store,
    write::batch::Batch,
};

/// Bytes of records that are committed at once.
const BATCH_BYTES: usize = 1 << 20;

/// What a salvage copied, and what it left.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SalvageReport {
    /// Records of logs that were copied.
    pub records: u64,
    /// Keys of maps that were copied.
    pub values: u64,
    /// What could not be copied, by collection; with [`Lost::Unknown`] in a damage there may have been
    /// more.
    pub left: Vec<Lost>,
    /// Parts of logs that stand before a hole: each is a log of its own now.
    pub parts: Vec<Part>,
    /// Everything that is damaged in the old store.
    pub damages: Vec<Damage>,
    /// An unfinished end of the old store, which was left.
    pub torn: Option<Torn>,
    /// How long it took.
    pub elapsed: Duration,
}

/// A part of a log that stands before a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// The log that it was a part of.
    pub log: String,
    /// What it is called now: the log's name, `@`, and the first and the last sequence number with a
    /// `-` between; `lost/` and the log's id in place of a name that would be too long, and a `+`
    /// behind it when something else has the name.
    pub name: String,
    /// Its first sequence number.
    pub first: Seq,
    /// Its last sequence number.
    pub last: Seq,
}

/// Copies all that is whole of the store in `from` into a new one in `to`, which is created when it is
/// missing and has to be empty. Every byte of the old store is looked at, and none is changed. The
/// new store is whole and durable on return.
///
/// Records keep their sequence numbers. A log with a hole keeps its newest whole part under its own
/// name, and each part before that becomes a log of its own ([`Part`]). When the newest records are
/// what is lost, the log ends before them, and their numbers are given again: the report tells. A
/// collection whose name is lost is called as [`Lost::nameless`] says. Where a stretch of history is
/// lost that nothing tells of ([`Lost::Unknown`]), a key may have the value it had before.
///
/// # Errors
/// [`Error::Rejected`] when there is no store in `from` or something in `to`, and when a writer removed
/// segments before they were copied; [`Error::Unsupported`], [`Error::Full`], [`Error::Io`]. What was copied then is removed; what a
/// crash leaves is refused by [`Store::open`].
pub fn salvage(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<SalvageReport, Error> {
    let from = Arc::new(RealDisk::open_read_only(from)?);
    salvage_on(from, Arc::new(RealDisk::open(to)?), Options::default())
}

/// As [`salvage`], on disks of the caller's; the new store is made with these options.
///
/// # Errors
/// As [`salvage`].
pub fn salvage_on(
    from: Arc<dyn Disk>,
    to: Arc<dyn Disk>,
    mut options: Options,
) -> Result<SalvageReport, Error> {
    let began = Instant::now();
    if !to.list()?.is_empty() {
        return Err(Error::rejected("the directory to copy to is not empty"));
    }
    let names = from.list()?;
    let old = Store::open_thoroughly(Arc::clone(&from))?;
    // Whatever the old store took fits the new one; it is made durable as a whole.
    options.record_bytes_max = RECORD_BYTES_MAX;
    options.durability = Durability::Os;
    let new = match Store::open_on(Arc::clone(&to), options) {
        Ok(new) => new,
        // Somebody else is about to make a store there.
        Err(error @ Error::Locked { .. }) => return Err(error),
        Err(error) => {
            unfinished::clear(&*to);
            return Err(error);
        }
    };
    let copied = unfinished::mark(&*to).and_then(|()| {
        let mut salvage = Salvage::new(&old, &new);
        let copied = salvage.copy();
        let is_less = copied.is_err() || !salvage.report.left.is_empty();
        if is_less && is_any_gone(&*from, &names)? {
            let why =
                "segments went while they were read: end what has the store open, and try again";
            return Err(Error::rejected(why));
        }
        copied.map(|()| salvage.report)
    });
    let closed = new.close();
    let finished = copied.and_then(|report| {
        closed?;
        unfinished::unmark(&*to)?;
        Ok(report)
    });
    let report = finished.inspect_err(|_| unfinished::clear(&*to))?;
    let found = old.report();
    Ok(SalvageReport {
        damages: found.damages.clone(),
        torn: found.torn.clone(),
        elapsed: began.elapsed(),
        ..report
    })
}

/// Whether a segment among these files is gone: a writer had no use for it any more.
fn is_any_gone(disk: &dyn Disk, names: &[String]) -> Result<bool, Error> {
    let there: HashSet<String> = disk.list()?.into_iter().collect();
    let mut segments = names.iter().filter(|name| parse_segment_name(name).is_some());
    Ok(segments.any(|name| !there.contains(name)))
}

struct Salvage<'a> {
    old: &'a Store,
    new: &'a Store,
    /// Names that something has or will have.
    taken: HashSet<String>,
    batch: Batch,
    batch_bytes: usize,
    report: SalvageReport,
}

impl<'a> Salvage<'a> {
    fn new(old: &'a Store, new: &'a Store) -> Self {
        let taken = old.collections().into_iter().map(|(_, name)| name).collect();
        let (batch, report) = (Batch::new(), SalvageReport::default());
        Self { old, new, taken, batch, batch_bytes: 0, report }
    }

    fn copy(&mut self) -> Result<(), Error> {
        let mut all = self.old.collections();
        all.sort_by(|one, other| one.1.cmp(&other.1));
        for (kind, name) in all {
            match kind {
                Kind::Log => self.log(&self.old.log(&name)?)?,
                Kind::Map => self.map(&self.old.map(&name)?)?,
            }
        }
        self.commit()?;
        // Records that do not begin at 1 are found by a snapshot only: there are two from the start.
        self.new.snapshot()?;
        self.new.snapshot()
    }

    fn log(&mut self, log: &Log) -> Result<(), Error> {
        let (parts, holes) = parts(log)?;
        for hole in holes {
            let (first, last) = (Seq(hole.start), Seq(hole.end - 1));
            self.report.left.push(Lost::Records { log: log.name().to_owned(), first, last });
        }
        let next = log.next_seq().0;
        let (newest, before) = match parts.split_last() {
            Some((newest, before)) => (newest.clone(), before),
            None => (next..next, &[][..]),
        };
        for part in before {
            let name = self.part_name(log, part);
            let (first, last) = (Seq(part.start), Seq(part.end - 1));
            self.part(log, part, &name)?;
            self.report.parts.push(Part { log: log.name().to_owned(), name, first, last });
        }
        self.part(log, &newest, log.name())
    }

    /// A name that nothing else has.
    fn part_name(&mut self, log: &Log, part: &Range<u64>) -> String {
        let numbers = format!("@{}-{}", part.start, part.end - 1);
        let mut name = format!("{}{numbers}", log.name());
        if name.len() > NAME_BYTES_MAX {
            name = format!("{}{numbers}", Lost::nameless(log.data.id));
        }
        while !self.taken.insert(name.clone()) {
            name.push('+');
        }
        name
    }

    fn part(&mut self, log: &Log, part: &Range<u64>, name: &str) -> Result<(), Error> {
        let new = self.new.log(name)?;
        *new.data.index.write() = LogIndex::starting_at(part.start);
        let mut reader = log.read(Seq(part.start)..Seq(part.end));
        while let Some(record) = reader.next_ref() {
            let (_, payload) = record?;
            self.batch.append(&new, payload);
            self.report.records += 1;
            self.grow(payload.len())?;
        }
        self.commit()
    }

    fn map(&mut self, map: &Map) -> Result<(), Error> {
        let new = self.new.map(map.name())?;
        for entry in map {
            match entry {
                Ok((key, value)) => {
                    self.batch.put(&new, &key, &value);
                    self.report.values += 1;
                    self.grow(key.len() + value.len())?;
                }
                Err(error) => {
                    lossy(error)?;
                    self.report.left.push(Lost::Value { map: map.name().to_owned() });
                }
            }
        }
        self.commit()
    }

    /// Commits when much has gathered.
    fn grow(&mut self, bytes: usize) -> Result<(), Error> {
        self.batch_bytes += bytes;
        if self.batch_bytes >= BATCH_BYTES { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.batch_bytes = 0;
        self.new.commit(std::mem::take(&mut self.batch)).map(drop)
    }
}

/// Sequence numbers, in order.
type Ranges = Vec<Range<u64>>;

/// The whole parts of a log, and the holes between them.
fn parts(log: &Log) -> Result<(Ranges, Ranges), Error> {
    let (mut parts, mut holes) = (Vec::new(), Vec::new());
    let (mut at, next) = (log.first_seq().0, log.next_seq().0);
    while at < next {
        let mut reader = log.read(Seq(at)..Seq(next));
        let mut end = at;
        let bad = loop {
            match reader.next_ref() {
                Some(Ok((seq, _))) => end = seq.0 + 1,
                Some(Err(error)) => break Some(error),
                None => break None,
            }
        };
        add(&mut parts, at..end);
        if let Some(error) = bad {
            lossy(error)?;
            add(&mut holes, end..end + 1);
            end += 1;
        }
        at = end;
    }
    Ok((parts, holes))
}

/// Adds a range, to the last one when it goes on there.
fn add(ranges: &mut Vec<Range<u64>>, new: Range<u64>) {
    match ranges.last_mut() {
        _ if new.is_empty() => {}
        Some(last) if last.end == new.start => last.end = new.end,
        _ => ranges.push(new),
    }
}

/// Lets pass what only concerns the old store's bytes: damage, and what its disk does not give back.
fn lossy(error: Error) -> Result<(), Error> {
    match error {
        Error::Corrupt { .. } | Error::Io(_) => Ok(()),
        error => Err(error),
    }
}
