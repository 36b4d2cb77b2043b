//! A disk that hides a failed sync: what a careless store would do by itself.

use std::{io, sync::Arc};

use bytes::Bytes;
use syncline_engine::storage::{Disk, File, LockError, LockGuard, sim::SimDisk};

/// A disk whose failed syncs are tried again until they succeed, as a careless store would.
#[derive(Debug)]
pub(crate) struct Retrying(pub(crate) SimDisk);

#[derive(Debug)]
struct RetryingFile(Arc<dyn File>);

impl Disk for Retrying {
    fn lock(&self) -> Result<Box<dyn LockGuard>, LockError> {
        self.0.lock()
    }
    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(RetryingFile(self.0.open(name)?)))
    }
    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(RetryingFile(self.0.create(name, bytes)?)))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }
    fn sync_dir(&self) -> io::Result<()> {
        self.0.sync_dir()
    }
}

impl File for RetryingFile {
    fn bytes(&self) -> io::Result<u64> {
        self.0.bytes()
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_at(bytes, offset)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.sync().or_else(|_| self.0.sync())
    }
    fn map(&self) -> io::Result<Bytes> {
        self.0.map()
    }
}
