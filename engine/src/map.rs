//! The public handle of a map, and its scan.
//!
//! Knows a map's index and its frames; changes nothing.

use std::{fmt, sync::Arc};

use bytes::Bytes;

use crate::{
    collection::MapData,
    error::Error,
    handle::Handle,
    index::map::{Cursor, Page},
    location::Location,
    read::resolve::{self, payload},
    segment::frames::Source,
};

/// Entries that a scan takes from the index at once.
const PAGE: usize = 128;

/// A map of the store: unordered keys with values. Cheap to clone.
///
/// Reads see everything that is committed, durable or not.
#[derive(Clone)]
pub struct Map {
    pub(crate) handle: Arc<Handle>,
    pub(crate) data: Arc<MapData>,
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl Map {
    /// The map's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.data.name
    }

    /// The value of a key, if it is there. From a sealed segment it is borrowed, not copied, and
    /// keeps that segment mapped.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a frame does not match its checksum, [`Error::Io`] when the disk
    /// fails. Other keys can still be read.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        resolve::value(&self.handle.frames, &self.data, self.handle.hash.hash(key), key)
    }

    /// Whether a key is there.
    ///
    /// # Errors
    /// As [`Map::get`].
    pub fn contains(&self, key: &[u8]) -> Result<bool, Error> {
        let hash = self.handle.hash.hash(key);
        Ok(resolve::held(&self.handle.frames, &self.data, hash, key)?.is_some())
    }

    /// How many keys it has.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.data.index.len() as u64
    }

    /// Whether it has no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every key with its value, in no order. A key that is there from the beginning to the end of
    /// the scan comes exactly once; of one that is put or removed meanwhile, either state may come.
    #[must_use]
    pub fn iter(&self) -> MapIter {
        MapIter::new(self.clone())
    }
}

impl IntoIterator for &Map {
    type Item = Result<(Bytes, Bytes), Error>;
    type IntoIter = MapIter;

    fn into_iter(self) -> MapIter {
        self.iter()
    }
}

/// Scans a map. After an error it goes on with the next key.
#[derive(Debug)]
pub struct MapIter {
    map: Map,
    page: Page,
    /// Entries of the page that are done.
    at: usize,
    /// How often segments had been removed when the page was taken.
    reclaims: u64,
    /// Keys that came already of the print at hand, when it has several.
    group: Vec<Bytes>,
    /// Keys that came already, of prints that had to be looked up again.
    seen: Vec<Bytes>,
}

impl MapIter {
    fn new(map: Map) -> Self {
        Self {
            map,
            page: Page::before_first(),
            at: 0,
            reclaims: 0,
            group: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// Takes the page at a cursor.
    fn take(&mut self, cursor: Cursor) {
        self.reclaims = self.map.handle.frames.segments.reclaims();
        self.page = self.map.data.index.page(cursor, PAGE);
        self.at = 0;
    }

    fn is_stale(&self) -> bool {
        self.map.handle.frames.segments.reclaims() != self.reclaims
    }

    /// The place of the next entry; takes another page at the end of one, and the rest of this one
    /// again when a segment was removed since it was taken.
    fn locate(&mut self) -> Option<(u32, Location)> {
        loop {
            match self.page.entries.get(self.at).copied() {
                Some((print, _)) if self.is_stale() => {
                    self.seen.append(&mut self.group);
                    self.take(self.page.back_to(print));
                }
                Some(entry) => return Some(entry),
                None => {
                    self.group.clear();
                    self.take(self.page.next?);
                }
            }
        }
    }

    fn read(&self, location: Location) -> Result<(Bytes, Bytes), Error> {
        let frames = &self.map.handle.frames;
        let read = frames.with(location, |frame, source| {
            let key = match source {
                Source::Map(map, _) => map.slice_ref(frame.key()),
                Source::Buffer => Bytes::copy_from_slice(frame.key()),
            };
            let is_one = resolve::is_put(frame, self.map.data.id);
            is_one.then(|| (key, payload(frame, source)))
        })?;
        match read {
            Some(entry) => Ok(entry),
            None => Err(frames.segments.at(location.slot)?.corrupt(location.offset)),
        }
    }

    /// Goes on to the next entry, and remembers the key if its print has others.
    fn step(&mut self, print: u32, key: Option<&Bytes>) {
        let print_at = |at: usize| self.page.entries.get(at).map(|(print, _)| *print);
        let before = self.at.checked_sub(1).and_then(print_at);
        let has_others = before == Some(print) || print_at(self.at + 1) == Some(print);
        if before != Some(print) {
            self.group.clear();
        }
        if has_others && let Some(key) = key {
            self.group.push(key.clone());
        }
        self.at += 1;
    }
}

impl Iterator for MapIter {
    type Item = Result<(Bytes, Bytes), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (print, location) = self.locate()?;
            let read = self.read(location);
            if self.is_stale() {
                continue;
            }
            self.step(print, read.as_ref().ok().map(|(key, _)| key));
            match &read {
                Ok((key, _)) if self.seen.contains(key) => {}
                _ => return Some(read),
            }
        }
    }
}
