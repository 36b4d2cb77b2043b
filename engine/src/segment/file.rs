//! One segment file: how much of it is written, its memory map once sealed, its live bytes.
//!
//! Knows a file and its place in history; nothing of what its frames mean.

use std::io;

use bytes::Bytes;
use crossbeam::utils::CachePadded;

use crate::{
    error::Error,
    format::{
        check::Salt,
        header::{HEADER_BYTES, SegmentHeader},
    },
    segment::recent::Recent,
    storage::File,
    stripe::{STRIPES, stripe},
    sync::{
        Arc, Mutex, OnceLock, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering},
    },
};

/// A segment of an open store.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    pub(crate) slot: u16,
    pub(crate) salt: Salt,
    /// One handle of the map per stripe: threads that slice it count on different cache lines.
    maps: OnceLock<[CachePadded<Bytes>; STRIPES]>,
    /// Bytes from the start of the file that hold what was placed there.
    written: AtomicU32,
    /// Where the frames end, once nothing more will be written; 0 before.
    sealed_end: AtomicU32,
    /// Length of the file, once nothing more will be written.
    file_bytes: OnceLock<u64>,
    mapping: Mutex<()>,
    map_refused: AtomicBool,
    /// What was written last, until the map is there.
    recent: RwLock<Recent>,
    /// Somebody read from the file: until then nothing recent is kept, which saves writers a copy.
    is_read: AtomicBool,
    /// Given back once the map has taken its place.
    file: RwLock<Option<Arc<dyn File>>>,
    /// Bytes of frames that an index began to point at when they were placed.
    placed_bytes: CachePadded<AtomicI64>,
    /// What to add to that: bytes that recovery found, less those that no index points at any more.
    live_bytes: CachePadded<AtomicI64>,
}

