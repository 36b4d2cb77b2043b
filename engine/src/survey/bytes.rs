//! Reads a file in big steps and goes on behind what the disk does not give back.
//!
//! Knows a file and a limit; nothing of frames. What is unreadable is noted, and stands as bytes that
//! are no frame.

use std::{
    io::{self, ErrorKind},
    ops::Range,
    sync::Arc,
};

use crate::storage::File;

const STEP_BYTES: usize = 1 << 20;
/// What is given up at once where the disk fails.
const SECTOR_BYTES: usize = 4 << 10;
/// In place of what cannot be read: neither zeros nor the head of a frame.
const UNREADABLE: u8 = 0xff;

/// The bytes of a file.
#[derive(Debug)]
pub(super) struct FileBytes {
    file: Arc<dyn File>,
    /// Length of the file, or what of it is looked at.
    limit: u64,
    start: u64,
    buffer: Vec<u8>,
    unreadable: Vec<(Range<u64>, ErrorKind)>,
}

impl FileBytes {
    pub(super) fn new(file: Arc<dyn File>, limit: u64) -> Self {
        Self { file, limit, start: 0, buffer: Vec::new(), unreadable: Vec::new() }
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// What could not be read so far, in order.
    pub(super) fn unreadable(mut self) -> Vec<(Range<u64>, ErrorKind)> {
        self.unreadable.sort_by_key(|(range, _)| range.start);
        let mut merged: Vec<(Range<u64>, ErrorKind)> = Vec::new();
        for (range, kind) in self.unreadable {
            match merged.last_mut().filter(|(last, _)| range.start <= last.end) {
                Some((last, _)) => last.end = last.end.max(range.end),
                None => merged.push((range, kind)),
            }
        }
        merged
    }

    /// The bytes from `at` on: at least `at_least`, or up to the limit when that comes before.
    pub(super) fn from(&mut self, at: u64, at_least: usize) -> &[u8] {
        let left = self.limit.saturating_sub(at);
        let wanted = left.min(at_least as u64);
        let end = self.start + self.buffer.len() as u64;
        if at < self.start || at + wanted > end {
            self.buffer.resize(left.min(at_least.max(STEP_BYTES) as u64) as usize, 0);
            self.start = at;
            self.fill();
        }
        self.buffer.get((at - self.start) as usize..).unwrap_or_default()
    }

    fn fill(&mut self) {
        match self.file.read_at(&mut self.buffer, self.start) {
            Ok(read) => self.buffer.truncate(read),
            Err(_) => self.fill_by_sectors(),
        }
    }

    fn fill_by_sectors(&mut self) {
        let mut at = 0;
        while at < self.buffer.len() {
            let end = (at + SECTOR_BYTES).min(self.buffer.len());
            let begins = self.start + at as u64;
            match self.file.read_at(&mut self.buffer[at..end], begins) {
                Ok(read) if read < end - at => return self.buffer.truncate(at + read),
                Ok(_) => {}
                Err(error) => {
                    self.buffer[at..end].fill(UNREADABLE);
                    self.unreadable.push((begins..self.start + end as u64, error.kind()));
                }
            }
            at = end;
        }
    }

    /// The first and the last byte that is not zero from `at` to before `end`.
    pub(super) fn used(&mut self, mut at: u64, end: u64) -> Option<Range<u64>> {
        let mut used: Option<Range<u64>> = None;
        while at < end {
            let bytes = self.from(at, STEP_BYTES.min((end - at) as usize));
            let bytes = &bytes[..bytes.len().min((end - at) as usize)];
            if bytes.is_empty() {
                break;
            }
            if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
                let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(last);
                let begins = used.map_or(at + first as u64, |used| used.start);
                used = Some(begins..at + last as u64 + 1);
            }
            at += bytes.len() as u64;
        }
        used
    }
}

/// Whether an error says that the file is gone.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::storage::{Disk, sim::SimDisk};

    fn open(content: Vec<u8>) -> (SimDisk, FileBytes) {
        let bytes = content.len() as u64;
        let disk = SimDisk::with_files(1, BTreeMap::from([("file".to_owned(), content)]));
        let file = disk.open("file").unwrap();
        (disk, FileBytes::new(file, bytes))
    }

    #[test]
    fn what_is_used_lies_between_the_zeros() {
        let mut content = vec![0; 3 << 20];
        let (_disk, mut bytes) = open(content.clone());
        assert_eq!(bytes.used(0, 3 << 20), None);
        (content[1000], content[2 << 20]) = (1, 1);
        let (_disk, mut bytes) = open(content);
        assert_eq!(bytes.used(0, 3 << 20), Some(1000..(2 << 20) + 1));
        assert_eq!(bytes.used(1001, 3 << 20), Some(2 << 20..(2 << 20) + 1));
        assert_eq!(bytes.used(1001, 2 << 20), None);
    }

    #[test]
    fn behind_what_is_unreadable_it_goes_on() {
        let (disk, mut bytes) = open(vec![1; 64 << 10]);
        disk.make_unreadable("file", 5000..9000).unwrap();
        let read = bytes.from(0, 64 << 10);
        assert_eq!((read[4095], read[4096], read[12_287], read[12_288]), (1, 0xff, 0xff, 1));
        let unreadable = bytes.unreadable();
        assert_eq!(unreadable.len(), 1);
        assert_eq!(unreadable[0].0, 4096..12_288);
    }
}
