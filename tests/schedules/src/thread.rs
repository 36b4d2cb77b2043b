//! Threads of the explorer in the shape of `std`'s.

use std::{
    io,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

pub use shuttle::thread::{Result, Thread, current, park, scope, yield_now};

/// How many run at once, for those who ask.
///
/// # Errors
/// None.
pub fn available_parallelism() -> io::Result<NonZero<usize>> {
    Ok(NonZero::<usize>::MIN)
}

/// The number of the thread that calls: the same one in every schedule.
#[must_use]
pub fn number() -> usize {
    current().id().into()
}

/// As [`std::thread::Builder`].
#[derive(Debug, Default)]
pub struct Builder(shuttle::thread::Builder);

impl Builder {
    /// A builder.
    #[must_use]
    pub fn new() -> Self {
        Self(shuttle::thread::Builder::new())
    }

    /// Names the thread.
    #[must_use]
    pub fn name(self, name: String) -> Self {
        Self(self.0.name(name))
    }

    /// Starts it.
    ///
    /// # Errors
    /// None.
    pub fn spawn<T: Send + 'static>(
        self,
        run: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        let is_finished = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_finished);
        let handle = self.0.spawn(move || {
            let done = run();
            told.store(true, Ordering::Relaxed);
            done
        })?;
        Ok(JoinHandle { handle, is_finished })
    }
}

/// Starts a thread.
///
/// # Panics
/// Never.
pub fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Builder::new().spawn(run).expect("the explorer has a thread for everyone")
}

/// As [`std::thread::JoinHandle`].
#[derive(Debug)]
pub struct JoinHandle<T> {
    handle: shuttle::thread::JoinHandle<T>,
    is_finished: Arc<AtomicBool>,
}

impl<T> JoinHandle<T> {
    /// Waits for its end.
    ///
    /// # Errors
    /// What it panicked with.
    pub fn join(self) -> Result<T> {
        self.handle.join()
    }

    /// The thread.
    pub fn thread(&self) -> &Thread {
        self.handle.thread()
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.is_finished.load(Ordering::Relaxed)
    }
}
