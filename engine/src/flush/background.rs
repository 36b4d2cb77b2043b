//! What the store's own threads do: the committer flushes, a short-lived one makes the next file.
//!
//! Knows when there is something to do; nothing of how it is done.

use crate::{
    shared::Shared,
    sync::{
        Arc,
        thread::{self, JoinHandle},
    },
    wake::waiters::Level,
};

/// Writes and syncs whatever is committed, at once, until it is asked to stop and nothing is left.
pub(crate) fn run_committer(shared: &Arc<Shared>) {
    let sync = shared.level() == Level::Synced;
    let mut maker: Option<JoinHandle<()>> = None;
    loop {
        let did = shared.turn(shared.role.lock(), sync);
        if maker.as_ref().is_none_or(JoinHandle::is_finished) && shared.wants_file() {
            maker = make_file(shared);
        }
        if did {
            continue;
        }
        if shared.committer.is_stopped() || shared.failure.get().is_some() {
            break;
        }
        shared.committer.sleep_unless(|| {
            let has_bytes = shared.frames.tail.lock().filling_bytes() > 0;
            has_bytes || shared.waiters.want_sync(shared.synced())
        });
    }
    // The directory's lock is released when this thread has ended: nothing may be made after that.
    let _ = maker.map(JoinHandle::join);
}

/// On a thread of its own, since making a file takes as long as many syncs.
fn make_file(shared: &Arc<Shared>) -> Option<JoinHandle<()>> {
    let shared = Arc::clone(shared);
    let builder = thread::Builder::new().name("syncline-prepare".into());
    // Without a thread the commit that needs the file makes it.
    builder.spawn(move || shared.prepare_ahead()).ok()
}
