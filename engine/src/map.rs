//! The public handle of a map, and its scan.
//!
//! Knows a map's index and its frames; changes nothing.

use std::{fmt, sync::Arc, vec};

use bytes::Bytes;

use crate::{
    collection::MapData,
    error::Error,
    format::frame::Kind,
    handle::Handle,
    index::map::Cursor,
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
        MapIter { map: self.clone(), cursor: Some(Cursor::default()), page: Vec::new().into_iter() }
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
    cursor: Option<Cursor>,
    page: vec::IntoIter<Location>,
}

impl Iterator for MapIter {
    type Item = Result<(Bytes, Bytes), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(location) = self.page.next() {
                let frames = &self.map.handle.frames;
                return Some(frames.with(location, |frame, source| {
                    debug_assert_eq!(frame.kind, Kind::Put);
                    let key = match source {
                        Source::Map(map, _) => map.slice_ref(frame.key()),
                        Source::Buffer => Bytes::copy_from_slice(frame.key()),
                    };
                    (key, payload(frame, source))
                }));
            }
            let (page, next) = self.map.data.index.page(self.cursor?, PAGE);
            (self.page, self.cursor) = (page.into_iter(), next);
        }
    }
}
