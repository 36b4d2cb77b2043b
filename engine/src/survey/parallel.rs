//! Does a task for each of many files on all cores, and tells how far it has come.
//!
//! Knows numbers of files and bytes; nothing of what is done.

use std::num::NonZero;

use crate::{
    error::Error,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        thread,
    },
};

/// Bytes below which one thread does it all sooner than it could start others.
const ALONE_BYTES_MAX: u64 = 4 << 20;

/// Runs `task` for every number that `bytes` has an entry for; the results in order, or the first
/// error. `progress` is told how many bytes are done after each.
///
/// # Errors
/// The first of `task`.
pub(crate) fn in_parallel<T: Send>(
    bytes: &[u64],
    progress: &(dyn Fn(u64) + Sync),
    task: impl Fn(usize) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let threads = match bytes.iter().sum() {
        ..ALONE_BYTES_MAX => 1,
        _ => thread::available_parallelism().map_or(1, NonZero::get).min(bytes.len()),
    };
    let (next, bytes_done) = (AtomicUsize::new(0), AtomicU64::new(0));
    let done = Mutex::new(Vec::with_capacity(bytes.len()));
    let run = || {
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            if nth >= bytes.len() {
                return;
            }
            let result = task(nth);
            if result.is_err() {
                next.store(bytes.len(), Ordering::Relaxed);
            }
            done.lock().push((nth, result));
            progress(bytes_done.fetch_add(bytes[nth], Ordering::Relaxed) + bytes[nth]);
        }
    };
    if threads <= 1 {
        run();
    } else {
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(run);
            }
        });
    }
    let mut done = done.into_inner();
    done.sort_by_key(|(nth, _)| *nth);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_and_the_first_error_ends_it() {
        let largest = AtomicU64::new(0);
        let progress = |done: u64| {
            largest.fetch_max(done, Ordering::Relaxed);
        };
        let bytes: Vec<u64> = (0..100).map(|n| n << 20).collect();
        let numbers = in_parallel(&bytes, &progress, Ok).unwrap();
        assert_eq!(numbers, (0..100).collect::<Vec<usize>>());
        assert_eq!(largest.into_inner(), bytes.iter().sum::<u64>());
        let failed: Result<Vec<()>, _> = in_parallel(&bytes, &|_| {}, |_| Err(Error::Full));
        assert!(matches!(failed, Err(Error::Full)));
    }
}
