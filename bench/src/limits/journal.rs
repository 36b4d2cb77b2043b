//! The file of `limit-ack`: preallocated, written over from its start when it is full. It is never read.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use rustix::io::{Errno, pwrite};

/// The size of the file.
const FILE_BYTES: u64 = 256 << 20;

/// An append-only file that never grows, so that a sync has no metadata to write.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    offset: u64,
    pending: Vec<u8>,
}

impl Journal {
    /// Creates the file in `dir` and fills it with zeros, synced.
    pub(super) fn create(dir: &Path) -> io::Result<Self> {
        let path = dir.join("limit-ack.journal");
        let file = preallocated(&path, FILE_BYTES)?;
        Ok(Self { file, offset: 0, pending: Vec::new() })
    }

    /// Takes one record. It is in the file after [`Journal::commit`].
    pub(super) fn append(&mut self, payload: &[u8]) {
        self.pending.extend_from_slice(&(payload.len() as u64).to_le_bytes());
        self.pending.extend_from_slice(payload);
    }

    /// One write and one sync for everything taken since the last one.
    pub(super) fn commit(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if self.offset + self.pending.len() as u64 > FILE_BYTES {
            self.offset = 0;
        }
        let mut rest = self.pending.as_slice();
        while !rest.is_empty() {
            match pwrite(&self.file, rest, self.offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.offset += written as u64;
                    rest = &rest[written..];
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        rustix::fs::fdatasync(&self.file)?;
        self.pending.clear();
        Ok(())
    }
}

/// A file of `bytes` zeros, written and synced, so that its blocks are all there.
pub(super) fn preallocated(path: &Path, bytes: u64) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
    let zeros = vec![0; 1 << 20];
    let mut rest = bytes;
    while rest > 0 {
        let chunk = rest.min(zeros.len() as u64);
        file.write_all(&zeros[..chunk as usize])?;
        rest -= chunk;
    }
    file.sync_all()?;
    Ok(file)
}
