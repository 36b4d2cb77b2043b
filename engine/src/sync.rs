//! Locks, atomics and threads, as every part of the engine takes them: those of the system, or those
//! of the explorer that tries one schedule after another (docs/testing.md).
//!
//! Knows nothing of the engine. The explorer's side is chosen by the build of `tests/schedules`.

pub(crate) use std::sync::Arc;

#[cfg(not(shuttle))]
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockWriteGuard};
#[cfg(not(shuttle))]
pub(crate) use std::{
    hint,
    sync::{OnceLock, atomic},
    thread,
};

#[cfg(shuttle)]
pub(crate) use syncline_schedules::{
    Condvar, Mutex, MutexGuard, OnceLock, RwLock, RwLockWriteGuard, atomic, hint, thread,
};
