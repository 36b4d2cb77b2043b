//! Opening a store to read only: beside a writer, without permission to write, or in spite of damage.
//!
//! Knows what can be read and makes a store of it that refuses commits.

use std::{path::Path, sync::Arc, time::Instant};

use crate::{
    error::Error,
    handle::Handle,
    lenient,
    options::Options,
    report::OpenReport,
    storage::{Disk, RealDisk},
    store::{Store, share},
};

impl Store {
    /// Opens the store in a directory to read only. Takes no lock and never writes a byte, so that it
    /// works beside a writer, on a store that is locked, and without the permission to write. What is
    /// read is the store as it is now: what a writer commits later is not seen, and what it deletes
    /// stays readable. Nothing says that what is read is durable.
    ///
    /// A damaged store is opened too: [`OpenReport::damages`] tells what is bad, as far as an opening
    /// sees it ([`verify`](crate::offline::verify) looks at every byte), and reading a damaged record
    /// is [`Error::Corrupt`]. A collection whose name is lost is called as
    /// [`Lost::nameless`](crate::offline::Lost::nameless) says. Where a stretch of history is lost
    /// ([`Lost::Unknown`](crate::offline::Lost::Unknown)), a key may show the value it had before.
    ///
    /// # Errors
    /// [`Error::Rejected`] when the directory holds no store: none is made. [`Error::Unsupported`]
    /// for one of a newer version, [`Error::Io`]. Commits are [`Error::Rejected`].
    pub fn open_read_only(dir: impl AsRef<Path>) -> Result<Self, Error> {
        let disk = RealDisk::open_read_only(dir)?;
        Self::open_read_only_on(Arc::new(disk), Options::default())
    }

    /// As [`Store::open_read_only`], on a disk of the caller's.
    ///
    /// # Errors
    /// As [`Store::open_read_only`]; [`Error::Rejected`] for options out of their bounds.
    pub fn open_read_only_on(disk: Arc<dyn Disk>, options: Options) -> Result<Self, Error> {
        Self::open_lenient(disk, options, false)
    }

    /// As [`Store::open_read_only_on`], after a look at every byte: all damage is known.
    ///
    /// # Errors
    /// As [`Store::open_read_only`].
    pub(crate) fn open_thoroughly(disk: Arc<dyn Disk>) -> Result<Self, Error> {
        Self::open_lenient(disk, Options::default(), true)
    }

    fn open_lenient(
        disk: Arc<dyn Disk>,
        options: Options,
        is_thorough: bool,
    ) -> Result<Self, Error> {
        let began = Instant::now();
        let mut options = options.checked()?;
        // There is nothing for a thread to do.
        options.committer_thread = false;
        let opened = lenient::open(&disk, is_thorough, !is_thorough)?;
        let report = OpenReport {
            segments: opened.recovered.segments as u64,
            records: opened.recovered.records,
            bytes_cut: 0,
            damages: opened.damages,
            torn: opened.torn,
            elapsed: began.elapsed(),
            ..OpenReport::default()
        };
        let mut shared = share(opened.recovered, options, disk);
        shared.is_read_only = true;
        shared.core.lock().closed = true;
        Ok(Self { handle: Arc::new(Handle::start(shared)?), report: Arc::new(report) })
    }
}
