//! Tells a store's history from what was found of it: frame by frame, with the holes in between.
//!
//! Knows tables and places; nothing of what the frames mean.

use super::{Survey, Surveyed, damage::Flaw};
use crate::{
    error::Error,
    format::{
        frame::Kind,
        header::{HEADER_BYTES, is_cold},
        table::{Item, Items},
    },
    recovery::image::Image,
};

/// Something in history, in its order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// A frame that is no mark. Damaged, but told by a table, when there is a `damage`: its place in
    /// the list.
    Frame {
        /// Its segment, by its place in the list.
        nth: usize,
        item: Item<'a>,
        damage: Option<usize>,
        /// It stands directly behind a sound append to the same log.
        adjacent: bool,
        /// The snapshot that history is replayed over may have it already.
        is_imaged: bool,
    },
    /// Here frames of which nothing is known may be missing.
    Hole { nth: usize, offset: u64, damage: usize },
}

impl Survey {
    /// The image that history is replayed over: that of the newest whole snapshot.
    pub(crate) fn image(&self) -> Option<&Image> {
        self.snapshots.iter().rev().find_map(|snapshot| snapshot.image.as_ref())
    }

    /// Tells everything that counts to `tell`.
    ///
    /// # Errors
    /// The first of `tell`.
    pub(crate) fn replay(
        &self,
        mut tell: impl FnMut(Event<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut places = self.places.iter().enumerate().peekable();
        let image = self.image();
        let (replay, as_of) =
            image.map_or((0, 0), |image| (image.header.replay, image.header.as_of));
        let begins = image.map_or(0, |image| image.kept.replay_segment());
        for (nth, segment) in self.segments.iter().enumerate() {
            let end = match self.cut {
                Some((cut_nth, _)) if cut_nth < nth => 0,
                Some((cut_nth, offset)) if cut_nth == nth => offset,
                _ => u64::MAX,
            };
            let (mut holes, mut told) = (Vec::new(), Vec::new());
            while let Some((damage, place)) = places.next_if(|(_, place)| place.nth == nth) {
                if place.hides && !self.is_before(segment, damage, replay) {
                    holes.push((place.offset, damage));
                }
                if place.is_told {
                    told.push((place.offset, damage));
                }
            }
            if segment.entry.id < begins || is_cold(segment.entry.id) {
                continue;
            }
            let (holes, told) = (&holes[..], &told[..]);
            let mut segment = Segment { nth, segment, holes, told, replay, as_of };
            segment.replay(end, &mut tell)?;
        }
        Ok(())
    }

    /// Whether what a damage hides lies before a position for certain.
    fn is_before(&self, segment: &Surveyed, damage: usize, position: u64) -> bool {
        let Some(damage) = self.damages.get(damage) else { return false };
        let end = damage.offset.saturating_add(damage.bytes).saturating_sub(HEADER_BYTES as u64);
        matches!(damage.flaw, Flaw::Frame | Flaw::Frames)
            && segment.base.saturating_add(end) <= position
    }
}

struct Segment<'a> {
    nth: usize,
    segment: &'a Surveyed,
    /// Offsets, each with its damage.
    holes: &'a [(u64, usize)],
    told: &'a [(u64, usize)],
    /// Positions: what is before the one is not told, what is before the other may be known.
    replay: u64,
    as_of: u64,
}

impl Segment<'_> {
    fn replay(
        &mut self,
        end: u64,
        tell: &mut impl FnMut(Event<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let segment = self.segment;
        for stretch in &segment.looked.stretches {
            let mut log_before = None;
            for item in placed(stretch.table.items(), stretch.start) {
                let offset = u64::from(item.offset);
                if offset >= end {
                    return Ok(());
                }
                self.holes_before(offset, tell)?;
                let position = segment.base + offset - HEADER_BYTES as u64;
                if position < self.replay {
                    log_before = None;
                    continue;
                }
                let is_imaged = position < self.as_of;
                let damage = self.damage_at(offset);
                let is_append = item.kind == Kind::Append;
                let adjacent = is_append && log_before == Some(item.collection);
                log_before = (is_append && damage.is_none()).then_some(item.collection);
                if !matches!(item.kind, Kind::Flush | Kind::Close) {
                    let nth = self.nth;
                    tell(Event::Frame { nth, item, damage, adjacent, is_imaged })?;
                }
            }
        }
        self.holes_before(end, tell)
    }

    fn holes_before(
        &mut self,
        offset: u64,
        tell: &mut impl FnMut(Event<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        while let Some((&(at, damage), rest)) = self.holes.split_first() {
            if at >= offset {
                break;
            }
            tell(Event::Hole { nth: self.nth, offset: at, damage })?;
            self.holes = rest;
        }
        Ok(())
    }

    fn damage_at(&mut self, offset: u64) -> Option<usize> {
        while let Some((&(at, damage), rest)) = self.told.split_first() {
            if at > offset {
                break;
            }
            self.told = rest;
            if at == offset {
                return Some(damage);
            }
        }
        None
    }
}

/// The items of a table whose first frame begins at `start`.
pub(crate) fn placed(items: Items<'_>, start: u32) -> impl Iterator<Item = Item<'_>> {
    let shift = start - HEADER_BYTES as u32;
    items.flatten().map(move |item| Item { offset: item.offset + shift, ..item })
}
