//! Threads that wait for a watermark, each parked on its own.
//!
//! Knows positions and threads; nothing of what moves a watermark.

use crate::sync::{
    Arc, Mutex,
    atomic::{AtomicU8, Ordering, fence},
    thread::{self, Thread},
};

/// Which watermark is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// In the operating system's hands.
    Written,
    /// On the device.
    Synced,
}

const WAITING: u8 = 0;
/// Runs, and looks for itself; needs no wake.
const AWAKE: u8 = 1;
/// Woken.
const CALLED: u8 = 2;

/// One waiting thread.
#[derive(Debug)]
pub(crate) struct Cell {
    thread: Thread,
    state: AtomicU8,
}

impl Cell {
    /// The thread is about to look for itself, and then to park.
    pub(crate) fn set_waiting(&self) {
        self.state.store(WAITING, Ordering::SeqCst);
        // Either this thread sees the watermark that has moved, or who moved it sees this.
        fence(Ordering::SeqCst);
    }

    /// The thread is busy and will look for itself later.
    pub(crate) fn set_awake(&self) {
        self.state.store(AWAKE, Ordering::SeqCst);
    }

    /// Parks until called.
    pub(crate) fn park(&self) {
        while self.state.load(Ordering::Acquire) == WAITING {
            thread::park();
        }
    }

    /// Wakes the thread if it waits; `false` when it was awake.
    pub(crate) fn call(&self) -> bool {
        fence(Ordering::SeqCst);
        let waited = self
            .state
            .compare_exchange(WAITING, CALLED, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok();
        if waited {
            self.thread.unpark();
        }
        waited
    }
}

#[derive(Debug)]
struct Entry {
    position: u64,
    level: Level,
    cell: Arc<Cell>,
}

/// The threads that wait.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    entries: Mutex<Vec<Entry>>,
}

impl Waiters {
    /// Adds the calling thread, waiting for a watermark to reach `position`.
    pub(crate) fn add(&self, position: u64, level: Level) -> Arc<Cell> {
        let cell = Arc::new(Cell { thread: thread::current(), state: AtomicU8::new(WAITING) });
        self.entries.lock().push(Entry { position, level, cell: Arc::clone(&cell) });
        cell
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.entries.lock().len()
    }

    /// Whether somebody waits for a sync of something after `synced`.
    pub(crate) fn want_sync(&self, synced: u64) -> bool {
        let wants = |entry: &Entry| entry.level == Level::Synced && entry.position > synced;
        self.entries.lock().iter().any(wants)
    }

    /// Takes out those whose watermark has come.
    pub(crate) fn take_served(&self, written: u64, synced: u64) -> Vec<Arc<Cell>> {
        let mut served = Vec::new();
        self.entries.lock().retain(|entry| {
            let waits = is_open(entry, written, synced);
            if !waits {
                served.push(Arc::clone(&entry.cell));
            }
            waits
        });
        served
    }

    /// Takes out everyone.
    pub(crate) fn take_all(&self) -> Vec<Arc<Cell>> {
        self.entries.lock().drain(..).map(|entry| entry.cell).collect()
    }

    /// Wakes one thread whose watermark has not come, so that it may take the flush role.
    pub(crate) fn call_one(&self, written: u64, synced: u64) {
        let entries = self.entries.lock();
        for entry in entries.iter().filter(|entry| is_open(entry, written, synced)) {
            if entry.cell.call() {
                return;
            }
        }
    }
}

fn is_open(entry: &Entry, written: u64, synced: u64) -> bool {
    let reached = match entry.level {
        Level::Written => written,
        Level::Synced => synced,
    };
    entry.position > reached
}
