//! Why a step of the machine did not go on. Knows nothing of the steps.

use super::why::Why;
use crate::dialects::peer::store::StoreFailed;

/// Why a step did not go on.
#[derive(Debug)]
pub(super) enum Halt {
    /// What came in is not done.
    Drop(Why),
    /// The store failed: nothing is done any more.
    Failed(StoreFailed),
}

impl From<Why> for Halt {
    fn from(why: Why) -> Self {
        Self::Drop(why)
    }
}

impl From<StoreFailed> for Halt {
    fn from(failed: StoreFailed) -> Self {
        Self::Failed(failed)
    }
}

/// How a step ends.
pub(super) type Step<T = ()> = Result<T, Halt>;
