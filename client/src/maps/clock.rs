//! The wall clock behind timestamps and lives. Knows nothing of what is stamped.

use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use syncline_protocol::dialect::UnixMillis;

/// Tells the wall-clock time, in milliseconds since the Unix epoch. It may be wrong, and it may jump
/// back: what a client stamps goes on from where it was.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl WallClock {
    /// A clock of the application's own.
    pub fn new(millis: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(millis))
    }

    /// The clock of the system.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
    }

    pub(super) fn now(&self) -> UnixMillis {
        UnixMillis((self.0)())
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WallClock").finish_non_exhaustive()
    }
}
