//! The one owner of an open store, shared by all its handles; closes it when the last one goes.
//!
//! Knows how to end a store; nothing of how one is opened.

use std::{io, ops::Deref};

use crate::{
    error::Error,
    flush::background::run_committer,
    format::{
        frame::Kind,
        mark::{self, MARK_BYTES},
    },
    maintain::run_maintainer,
    shared::Shared,
    sync::{
        Arc, Mutex,
        atomic::Ordering,
        thread::{self, JoinHandle},
    },
    wake::waiters::Level,
};

/// The store's own threads, as far as the options ask for them.
#[derive(Debug, Default)]
struct Threads {
    committer: Option<JoinHandle<()>>,
    maintainer: Option<JoinHandle<()>>,
}

impl Threads {
    fn start(&mut self, shared: &Arc<Shared>) -> io::Result<()> {
        if shared.options.committer_thread {
            let of_thread = Arc::clone(shared);
            let builder = thread::Builder::new().name("syncline-commit".into());
            let handle = builder.spawn(move || run_committer(&of_thread))?;
            shared.committer.set_thread(handle.thread().clone());
            self.committer = Some(handle);
        }
        if shared.options.maintenance_thread {
            let of_thread = Arc::clone(shared);
            let builder = thread::Builder::new().name("syncline-maintain".into());
            let handle = builder.spawn(move || run_maintainer(&of_thread))?;
            shared.maintainer.set_thread(handle.thread().clone());
            self.maintainer = Some(handle);
        }
        Ok(())
    }

    /// Ends them. A panic in one has poisoned the store, which is told elsewhere.
    fn end(&mut self, shared: &Shared) {
        // In this order: maintenance may wait for a commit.
        if let Some(thread) = self.maintainer.take() {
            shared.maintainer.stop();
            let _ = thread.join();
        }
        if let Some(thread) = self.committer.take() {
            shared.committer.stop();
            let _ = thread.join();
        }
    }
}

/// An open store.
#[derive(Debug)]
pub(crate) struct Handle {
    shared: Arc<Shared>,
    threads: Mutex<Threads>,
}

impl Deref for Handle {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Handle {
    /// Starts the threads that the options ask for.
    ///
    /// # Errors
    /// [`Error::Io`] when the system has no thread left.
    pub(crate) fn start(shared: Shared) -> Result<Self, Error> {
        let shared = Arc::new(shared);
        let mut threads = Threads::default();
        if let Err(error) = threads.start(&shared) {
            threads.end(&shared);
            return Err(error.into());
        }
        Ok(Self { shared, threads: Mutex::new(threads) })
    }

    /// Makes everything durable, marks the clean end, and releases the lock. Later commits are
    /// refused; reads go on.
    ///
    /// # Errors
    /// What poisoned the store; [`Error::Poisoned`] when closing it again. The lock is released all
    /// the same.
    pub(crate) fn close(&self) -> Result<(), Error> {
        // Held to the end: a second one to close must not return, or stop the thread, before all is done.
        let mut threads = self.threads.lock();
        let ended = self.end();
        threads.end(&self.shared);
        // Who writes or makes a file just now ends first, and who comes later finds the store closed or
        // poisoned: behind the lock nothing may touch what the next opener has.
        drop(self.role.lock());
        drop(self.making.lock());
        drop(self.maintenance.lock());
        *self.lock.lock() = None;
        ended
    }

    fn end(&self) -> Result<(), Error> {
        let was_dirty = {
            let mut core = self.core.lock();
            if core.closed {
                return self.check_health();
            }
            core.closed = true;
            core.dirty
        };
        self.check_health()?;
        if !was_dirty {
            return Ok(());
        }
        // The mark says that everything before it is durable, so that must come true first.
        self.wait(self.appended(), Level::Synced)?;
        self.place_close_mark();
        self.wait(self.appended(), Level::Synced)
    }

    fn place_close_mark(&self) {
        let mut core = self.core.lock();
        let Some(active) = core.active.as_mut() else { return };
        let mut tail = self.frames.tail.lock();
        let segment = Arc::clone(&active.segment);
        let offset = active.offset + tail.lead_bytes(&segment, active.offset) as u32;
        let durable = segment.position(active.offset);
        tail.extend(
            &segment,
            active.offset,
            &mark::encode(Kind::Close, segment.salt, offset, durable),
        );
        self.frames.note(&tail);
        active.offset = offset + MARK_BYTES as u32;
        self.marks.appended.store(segment.position(active.offset), Ordering::Release);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Best effort: whoever needs to know closes the store, or waits for the commits.
        let _ = self.close();
    }
}
