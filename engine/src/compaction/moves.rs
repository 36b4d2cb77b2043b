//! What was copied into a cold segment, and the switch of the indexes to it, a few at a time.
//!
//! A key or record that moved on meanwhile stays where it is now. Knows indexes and counts; nothing of
//! files.

use hashbrown::HashMap;

use crate::{
    collection::{LogData, MapData},
    index::relocate::Moved,
    location::Location,
    segment::file::Segment,
    shared::Shared,
    sync::Arc,
};

/// Keys that are switched under one hold of the lock that orders commits.
const KEYS_AT_ONCE: usize = 256;
/// Records that are switched under one hold of their log's lock, but for the rest of a run.
const RECORDS_AT_ONCE: usize = 1024;

/// The segments that are being rewritten, by slot.
pub(crate) type Victims = HashMap<u16, Arc<Segment>>;

/// Frames of one collection that were copied.
#[derive(Debug)]
pub(crate) enum Moves {
    Log(LogMoves),
    Map(MapMoves),
}

/// Records of a log, in order.
#[derive(Debug)]
pub(crate) struct LogMoves {
    pub(crate) log: Arc<LogData>,
    pub(crate) runs: Vec<MovedRun>,
    /// Where each record of the runs stands now, and how long it is with its padding.
    pub(crate) places: Vec<(Location, usize)>,
}

/// Consecutive records that were a run of the index, or what was not trimmed of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MovedRun {
    pub(crate) seq: u64,
    pub(crate) count: usize,
    pub(crate) old_slot: u16,
}

/// Keys of a map.
#[derive(Debug)]
pub(crate) struct MapMoves {
    pub(crate) map: Arc<MapData>,
    pub(crate) keys: Vec<MovedKey>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct MovedKey {
    pub(crate) hash: u64,
    pub(crate) old: Location,
    pub(crate) new: Location,
    pub(crate) bytes: u32,
}

impl Moves {
    /// Points the index into the cold segment. Whether everything that was still where it was copied
    /// from now points there.
    pub(crate) fn switch(&self, shared: &Shared, victims: &Victims, cold: &Segment) -> bool {
        match self {
            Self::Log(log) => log.switch(victims, cold),
            Self::Map(map) => {
                map.switch(shared, victims, cold);
                true
            }
        }
    }
}

impl LogMoves {
    fn switch(&self, victims: &Victims, cold: &Segment) -> bool {
        let (mut rest, mut at, mut is_whole) = (&self.runs[..], 0, true);
        while let Some(first) = rest.first() {
            let (mut runs, mut records) = (0, 0);
            for run in rest {
                if run.seq != first.seq + records as u64 || records >= RECORDS_AT_ONCE {
                    break;
                }
                (runs, records) = (runs + 1, records + run.count);
            }
            let (group, behind) = rest.split_at(runs);
            is_whole &= self.switch_group(group, &self.places[at..at + records], victims, cold);
            (rest, at) = (behind, at + records);
        }
        is_whole
    }

    fn switch_group(
        &self,
        group: &[MovedRun],
        places: &[(Location, usize)],
        victims: &Victims,
        cold: &Segment,
    ) -> bool {
        let moved = Moved { seq: group.first().map_or(1, |run| run.seq), places };
        let trimmed = self.log.index.write().relocate(moved, |slot| victims.contains_key(&slot));
        // The index has it otherwise than when it was copied: that cannot be, and does no harm.
        let Some(mut trimmed) = trimmed else { return false };
        let mut rest = places;
        for run in group {
            let (own, behind) = rest.split_at(run.count);
            let skip = trimmed.min(run.count);
            let bytes: usize = own[skip..].iter().map(|(_, length)| length).sum();
            count(victims, run.old_slot, cold, bytes);
            (rest, trimmed) = (behind, trimmed - skip);
        }
        true
    }
}

impl MapMoves {
    fn switch(&self, shared: &Shared, victims: &Victims, cold: &Segment) {
        for keys in self.keys.chunks(KEYS_AT_ONCE) {
            let _in_order = shared.core.lock();
            for key in keys {
                if self.map.index.replace(key.hash, key.old, key.new) {
                    count(victims, key.old.slot, cold, key.bytes as usize);
                }
            }
        }
    }
}

fn count(victims: &Victims, old_slot: u16, cold: &Segment, bytes: usize) {
    if let Some(victim) = victims.get(&old_slot) {
        victim.add_live(-(bytes as i64));
        cold.add_live(bytes as i64);
    }
}
