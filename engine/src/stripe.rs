//! Spreads threads over a few cache lines, so that readers of one thing do not meet on one.
//!
//! Knows threads; nothing of what is striped.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many stripes there are.
pub(crate) const STRIPES: usize = 4;

/// The calling thread's stripe.
pub(crate) fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
    }
    MINE.with(|mine| *mine)
}
