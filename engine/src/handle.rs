//! The one owner of an open store, shared by all its handles; closes it when the last one goes.
//!
//! Knows how to end a store; nothing of how one is opened.

use std::ops::Deref;

use crate::{
    error::Error,
    flush::background::run_committer,
    format::{
        frame::Kind,
        mark::{self, MARK_BYTES},
    },
    shared::Shared,
    sync::{
        Arc, Mutex,
        atomic::Ordering,
        thread::{self, JoinHandle},
    },
    wake::waiters::Level,
};

/// An open store.
#[derive(Debug)]
pub(crate) struct Handle {
    shared: Arc<Shared>,
    committer: Mutex<Option<JoinHandle<()>>>,
}

impl Deref for Handle {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Handle {
    /// Starts the committer thread if the options ask for one.
    ///
    /// # Errors
    /// [`Error::Io`] when the system has no thread left.
    pub(crate) fn start(shared: Shared) -> Result<Self, Error> {
        let shared = Arc::new(shared);
        let committer = if shared.options.committer_thread {
            let of_thread = Arc::clone(&shared);
            let builder = thread::Builder::new().name("syncline-commit".into());
            let handle = builder.spawn(move || run_committer(&of_thread))?;
            shared.committer.set_thread(handle.thread().clone());
            Some(handle)
        } else {
            None
        };
        Ok(Self { shared, committer: Mutex::new(committer) })
    }

    /// Makes everything durable, marks the clean end, and releases the lock. Later commits are
    /// refused; reads go on.
    ///
    /// # Errors
    /// What poisoned the store; [`Error::Poisoned`] when closing it again. The lock is released all
    /// the same.
    pub(crate) fn close(&self) -> Result<(), Error> {
        // Held to the end: a second one to close must not return, or stop the thread, before all is done.
        let mut committer = self.committer.lock();
        let ended = self.end();
        if let Some(thread) = committer.take() {
            self.shared.committer.stop();
            // A panic in there has poisoned the store, which is told elsewhere.
            let _ = thread.join();
        }
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
