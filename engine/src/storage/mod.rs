//! The only way to the disk: a small seam with the real disk behind it, or a simulated one.
//!
//! Knows names, bytes and syncs; nothing of segments, frames or records.

mod real;
pub mod sim;
#[cfg(test)]
mod tests;

use std::{fmt, io, sync::Arc};

use bytes::Bytes;

pub use real::RealDisk;

/// One directory of files.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Takes the directory's exclusive lock until the guard is dropped or the process ends.
    ///
    /// # Errors
    /// [`LockError::Held`] when another holder has it.
    fn lock(&self) -> Result<Box<dyn LockGuard>, LockError>;

    /// The names of the files in the directory, in no order; not the lock's own file.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Opens an existing file.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Creates a file that must not exist, with `bytes` zeros whose space is reserved. Its name is
    /// durable after [`Disk::sync_dir`].
    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn File>>;

    /// Renames a file, replacing `to`. Durable after [`Disk::sync_dir`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Durable after [`Disk::sync_dir`].
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes the directory's names durable.
    fn sync_dir(&self) -> io::Result<()>;
}

/// One file.
pub trait File: fmt::Debug + Send + Sync {
    /// Its length in bytes.
    fn bytes(&self) -> io::Result<u64>;

    /// Fills as much of `buffer` as the file has from `offset`; short only at the file's end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes`. Durable after [`File::sync`].
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the file's bytes and length durable. Never retried after a failure.
    fn sync(&self) -> io::Result<()>;

    /// Maps the whole file, which is not written or cut any more.
    fn map(&self) -> io::Result<Bytes>;
}

/// Holds the directory's lock.
pub trait LockGuard: fmt::Debug + Send + Sync {}

/// Why the lock was not taken.
#[derive(Debug)]
pub enum LockError {
    /// Another process, or another store of this one, has it.
    Held {
        /// The holder's process id, when it could be read.
        pid: Option<u32>,
    },
    /// The disk failed.
    Io(io::Error),
}
