//! The sleep of the committer thread: nothing to do is no work, and being busy costs no syscall.
//!
//! Knows one thread; nothing of what it does.

use crate::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
    thread::{self, Thread},
};

/// The committer thread's bed. Empty when the store has no such thread.
#[derive(Debug, Default)]
pub(crate) struct Committer {
    thread: OnceLock<Thread>,
    idle: AtomicBool,
    stop: AtomicBool,
}

impl Committer {
    /// Whether there is a thread.
    pub(crate) fn exists(&self) -> bool {
        self.thread.get().is_some()
    }

    /// The thread that was started for it.
    pub(crate) fn set_thread(&self, thread: Thread) {
        let _ = self.thread.set(thread);
    }

    /// Wakes the thread if it sleeps. Called after there is something to do.
    pub(crate) fn wake(&self) {
        if self.idle.load(Ordering::SeqCst)
            && self.idle.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Asks the thread to end when nothing is left to do.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.wake();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Sleeps unless there is something to do; called by the thread itself. What is to be done must
    /// be looked at after the thread calls itself idle, or a wake could be lost.
    pub(crate) fn sleep_unless(&self, busy: impl FnOnce() -> bool) {
        self.idle.store(true, Ordering::SeqCst);
        if busy() || self.is_stopped() {
            self.idle.store(false, Ordering::SeqCst);
            return;
        }
        while self.idle.load(Ordering::SeqCst) {
            thread::park();
        }
    }
}