impl Segment {
    /// A segment of which `written` bytes hold frames, sealed or not.
    pub(crate) fn new(header: SegmentHeader, slot: u16, file: Arc<dyn File>, written: u32) -> Self {
        Self {
            header,
            slot,
            salt: Salt::new(header.store_id, header.segment_id),
            maps: OnceLock::new(),
            written: AtomicU32::new(written),
            sealed_end: AtomicU32::new(0),
            file_bytes: OnceLock::new(),
            mapping: Mutex::new(()),
            map_refused: AtomicBool::new(false),
            recent: RwLock::new(Recent::default()),
            is_read: AtomicBool::new(false),
            file: RwLock::new(Some(file)),
            placed_bytes: CachePadded::new(AtomicI64::new(0)),
            live_bytes: CachePadded::new(AtomicI64::new(0)),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.header.segment_id
    }

    /// The position that an offset of this segment has in history.
    pub(crate) fn position(&self, offset: u32) -> u64 {
        self.header.base + u64::from(offset) - HEADER_BYTES as u64
    }

    /// Bytes from the start of the file that can be read from it.
    pub(crate) fn written(&self) -> u32 {
        self.written.load(Ordering::Acquire)
    }

    /// Tells readers that the file holds these bytes at `offset`, behind those written before.
    pub(crate) fn set_written(&self, offset: u32, bytes: &[u8]) {
        if self.is_read.load(Ordering::Relaxed) {
            self.recent.write().put(offset.into(), bytes);
        }
        self.written.store(offset + bytes.len() as u32, Ordering::Release);
    }

    /// Nothing more will be written, the footer included: the file may be mapped.
    pub(crate) fn seal(&self) {
        self.sealed_end.store(self.written(), Ordering::Release);
    }

    /// Where the frames end, once nothing more will be written; 0 before.
    pub(crate) fn sealed_end(&self) -> u32 {
        self.sealed_end.load(Ordering::Acquire)
    }

    /// Counts bytes that a batch placed. Called only under the lock that orders commits, so that it is
    /// a plain addition: what goes comes from anywhere, and has a counter of its own.
    pub(crate) fn add_placed(&self, bytes: i64) {
        let placed = self.placed_bytes.load(Ordering::Relaxed);
        self.placed_bytes.store(placed + bytes, Ordering::Relaxed);
    }

    /// Counts bytes that an index began to point at, or with a minus ceased to.
    pub(crate) fn add_live(&self, bytes: i64) {
        self.live_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Sets what a snapshot counted, whatever was counted before.
    pub(crate) fn set_live(&self, bytes: u64) {
        self.placed_bytes.store(bytes as i64, Ordering::Relaxed);
        self.live_bytes.store(0, Ordering::Relaxed);
    }

    /// Bytes of frames that an index still points at.
    pub(crate) fn live_bytes(&self) -> u64 {
        let placed = self.placed_bytes.load(Ordering::Relaxed);
        (placed + self.live_bytes.load(Ordering::Relaxed)).max(0) as u64
    }

    /// Whether nothing more will be written.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed_end.load(Ordering::Acquire) > 0
    }

    /// Length of the sealed file in bytes, its footer included.
    ///
    /// # Errors
    /// Those of the disk, when the system refused to map it.
    pub(crate) fn file_bytes(&self) -> io::Result<u64> {
        if let Some(known) = self.file_bytes.get() {
            return Ok(*known);
        }
        let bytes = match (self.maps.get(), self.file.read().clone()) {
            (None, Some(file)) => file.bytes()?,
            (Some(maps), _) => maps[0].len() as u64,
            (None, None) => self.map().map_or(0, Bytes::len) as u64,
        };
        Ok(*self.file_bytes.get_or_init(|| bytes))
    }

    /// The whole sealed file in memory; `None` when it is not sealed, or the system refuses a map.
    pub(crate) fn map(&self) -> Option<&Bytes> {
        if let Some(maps) = self.maps.get() {
            return Some(&maps[stripe()]);
        }
        if !self.is_sealed() || self.map_refused.load(Ordering::Relaxed) {
            return None;
        }
        self.make_map();
        self.maps.get().map(|maps| &*maps[stripe()])
    }

    fn make_map(&self) {
        let _one_at_a_time = self.mapping.lock();
        if self.maps.get().is_some() {
            return;
        }
        let Some(file) = self.file.read().clone() else { return };
        match file.map() {
            Ok(bytes) if bytes.len() >= self.written() as usize => {
                let stripe = || CachePadded::new(Bytes::from_owner(bytes.clone()));
                if self.maps.set([stripe(), stripe(), stripe(), stripe()]).is_ok() {
                    *self.file.write() = None;
                    self.recent.write().clear();
                }
            }
            // Reads go through the file instead, and tell when it is too short or fails.
            Ok(_) | Err(_) => self.map_refused.store(true, Ordering::Relaxed),
        }
    }

    /// Fills `buffer` from the file.
    ///
    /// # Errors
    /// Those of the disk; [`Error::Corrupt`] when the file ends too early.
    pub(crate) fn read(&self, buffer: &mut [u8], offset: u32) -> Result<(), Error> {
        loop {
            if let Some(map) = self.map() {
                let range = offset as usize..offset as usize + buffer.len();
                let bytes = map.get(range).ok_or_else(|| self.corrupt(offset))?;
                buffer.copy_from_slice(bytes);
                return Ok(());
            }
            if self.recent.read().read(buffer, offset.into()) {
                return Ok(());
            }
            if !self.is_read.load(Ordering::Relaxed) {
                self.is_read.store(true, Ordering::Relaxed);
            }
            let file = self.file.read().clone();
            // No file: it was mapped since the look above.
            let Some(file) = file else { continue };
            if file.read_at(buffer, offset.into())? < buffer.len() {
                return Err(self.corrupt(offset));
            }
            return Ok(());
        }
    }

    /// The open file; gone once mapped.
    pub(crate) fn file(&self) -> io::Result<Arc<dyn File>> {
        self.file.read().clone().ok_or_else(|| io::Error::other("the segment is sealed and mapped"))
    }

    /// The error for a frame of this segment that does not pass its check.
    pub(crate) fn corrupt(&self, offset: u32) -> Error {
        Error::Corrupt { segment: self.id(), offset: offset.into() }
    }
}
