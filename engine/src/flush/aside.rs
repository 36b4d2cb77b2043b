//! Makes what was written durable beside the flush role: who only writes is not held up meanwhile.
//!
//! Knows files and watermarks; nothing of who asks.

use crate::{
    error::Error,
    format::header::segment_name,
    shared::{Role, Shared},
    sync::{MutexGuard, atomic::Ordering},
    wake::waiters::Level,
};

impl Shared {
    /// Makes everything before `position`, which has its place, survive power loss.
    ///
    /// Where commits wait for syncs anyway, this waits for one of theirs. Where they only wait to be
    /// written, much may have to be synced at once, and the role stays free meanwhile.
    ///
    /// # Errors
    /// As [`Shared::wait`]; a failed sync poisons the store.
    pub(crate) fn sync_aside(&self, position: u64) -> Result<(), Error> {
        if self.level() == Level::Written {
            self.wait(position, Level::Written)?;
            self.sync_written()?;
        }
        self.wait(position, Level::Synced)
    }

    /// Syncs what was written before the call, through handles of its own: a failed write-back is told
    /// to each handle once, so this takes no error from a sync that somebody waits for.
    fn sync_written(&self) -> Result<(), Error> {
        let role = self.role.lock();
        let files: Vec<u64> = role.unsynced.iter().map(|one| one.segment_id).collect();
        let written = self.written();
        self.hand_on(role);
        self.check_health()?;
        for id in &files {
            let file = self.disk.open(&segment_name(*id))?;
            file.sync().map_err(|error| self.fail(error))?;
        }
        let mut role = self.role.lock();
        // A sync that failed meanwhile may have taken the error that these would have told.
        let health = self.check_health();
        if health.is_ok() {
            self.marks.synced.fetch_max(written, Ordering::AcqRel);
            // Whoever was written to meanwhile has more to sync.
            role.unsynced.retain(|one| one.end > written);
        }
        self.hand_on(role);
        health
    }

    /// Ends a hold of the role that was no turn: whoever found it taken meanwhile waits to be woken.
    fn hand_on(&self, role: MutexGuard<'_, Role>) {
        let (written, synced) = (self.written(), self.synced());
        let served = self.waiters.take_served(written, synced);
        drop(role);
        {
            // Under the lock, so that no commit is between finding the role taken and waiting.
            let _tail = self.frames.tail.lock();
            self.space.notify_all();
        }
        if !self.committer.exists() {
            self.waiters.call_one(written, synced);
        }
        for cell in &served {
            cell.call();
        }
    }
}
