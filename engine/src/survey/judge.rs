//! Tells damage from an unfinished end, and where history stops.
//!
//! Pure: knows what was found; reads nothing.

use std::collections::BTreeSet;

use super::{
    Place, Survey, Surveyed,
    damage::{Damage, Flaw, Torn},
    directory::Directory,
    look::{Looked, Spot},
};
use crate::format::header::{HEADER_BYTES, is_cold};

/// What the bad places mean.
#[derive(Debug)]
pub(super) struct Judged {
    /// Where each segment begins in history.
    bases: Vec<u64>,
    /// Damages, each with the place of its segment in the list.
    damages: Vec<(usize, Spot)>,
    cut: Option<(usize, u64)>,
}

/// Judges what was found in the segments, in order: a bad place is damage when something says that
/// it had been durable, and else it is where history ends.
pub(super) fn judge(directory: &Directory, looked: &[Looked]) -> Judged {
    let as_of = directory.image().map_or(0, |image| image.header.as_of);
    let durable = looked.iter().map(|one| one.durable).max().unwrap_or(0).max(as_of);
    let mut judged = Judged { bases: Vec::new(), damages: Vec::new(), cut: None };
    let (mut ends, mut before) = (Some(0), 0);
    for (nth, (entry, one)) in directory.entries.iter().zip(looked).enumerate() {
        ends = ends.filter(|_| entry.id == before + 1);
        before = entry.id;
        let begins = entry.base.or(ends).unwrap_or(durable);
        judged.bases.push(begins);
        if is_cold(entry.id) {
            judged.cold(nth, entry.flaw.as_ref(), entry.file_bytes, &one.spots);
            continue;
        }
        if let Some(flaw) = &entry.flaw {
            // The first header is durable before a store is used: it cannot be unfinished.
            let is_torn = begins >= durable && nth > 0 && directory.store_id.is_some();
            judged.file(nth, flaw.clone(), entry.file_bytes, is_torn);
        }
        if let (Some(found), Some(expected)) = (entry.base, ends)
            && found != expected
            && judged.cut.is_none()
        {
            let flaw = Flaw::Base { expected, found };
            judged.damages.push((nth, whole(flaw, HEADER_BYTES as u64)));
        }
        let end = position(begins, one.end.into());
        for spot in &one.spots {
            // A footer is synced with what comes behind its segment. What there is of one that never was
            // is missed by nobody.
            let is_footer = matches!(spot.flaw, Flaw::Footer | Flaw::NotZero);
            if !is_footer || end < durable {
                judged.spot(nth, spot, position(begins, spot.batch_at) >= durable);
            }
        }
        let is_known = entry.is_ours() && directory.store_id.is_some();
        ends = is_known.then_some(end);
    }
    judged
}

/// The position of an offset in a segment.
fn position(base: u64, offset: u64) -> u64 {
    base.saturating_add(offset.saturating_sub(HEADER_BYTES as u64))
}

/// A bad place that is a file as a whole, or its header.
fn whole(flaw: Flaw, bytes: u64) -> Spot {
    Spot { offset: 0, bytes, flaw, batch_at: 0, is_told: false }
}

impl Judged {
    fn file(&mut self, nth: usize, flaw: Flaw, file_bytes: u64, is_torn: bool) {
        match flaw {
            Flaw::Header if is_torn => self.cut = self.cut.or(Some((nth, 0))),
            Flaw::Header if self.cut.is_some() => {}
            Flaw::Header => self.damages.push((nth, whole(flaw, HEADER_BYTES as u64))),
            // No crash leaves these.
            flaw => self.damages.push((nth, whole(flaw, file_bytes))),
        }
    }

    fn spot(&mut self, nth: usize, spot: &Spot, is_beyond_durable: bool) {
        if self.cut.is_some() {
            return;
        }
        let may_be_torn = !matches!(
            spot.flaw,
            Flaw::Footer | Flaw::NotZero | Flaw::Unreadable { .. } | Flaw::Base { .. }
        );
        if may_be_torn && is_beyond_durable {
            self.cut = Some((nth, spot.batch_at));
        } else {
            self.damages.push((nth, spot.clone()));
        }
    }

    /// A cold segment was whole before anything told of it: all that is bad in it is damage.
    fn cold(&mut self, nth: usize, flaw: Option<&Flaw>, file_bytes: u64, spots: &[Spot]) {
        let flaw = flaw.map(|flaw| match flaw {
            Flaw::Header => whole(Flaw::Header, HEADER_BYTES as u64),
            flaw => whole(flaw.clone(), file_bytes),
        });
        self.damages.extend(flaw.iter().chain(spots).map(|spot| (nth, spot.clone())));
    }

    /// The segments that have a damage, by their place in the list.
    pub(super) fn damaged(&self) -> BTreeSet<usize> {
        self.damages.iter().map(|(nth, _)| *nth).collect()
    }

    pub(super) fn survey(self, directory: Directory, looked: Vec<Looked>) -> Survey {
        let Directory { entries, snapshots, leftovers, spares, store_id } = directory;
        let mut places = Vec::new();
        let damages = self.damages.into_iter().map(|(nth, spot)| {
            let entry = &entries[nth];
            let hides = spot.hides() || store_id.is_none();
            places.push(Place { nth, offset: spot.offset, hides, is_told: spot.is_told });
            let Spot { offset, bytes, flaw, .. } = spot;
            let (file, segment) = (entry.name.clone(), Some(entry.id));
            Damage { file, segment, offset, bytes, flaw, lost: Vec::new() }
        });
        let damages = damages.collect();
        let parts = entries.into_iter().zip(self.bases).zip(looked);
        let segments: Vec<Surveyed> =
            parts.map(|((entry, base), looked)| Surveyed { entry, base, looked }).collect();
        let torn = self.cut.map(|(nth, offset)| torn(&segments, nth, offset));
        let (store_id, cut) = (store_id.unwrap_or(0), self.cut);
        let mut survey =
            Survey { store_id, segments, spares, torn, cut, damages, places, snapshots, leftovers };
        survey.add_snapshots();
        survey
    }
}

impl Survey {
    /// Adds the damages of the snapshots.
    fn add_snapshots(&mut self) {
        for snapshot in &self.snapshots {
            for (range, flaw) in &snapshot.flaws {
                let (file, offset) = (snapshot.name.clone(), range.start);
                let (bytes, flaw) = (range.end - range.start, flaw.clone());
                let lost = Vec::new();
                self.damages.push(Damage { file, segment: None, offset, bytes, flaw, lost });
            }
        }
    }
}

fn torn(segments: &[Surveyed], nth: usize, offset: u64) -> Torn {
    let used = |one: &Surveyed| u64::from(one.looked.end);
    let bytes: u64 = segments[nth..].iter().map(used).sum();
    let entry = &segments[nth].entry;
    let (file, segment) = (entry.name.clone(), entry.id);
    Torn { file, segment, offset, bytes: bytes.saturating_sub(offset) }
}
