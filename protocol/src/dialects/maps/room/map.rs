//! One map in memory: its index, what is due, and how a record is put and read.
//!
//! Knows the collections; nothing of requests.

use bytes::Bytes;

use super::{
    super::{
        cursor::Cursor,
        digest::{Path, fingerprint, hash_of},
        index::{Entry, Index},
        record::{Kind, RecordRef},
        settings::Settings,
        stored::StoredRef,
        window::Changes,
    },
    meta::{META_KEY, Meta},
    times::{LATE_PART, Times},
    views::Views,
};
use crate::dialect::{Collections, UnixMillis, Unreadable};

/// The collection of records, by path.
pub(super) const RECORDS: u64 = 0;
/// The collection of what a map keeps besides.
pub(super) const META: u64 = 1;

/// A map.
#[derive(Debug)]
pub(super) struct Map {
    pub(super) name: Box<str>,
    pub(super) settings: Settings,
    pub(super) meta: Meta,
    pub(super) lately: Lately,
    pub(super) index: Index,
    pub(super) times: Times,
    pub(super) views: Views,
}

/// Which snapshots were begun not long ago.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lately {
    /// A moment, in milliseconds, less than a day before the floor rose last, of a month's retention.
    at_ms: u64,
    /// The floor at that moment.
    floor: u64,
}

impl Lately {
    /// That of a map which was just made of what it keeps.
    pub(super) fn new(floor: u64) -> Self {
        Self { at_ms: 0, floor }
    }

    /// Takes note that the floor rises now, above this.
    pub(super) fn note(&mut self, now_ms: u64, floor: u64, retention_ms: u64) {
        if now_ms.saturating_sub(self.at_ms) >= retention_ms / LATE_PART {
            *self = Self { at_ms: now_ms, floor };
        }
    }

    /// Whether a snapshot that says this base misses nothing by what was forgotten since it was begun:
    /// all of that had come before.
    pub(super) fn has(&self, base: u64) -> bool {
        base > self.floor
    }
}

impl Map {
    /// Where it is.
    pub(super) fn position(&self) -> Cursor {
        self.cursor_at(self.last_seq())
    }

    /// The number of its last change, the same after a restart: what is forgotten counts.
    pub(super) fn last_seq(&self) -> u64 {
        self.index.last_seq().max(self.meta.floor)
    }

    /// The number of the next change: above all that were given, and above what a version says that a
    /// history may have given which is lost, as after a backup was put back. Not the next version: many
    /// changes of one key leave little in the store, and versions must not outrun its length.
    fn next_seq(&self, collections: &impl Collections) -> u64 {
        collections.version().max(self.last_seq()) + 1
    }

    pub(super) fn cursor_at(&self, seq: u64) -> Cursor {
        Cursor::new(self.meta.generation, seq, 0)
    }

    pub(super) fn root(&self) -> [u8; 16] {
        fingerprint(&self.index.root())
    }

    /// From before which moment tombstones may go.
    pub(super) fn kept_ms(&self, now: UnixMillis) -> u64 {
        now.0.saturating_sub(self.settings.limits.tombstone_retention_ms)
    }

    /// Puts a record in the place of `old`, with the next number.
    pub(super) fn put(
        &mut self,
        path: Path,
        record: &RecordRef<'_>,
        old: Option<&RecordRef<'_>>,
        now: UnixMillis,
        collections: &mut impl Collections,
        changes: &mut Changes,
    ) {
        let seq = self.next_seq(collections);
        if self.meta.generation == 0 {
            self.meta = Meta::begin(&self.name, now, seq);
            self.put_meta(collections);
        }
        let key = path.to_key();
        collections.put(RECORDS, &key, &StoredRef { seq, record: record.clone() }.encode());
        let watermark_ms = self.meta.watermark_ms;
        if old.is_some_and(|old| self.times.remove(path, old, watermark_ms)) {
            collections.remove(META, &key);
        }
        let retention_ms = self.settings.limits.tombstone_retention_ms;
        let is_late = Times::is_late(record, now.0, watermark_ms, retention_ms);
        if is_late {
            collections.put(META, &key, &now.0.to_le_bytes());
        }
        self.times.add(path, record, is_late.then_some(now.0), watermark_ms);
        let counted = is_counted(record, watermark_ms);
        let entry = Entry { path, leaf: hash_of(record.clone()), seq, counted };
        self.index.insert(entry);
        self.views.put(record.key, entry, self.index.len());
        changes.push(self.cursor_at(seq), &self.name, record);
    }

    pub(super) fn put_meta(&self, collections: &mut impl Collections) {
        collections.put(META, META_KEY, &self.meta.encode());
    }

    /// About how much memory it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.name.len()
            + self.index.memory_bytes()
            + self.times.memory_bytes()
            + self.views.memory_bytes()
    }
}

/// Whether trees hold this record: all but tombstones below the watermark.
pub(super) fn is_counted(record: &RecordRef<'_>, watermark_ms: u64) -> bool {
    record.kind == Kind::Put || record.hlc.millis >= watermark_ms
}

/// The stored bytes of a record that the index has.
///
/// # Errors
/// [`Unreadable`], also when they are not there.
pub(super) fn read(path: Path, collections: &impl Collections) -> Result<Bytes, Unreadable> {
    collections.get(RECORDS, &path.to_key())?.ok_or(Unreadable)
}

/// The record in stored bytes.
///
/// # Errors
/// [`Unreadable`].
pub(super) fn stored(bytes: &Bytes) -> Result<StoredRef<'_>, Unreadable> {
    StoredRef::decode(bytes).ok_or(Unreadable)
}

/// What a reader sees of a record now: itself, or the tombstone of its end.
pub(super) fn as_of<'a>(record: RecordRef<'a>, now: UnixMillis) -> RecordRef<'a> {
    match record.expires_at() {
        Some(end) if end < now => {
            let mut hlc = record.hlc;
            hlc.millis = end.0;
            RecordRef { key: record.key, kind: Kind::Remove, hlc, ttl_ms: 0, value: &[] }
        }
        _ => record,
    }
}
