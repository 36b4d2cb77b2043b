//! Reads a segment file in big steps, wherever a scan has come to.
//!
//! Knows a file and a limit; nothing of frames. A failed read is an I/O error, never damage.

use std::{io, sync::Arc};

use crate::storage::File;

const STEP_BYTES: usize = 1 << 20;

/// The bytes of a file before a limit.
#[derive(Debug)]
pub(super) struct FileBytes {
    file: Arc<dyn File>,
    limit: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl FileBytes {
    /// The bytes of `file` before `limit`, which is at most its length.
    pub(super) fn new(file: Arc<dyn File>, limit: u64) -> Self {
        Self { file, limit, start: 0, buffer: Vec::new() }
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// The bytes from `at` on: at least `at_least`, or up to the limit when that comes before.
    pub(super) fn from(&mut self, at: u64, at_least: usize) -> io::Result<&[u8]> {
        let left = self.limit.saturating_sub(at);
        let wanted = left.min(at_least as u64);
        let end = self.start + self.buffer.len() as u64;
        if at < self.start || at + wanted > end {
            let bytes = left.min(at_least.max(STEP_BYTES) as u64) as usize;
            self.buffer.resize(bytes, 0);
            self.start = at;
            let read = self.file.read_at(&mut self.buffer, at)?;
            self.buffer.truncate(read);
        }
        Ok(self.buffer.get((at - self.start) as usize..).unwrap_or_default())
    }

    /// Where the last byte before the limit that is not zero ends; `at` when there is none behind.
    pub(super) fn last_used(&mut self, mut at: u64) -> io::Result<u64> {
        let mut used = at;
        while at < self.limit {
            let bytes = self.from(at, STEP_BYTES)?;
            if bytes.is_empty() {
                break;
            }
            if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
                used = at + last as u64 + 1;
            }
            at += bytes.len() as u64;
        }
        Ok(used)
    }
}
