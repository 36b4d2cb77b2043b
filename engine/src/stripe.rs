//! Spreads threads over a few cache lines, so that readers of one thing do not meet on one.
//!
//! Knows threads; nothing of what is striped.

/// How many stripes there are.
pub(crate) const STRIPES: usize = 4;

/// The calling thread's stripe.
#[cfg(shuttle)]
pub(crate) fn stripe() -> usize {
    crate::sync::thread::number() % STRIPES
}

/// The calling thread's stripe.
#[cfg(not(shuttle))]
pub(crate) fn stripe() -> usize {
    use crate::sync::atomic::{AtomicUsize, Ordering};

    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
    }
    MINE.with(|mine| *mine)
}
