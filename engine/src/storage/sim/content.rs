//! One simulated file: what the page cache holds, what the device holds, and what lies between.
//!
//! Knows bytes and sectors; nothing of names or of who asks.

use std::{io, ops::Range};

use super::{
    chance::Chance,
    fate::{Fate, Outcome},
};

/// What the device writes as one; a torn write still splits one now and then.
pub(super) const SECTOR_BYTES: usize = 512;

/// Something the device has not been told yet.
#[derive(Clone, Debug)]
struct Dirty {
    step: u64,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    /// The file's new length in bytes.
    Length(usize),
    /// A sector as the page cache held it after the step; `nth` counts the step's sectors.
    Sector { at: usize, nth: usize, content: Vec<u8> },
}

/// A file.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    cached: Vec<u8>,
    device: Vec<u8>,
    dirty: Vec<Dirty>,
    unreadable: Vec<Range<u64>>,
}

impl Content {
    /// A new file of zeros.
    pub(super) fn zeros(step: u64, bytes: usize) -> Self {
        let mut content = Self::default();
        content.grow(step, bytes);
        content
    }

    /// A file that is on the device.
    pub(super) fn on_device(bytes: Vec<u8>) -> Self {
        Self { cached: bytes.clone(), device: bytes, ..Self::default() }
    }

    pub(super) fn cached(&self) -> &[u8] {
        &self.cached
    }

    fn grow(&mut self, step: u64, bytes: usize) {
        if bytes > self.cached.len() {
            self.cached.resize(bytes, 0);
            self.dirty.push(Dirty { step, change: Change::Length(bytes) });
        }
    }

    pub(super) fn write(&mut self, step: u64, bytes: &[u8], offset: usize) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        self.grow(step, end);
        self.cached[offset..end].copy_from_slice(bytes);
        for (nth, sector) in (offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES)).enumerate() {
            let at = sector * SECTOR_BYTES;
            let content = self.cached[at..self.cached.len().min(at + SECTOR_BYTES)].to_vec();
            self.dirty.push(Dirty { step, change: Change::Sector { at, nth, content } });
        }
    }

    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.check_readable(&(offset..offset.saturating_add(buffer.len() as u64)))?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.cached.len());
        let bytes = buffer.len().min(self.cached.len() - start);
        buffer[..bytes].copy_from_slice(&self.cached[start..start + bytes]);
        Ok(bytes)
    }

    pub(super) fn read_all(&self) -> io::Result<Vec<u8>> {
        self.check_readable(&(0..u64::MAX))?;
        Ok(self.cached.clone())
    }

    /// Reads that touch these bytes fail from now on.
    pub(super) fn make_unreadable(&mut self, range: Range<u64>) {
        self.unreadable.push(range);
    }

    fn check_readable(&self, asked: &Range<u64>) -> io::Result<()> {
        match self.unreadable.iter().any(|bad| bad.start < asked.end && asked.start < bad.end) {
            true => Err(rustix::io::Errno::IO.into()),
            false => Ok(()),
        }
    }

    pub(super) fn sync(&mut self) {
        // Only what is dirty: sectors that a failed sync lost are clean and stay lost.
        self.device = self.after_cut(&Fate::KEEP_ALL);
        self.dirty.clear();
    }

    /// A sync that fails: some sectors arrive, the others are lost although the page cache still
    /// shows them and holds them clean, so that no later sync brings them (the behaviour that
    /// Rebello et al. found on every file system, "Can Applications Recover from fsync Failures?", 2020).
    pub(super) fn fail_sync(&mut self, chance: &mut Chance) {
        let fate = Fate::new(chance.next(), &self.steps().collect::<Vec<_>>());
        self.device = self.after_cut(&fate);
        // The file system keeps lengths apart from the data, and safer.
        self.device.resize(self.cached.len(), 0);
        self.dirty.clear();
    }

    /// The steps that left something un-synced here.
    pub(super) fn steps(&self) -> impl Iterator<Item = u64> {
        self.dirty.iter().map(|dirty| dirty.step)
    }

    /// What the device holds after a power cut.
    pub(super) fn after_cut(&self, fate: &Fate) -> Vec<u8> {
        let mut bytes = self.device.clone();
        for dirty in &self.dirty {
            if let Change::Length(length) = dirty.change
                && fate.keeps_length(dirty.step)
            {
                bytes.resize(length.max(bytes.len()), 0);
            }
        }
        // In the order they were made: a sector ends as one of the contents it had, maybe torn
        // between two, which is what a cache that writes whole sectors back can leave.
        for dirty in &self.dirty {
            let Change::Sector { at, nth, content } = &dirty.change else { continue };
            let kept = match fate.sector(dirty.step, *nth) {
                Outcome::Lost => 0,
                Outcome::Kept => content.len(),
                Outcome::Torn(bytes) => bytes.min(content.len()),
            };
            // Bytes past the length that was kept are nowhere.
            let end = bytes.len().min(at + kept);
            if end > *at {
                bytes[*at..end].copy_from_slice(&content[..end - at]);
            }
        }
        bytes
    }

    /// The same file after a power cut, which has taken the cache along.
    pub(super) fn cut(&self, fate: &Fate) -> Self {
        Self { unreadable: self.unreadable.clone(), ..Self::on_device(self.after_cut(fate)) }
    }
}
