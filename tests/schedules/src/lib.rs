//! Locks, atomics and threads as the engine takes them, with an explorer below that decides who runs
//! next; and the ways to explore.
//!
//! The shapes are those of `parking_lot` and `std`. Knows nothing of the engine.

mod bounded;
mod cells;
mod explore;
mod locks;
pub mod thread;

pub use cells::OnceLock;
pub use explore::{few_preemptions, random};
pub use locks::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use shuttle::{hint, sync::atomic};
