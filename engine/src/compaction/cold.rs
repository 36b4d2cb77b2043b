//! Writes a cold segment: frames at new places, a footer, and syncs in between.
//!
//! Knows frames and one file; nothing of indexes, or of which frames are worth moving.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::Error,
    format::{
        check::Salt,
        footer::Footer,
        frame::{self, Frame},
        header::{COLD, HEADER_BYTES, SegmentHeader, segment_name},
        table::TableBuilder,
    },
    location::Location,
    options::SEGMENT_BYTES_MAX,
    segment::file::Segment,
    shared::Shared,
    storage::File,
    sync::Arc,
};

/// Bytes that are written and synced at once, so that no sync of a commit waits for long behind them.
const STEP_BYTES: usize = 1 << 20;
/// How long a pause lasts before the store is asked again whether it was closed meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

/// A cold segment that is being written.
pub(super) struct Cold<'a> {
    shared: &'a Shared,
    header: SegmentHeader,
    slot: u16,
    salt: Salt,
    file: Arc<dyn File>,
    /// What is not written yet, and where it goes.
    buffer: Vec<u8>,
    start: u32,
    table: TableBuilder,
    began: Instant,
    /// Most bytes that are written in a second; `None` when there is no time for that.
    bytes_per_second: Option<u64>,
}

impl<'a> Cold<'a> {
    /// Begins the cold segment of this number.
    ///
    /// # Errors
    /// [`Error::Full`] or [`Error::Io`].
    pub(super) fn create(
        shared: &'a Shared,
        number: u64,
        slot: u16,
        bytes_per_second: Option<u64>,
    ) -> Result<Self, Error> {
        let segment_id = COLD | number;
        let header = SegmentHeader { store_id: shared.store_id, segment_id, base: 0 };
        let file = shared.disk.create(&segment_name(segment_id), 0).map_err(Error::reserving)?;
        Ok(Self {
            shared,
            header,
            slot,
            salt: Salt::new(shared.store_id, segment_id),
            file,
            buffer: header.encode().to_vec(),
            start: 0,
            table: TableBuilder::default(),
            began: Instant::now(),
            bytes_per_second,
        })
    }

    fn end(&self) -> u32 {
        self.start + self.buffer.len() as u32
    }

    /// Bytes of frames in it.
    pub(super) fn frame_bytes(&self) -> u64 {
        u64::from(self.end()) - HEADER_BYTES as u64
    }

    /// Copies a frame that was checked at its place; `None` when it does not fit.
    ///
    /// # Errors
    /// Those of [`Cold::step`].
    pub(super) fn add(
        &mut self,
        frame: &Frame<'_>,
        from: (Salt, u32),
    ) -> Result<Option<Location>, Error> {
        let offset = self.end();
        if u64::from(offset) + frame.padded() as u64 > SEGMENT_BYTES_MAX {
            return Ok(None);
        }
        let at = self.buffer.len();
        self.buffer.extend_from_slice(frame.bytes());
        frame::carry(&mut self.buffer[at..], from, (self.salt, offset));
        self.table.push(frame, self.shared.hash);
        if self.buffer.len() >= STEP_BYTES {
            self.step()?;
        }
        Ok(Some(Location { slot: self.slot, offset }))
    }

    /// Writes and syncs what has gathered, and pauses as the throttle has it.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Io`]; a failed sync poisons the store. [`Error::Closed`] and
    /// [`Error::Poisoned`] when it was closed or poisoned meanwhile.
    fn step(&mut self) -> Result<(), Error> {
        self.write()?;
        self.sync()?;
        self.shared.check_open()?;
        let Some(rate) = self.bytes_per_second else { return Ok(()) };
        let due = Duration::from_secs_f64(f64::from(self.start) / rate as f64);
        while let Some(left) = due.checked_sub(self.began.elapsed()).filter(|left| !left.is_zero())
        {
            thread::sleep(left.min(PAUSE));
            self.shared.check_open()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Error> {
        self.file.write_at(&self.buffer, self.start.into()).map_err(Error::reserving)?;
        self.start = self.end();
        self.buffer.clear();
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        self.file.sync().map_err(|error| self.shared.fail(error))
    }

    /// Makes it whole and durable, its name too, and puts it in its slot: it can be read from then on.
    ///
    /// # Errors
    /// As [`Cold::step`].
    pub(super) fn finish(mut self) -> Result<Arc<Segment>, Error> {
        let data_end = self.end();
        let footer = Footer { data_end, durable: 0, table: self.table.finish() };
        let bytes = footer.encode(self.salt, data_end);
        self.buffer.extend_from_slice(&bytes);
        self.write()?;
        self.sync()?;
        self.shared.disk.sync_dir().map_err(|error| self.shared.fail(error))?;
        let segment = Arc::new(Segment::new(self.header, self.slot, self.file, data_end));
        segment.seal();
        // At once, so that the file can be closed.
        segment.map();
        self.shared.frames.segments.set(Arc::clone(&segment));
        Ok(segment)
    }
}
