//! A file that is opened for each call: a store with thousands of segments keeps none of them open.
//!
//! Knows a disk and a name; nothing of segments.

use std::{fmt, io, sync::Arc};

use bytes::Bytes;

use crate::storage::{Disk, File};

/// A file by its name. Its calls are few and long, so that opening it each time costs nothing.
pub(crate) struct Reopened {
    disk: Arc<dyn Disk>,
    name: String,
}

impl fmt::Debug for Reopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reopened").field(&self.name).finish()
    }
}

impl Reopened {
    pub(crate) fn new(disk: &Arc<dyn Disk>, name: String) -> Self {
        Self { disk: Arc::clone(disk), name }
    }

    fn open(&self) -> io::Result<Arc<dyn File>> {
        self.disk.open(&self.name)
    }
}

impl File for Reopened {
    fn bytes(&self) -> io::Result<u64> {
        self.open()?.bytes()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.open()?.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.open()?.write_at(bytes, offset)
    }

    /// What other handles wrote is synced too. A failed write-back that was reported to a handle
    /// closed meanwhile is not reported again; recovery writes once more what it needs durable.
    fn sync(&self) -> io::Result<()> {
        self.open()?.sync()
    }

    fn map(&self) -> io::Result<Bytes> {
        self.open()?.map()
    }
}
