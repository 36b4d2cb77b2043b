//! Copies the live frames of the victims into a cold segment, collection by collection.
//!
//! Records of a log come to stand together, in order; keys of a map in the order in which they stood.
//! Knows indexes and frames; changes no index.

use super::{
    cold::Cold,
    moves::{LogMoves, MapMoves, MovedKey, MovedRun, Moves, Victims},
};
use crate::{
    collection::{Collection, LogData, MapData},
    error::Error,
    format::frame::{Frame, Kind},
    index::{log::Stretch, map::Cursor},
    location::Location,
    read::{resolve, window::Window},
    shared::Shared,
    sync::Arc,
};

/// Stretches, or keys, that are taken from an index at once.
const PAGE: usize = 1024;
/// What is read at once from a victim that the system refuses to map, in bytes.
const HINT_BYTES: usize = 64 << 10;

/// A copy under way.
pub(super) struct Copy<'a> {
    shared: &'a Shared,
    victims: &'a Victims,
    /// Begun with the first frame.
    cold: Option<Cold<'a>>,
    begin: &'a dyn Fn() -> Result<Cold<'a>, Error>,
    window: Window,
    moves: Vec<Moves>,
    is_full: bool,
}

/// A copy that is done.
pub(super) struct Copied<'a> {
    /// `None` when nothing was live.
    pub(super) cold: Option<Cold<'a>>,
    pub(super) moves: Vec<Moves>,
    /// Whether everything live of the victims was copied.
    pub(super) is_whole: bool,
}

impl<'a> Copy<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        victims: &'a Victims,
        begin: &'a dyn Fn() -> Result<Cold<'a>, Error>,
    ) -> Self {
        let (window, moves) = (Window::default(), Vec::new());
        Self { shared, victims, cold: None, begin, window, moves, is_full: false }
    }

    /// Copies everything.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a live frame of a victim that is damaged; those of writing.
    pub(super) fn all(mut self) -> Result<Copied<'a>, Error> {
        let mut collections = self.shared.names.read().all();
        collections.sort_unstable_by_key(Collection::id);
        for collection in collections {
            self.shared.check_open()?;
            match collection {
                Collection::Log(log) => self.log(log)?,
                Collection::Map(map) => self.map(map)?,
            }
        }
        Ok(Copied { cold: self.cold, moves: self.moves, is_whole: !self.is_full })
    }

    fn log(&mut self, log: Arc<LogData>) -> Result<(), Error> {
        let mut moves = LogMoves { log, runs: Vec::new(), places: Vec::new() };
        let (mut from, mut page) = (0, Vec::new());
        while !self.is_full {
            page.clear();
            moves.log.index.read().stretches(from, u64::MAX, PAGE, &mut page);
            let Some(last) = page.last() else { break };
            from = last.seq + last.count as u64;
            for stretch in &page {
                if self.victims.contains_key(&stretch.location.slot) && !self.is_full {
                    self.stretch(&mut moves, stretch)?;
                }
            }
        }
        if !moves.runs.is_empty() {
            self.moves.push(Moves::Log(moves));
        }
        Ok(())
    }

    fn stretch(&mut self, moves: &mut LogMoves, stretch: &Stretch) -> Result<(), Error> {
        let first = moves.log.index.read().first();
        let (before, mut location) = (moves.places.len(), stretch.location);
        for seq in stretch.seq..stretch.seq + stretch.count as u64 {
            let id = moves.log.id;
            let place = self.frame(location, |frame| {
                let is_append = frame.kind == Kind::Append && frame.collection == id;
                (is_append && frame.seq() == seq).then_some(seq >= first)
            })?;
            let Some((place, padded)) = place else {
                // What does not fit stays, with the rest of its run.
                moves.places.truncate(before);
                return Ok(());
            };
            moves.places.extend(place.map(|place| (place, padded)));
            location = location.plus(padded);
        }
        let count = moves.places.len() - before;
        if count > 0 {
            let seq = stretch.seq + (stretch.count - count) as u64;
            moves.runs.push(MovedRun { seq, count, old_slot: stretch.location.slot });
        }
        Ok(())
    }

    /// Checks the frame at a location of a victim and copies it if `is_wanted` says so; it says nothing
    /// to a frame that should not be there. Returns the new place, if it was copied, and the length;
    /// nothing when it does not fit.
    fn frame(
        &mut self,
        location: Location,
        is_wanted: impl FnOnce(&Frame<'_>) -> Option<bool>,
    ) -> Result<Option<(Option<Location>, usize)>, Error> {
        let Some(victim) = self.victims.get(&location.slot) else { return Ok(None) };
        let (frame, _) = self.window.checked(&self.shared.frames, location, HINT_BYTES)?;
        let is_wanted = is_wanted(&frame).ok_or_else(|| victim.corrupt(location.offset))?;
        if !is_wanted {
            return Ok(Some((None, frame.padded())));
        }
        let cold = match &mut self.cold {
            Some(cold) => cold,
            None => self.cold.insert((self.begin)()?),
        };
        let place = cold.add(&frame, (victim.salt, location.offset))?;
        self.is_full = place.is_none();
        Ok(place.map(|place| (Some(place), frame.padded())))
    }

    fn map(&mut self, map: Arc<MapData>) -> Result<(), Error> {
        let mut found = Vec::new();
        let mut cursor = Some(Cursor::default());
        while let Some(at) = cursor.filter(|_| !self.is_full) {
            let page = map.index.page(at, PAGE);
            let places = page.entries.iter().map(|(_, location)| *location);
            found.extend(places.filter(|location| self.victims.contains_key(&location.slot)));
            cursor = page.next;
        }
        found.sort_unstable_by_key(|location| location.pack());
        let mut keys = Vec::new();
        for old in found {
            let (id, mut hash) = (map.id, 0);
            let place = self.frame(old, |frame| {
                let is_it = resolve::is_put(frame, id);
                hash = if is_it { self.shared.hash.hash(frame.key()) } else { 0 };
                is_it.then_some(true)
            })?;
            let Some((Some(new), padded)) = place else { break };
            keys.push(MovedKey { hash, old, new, bytes: padded as u32 });
        }
        if !keys.is_empty() {
            self.moves.push(Moves::Map(MapMoves { map, keys }));
        }
        Ok(())
    }
}
