//! A cell that is set once, where others may run before every look at it.

use std::{sync, time::Duration};

use shuttle::thread;

/// As [`std::sync::OnceLock`].
#[derive(Debug)]
pub struct OnceLock<T>(sync::OnceLock<T>);

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Others may run here.
pub(crate) fn point() {
    // The explorer models no time: a sleep is nothing but a place where others may go first.
    thread::sleep(Duration::ZERO);
}

impl<T> OnceLock<T> {
    /// An empty cell.
    #[must_use]
    pub const fn new() -> Self {
        Self(sync::OnceLock::new())
    }

    /// What it was set to.
    pub fn get(&self) -> Option<&T> {
        point();
        self.0.get()
    }

    /// Sets it.
    ///
    /// # Errors
    /// The value, when it was set before.
    pub fn set(&self, value: T) -> Result<(), T> {
        point();
        self.0.set(value)
    }

    /// What it was set to, or is set to now. `make` may run for nothing when others set it meanwhile.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if self.get().is_none() {
            let _ = self.0.set(make());
        }
        self.0.get_or_init(|| unreachable!("it was set"))
    }
}
