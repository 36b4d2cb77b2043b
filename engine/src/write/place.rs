//! Gives a batch its place: the short critical section that orders all commits.
//!
//! Knows the tail and the indexes; nothing of how the tail reaches the disk.

use crate::{
    collection::{Collection, LogData, MapData},
    error::Error,
    format::frame::{Frame, Kind},
    read::resolve::{self, Held},
    shared::{Active, Core, Shared, Unfinished},
    sync::{Arc, MutexGuard, atomic::Ordering},
    write::encode::Encoded,
    write::placing::{Placing, Released, Seqs},
};

/// A batch that has its place.
#[derive(Debug)]
pub(crate) struct Placed {
    /// The position behind it.
    pub(crate) position: u64,
    pub(crate) seqs: Seqs,
    /// What no index points at any more; to be counted outside the critical section.
    pub(crate) released: Vec<Released>,
}

impl Shared {
    /// Gives a finished batch its place; waits only for a segment file to be made.
    ///
    /// # Errors
    /// See [`crate::Store::commit`]. Nothing was placed then.
    pub(crate) fn place(&self, batch: &mut Encoded) -> Result<Placed, Error> {
        loop {
            let mut core = self.core.lock();
            self.check_health()?;
            if core.closed {
                return Err(self.refusal());
            }
            let held = self.resolve(batch)?;
            if self.make_room(&mut core, batch.bytes().len()) {
                return Ok(self.place_in(core, batch, &held));
            }
            drop(core);
            self.prepare(batch.bytes().len())?;
        }
    }

    /// Everything that can fail: looks up what the batch's keys are held by, and checks what only
    /// the order of commits decides.
    fn resolve(&self, batch: &Encoded) -> Result<Vec<Option<Held>>, Error> {
        let mut held = Vec::new();
        let (bytes, mut at) = (batch.bytes(), 0);
        for (nth, target) in batch.targets().iter().enumerate() {
            if target.collection.is_dropped() {
                let name = target.collection.name();
                return Err(Error::rejected(format!("the collection {name:?} was dropped")));
            }
            match &target.collection {
                Collection::Map(map) => {
                    self.split_if_large(map);
                    for _ in 0..target.frames {
                        let frame = Frame::trusted(&bytes[at..]);
                        at += frame.padded();
                        if matches!(frame.kind, Kind::Put | Kind::Remove) {
                            let hash = batch.hashes()[held.len()];
                            held.push(resolve::held(&self.frames, map, hash, frame.key())?);
                        }
                    }
                }
                Collection::Log(log) if target.frames > target.appends => {
                    at = check_trims(batch, nth, at, log)?;
                }
                // Nothing to look up: skip to the next target only when one follows.
                Collection::Log(_) if nth + 1 == batch.targets().len() => {}
                Collection::Log(_) => {
                    for _ in 0..target.frames {
                        at += Frame::trusted(&bytes[at..]).padded();
                    }
                }
            }
        }
        Ok(held)
    }

    fn split_if_large(&self, map: &MapData) {
        if map.index.wants_split() {
            let hash = self.hash;
            // A frame that cannot be read leaves the map in one piece, which is slower but no error.
            let _ = map
                .index
                .split(|location| self.frames.with(location, |frame, _| hash.hash(frame.key())));
        }
    }

    /// Places the batch. Cannot fail; whoever panics in here leaves the store poisoned.
    fn place_in(
        &self,
        mut core: MutexGuard<'_, Core>,
        batch: &mut Encoded,
        held: &[Option<Held>],
    ) -> Placed {
        let unfinished = Unfinished(self);
        core.dirty = true;
        let appends = batch.appends();
        let (bytes, targets, hashes) = batch.split_mut();
        let Some(active) = core.active.as_mut() else {
            unreachable!("make_room made a segment active")
        };
        let Active { segment, offset, .. } = active;
        let segment = &*segment;
        // Held until the bytes are in: a reader that finds a location in an index waits for them.
        let mut tail = self.frames.tail.lock();
        let lead = tail.lead_bytes(segment, *offset) as u32;
        let keys = hashes.iter().copied().zip(held.iter().copied());
        let mut placing = Placing::new(segment, *offset + lead, appends, keys);
        let mut at = 0;
        for target in targets {
            at = match &target.collection {
                Collection::Log(log) => placing.log(bytes, at, target.frames, log),
                Collection::Map(map) => {
                    placing.map(bytes, at, target.frames, map, &self.frames.segments)
                }
            };
        }
        tail.extend(segment, *offset, bytes);
        self.frames.note(&tail);
        segment.add_placed(placing.live as i64);
        *offset += lead + bytes.len() as u32;
        let position = segment.position(*offset);
        self.marks.appended.store(position, Ordering::Release);
        std::mem::forget(unfinished);
        Placed { position, seqs: placing.seqs, released: placing.released }
    }
}

/// Checks the trims of the target that begins at `at`, and returns where it ends.
fn check_trims(batch: &Encoded, nth: usize, at: usize, log: &Arc<LogData>) -> Result<usize, Error> {
    let targets = batch.targets();
    let earlier = targets[..nth].iter().filter(|target| target.collection.id() == log.id);
    let mut next = log.index.read().next() + earlier.map(|t| t.appends as u64).sum::<u64>();
    let mut at = at;
    for _ in 0..targets[nth].frames {
        let frame = Frame::trusted(&batch.bytes()[at..]);
        at += frame.padded();
        match frame.kind {
            Kind::Append => next += 1,
            Kind::Trim if frame.seq() > next => {
                return Err(Error::rejected(format!(
                    "cannot trim log {:?} before {}: its next record is {next}",
                    log.name,
                    frame.seq()
                )));
            }
            _ => {}
        }
    }
    Ok(at)
}
