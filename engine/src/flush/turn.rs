//! The flush role: one thread at a time takes the tail to its files, and syncs when somebody waits.
//!
//! The role is a lock that is only tried, never waited for; no other lock is held over a write or a
//! sync. Knows watermarks and waiters; nothing of what is flushed.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    error::Error,
    format::{footer::Footer, frame::Frame, table::TableBuilder},
    ids::Position,
    options::Durability,
    segment::tail::Part,
    shared::{Role, Shared, Unfinished, Unsynced},
    storage::File,
    sync::{Arc, MutexGuard, atomic::Ordering, thread},
    wake::waiters::{Cell, Level},
};

/// Committed bytes above which a commit writes them out itself, if nobody else is about to.
/// Small enough that they are still in the processor's cache.
const FLUSH_BYTES: usize = 512 << 10;
/// How often the next holder of the role looks in vain whether more of its group have come.
/// An explorer is to try who comes, not how often one looks.
const GATHER_YIELDS_MAX: u32 = if cfg!(shuttle) { 1 } else { 128 };
/// Files that may wait for a sync; the oldest is synced when there are more.
const UNSYNCED_MAX: usize = 64;

impl Shared {
    /// What `wait` waits for.
    pub(crate) fn level(&self) -> Level {
        match self.options.durability {
            Durability::Device => Level::Synced,
            Durability::Os => Level::Written,
        }
    }

    /// The watermark of a level.
    pub(crate) fn mark(&self, level: Level) -> u64 {
        match level {
            Level::Written => self.written(),
            Level::Synced => self.synced(),
        }
    }

    /// Returns when a watermark has reached `position`.
    ///
    /// # Errors
    /// What poisoned the store meanwhile; [`Error::Poisoned`] if it was before.
    pub(crate) fn wait(&self, position: u64, level: Level) -> Result<(), Error> {
        if self.mark(level) >= position {
            return Ok(());
        }
        self.check_health()?;
        let cell = self.waiters.add(position, level);
        loop {
            if self.mark(level) >= position {
                return Ok(());
            }
            if let Some(failure) = self.failure.get() {
                return Err(failure.clone());
            }
            if self.committer.exists() {
                self.committer.wake();
            } else if let Some(role) = self.role.try_lock() {
                cell.set_awake();
                self.gather();
                self.turn(role, false);
                cell.set_waiting();
                continue;
            }
            cell.park();
            cell.set_waiting();
        }
    }

    /// Lets those whom the last sync served come back before the next one begins: a group that waits
    /// together then shares every sync, where two halves of it would take turns. Nobody is waited
    /// for who does not come at once, so a thread alone never waits.
    fn gather(&self) {
        let group = self.group.load(Ordering::Relaxed);
        let (mut come, mut idle) = (self.waiters.count(), 0);
        while come < group && idle < GATHER_YIELDS_MAX {
            thread::yield_now();
            let now = self.waiters.count();
            idle = if now > come { 0 } else { idle + 1 };
            come = now;
        }
    }

    /// One turn of the flush role: write, perhaps sync, hand the role on, wake who was served.
    /// `false` when there was nothing to do.
    pub(crate) fn turn(&self, mut role: MutexGuard<'_, Role>, sync: bool) -> bool {
        let did = {
            let unfinished = Unfinished(self);
            let done = self.flush(&mut role, sync);
            mem::forget(unfinished);
            done
        };
        let did = did.unwrap_or_else(|error| {
            self.poison(error);
            false
        });
        let (written, synced) = (self.written(), self.synced());
        let served = self.waiters.take_served(written, synced);
        if !served.is_empty() {
            self.group.store(served.len(), Ordering::Relaxed);
        }
        drop(role);
        {
            // Under the lock, so that no commit is between finding the role taken and waiting.
            let _tail = self.frames.tail.lock();
            self.space.notify_all();
        }
        // The next sync starts while this thread still wakes those whom this one served.
        if !self.committer.exists() {
            self.waiters.call_one(written, synced);
        }
        call(&served);
        if !self.committer.exists() && self.wants_file() {
            self.prepare_ahead();
        }
        did
    }

    /// Commits of a thread that waits for nothing: it writes when much has gathered.
    pub(crate) fn flush_if_much(&self) {
        if self.committer.exists() {
            self.committer.wake();
        } else if self.frames.filling_bytes.load(Ordering::Relaxed) >= FLUSH_BYTES
            && let Some(role) = self.role.try_lock()
        {
            self.turn(role, false);
        }
    }

    /// Back-pressure: returns when the tail has room for more.
    ///
    /// # Errors
    /// [`Error::Poisoned`].
    pub(crate) fn await_space(&self) -> Result<(), Error> {
        if self.frames.tail_bytes.load(Ordering::Relaxed) < self.options.tail_bytes_max {
            return Ok(());
        }
        let mut tail = self.frames.tail.lock();
        while tail.bytes() >= self.options.tail_bytes_max {
            self.check_health()?;
            self.committer.wake();
            if !self.committer.exists()
                && let Some(role) = self.role.try_lock()
            {
                MutexGuard::unlocked(&mut tail, || self.turn(role, false));
            } else {
                self.space.wait(&mut tail);
            }
        }
        Ok(())
    }

    /// Writes what has filled, and syncs when asked or when somebody waits for it.
    fn flush(&self, role: &mut Role, sync: bool) -> Result<bool, Error> {
        self.check_health()?;
        let synced_before = self.synced();
        let parts = {
            let mut tail = self.frames.tail.lock();
            let parts = tail.swap(self.synced());
            self.frames.note(&tail);
            parts
        };
        let mut did = parts.is_some();
        if let Some(parts) = parts {
            for part in parts.iter() {
                self.write(role, part)?;
            }
            let end = parts.last().map_or(0, |part| part.segment.position(part.end()));
            {
                let mut tail = self.frames.tail.lock();
                tail.flushed(parts);
                self.frames.note(&tail);
            }
            self.marks.written.store(end, Ordering::Release);
            self.space.notify_all();
            if self.level() == Level::Written {
                self.tell(end);
            }
        }
        let (written, synced) = (self.written(), self.synced());
        if synced < written && (sync || self.waiters.want_sync(synced)) {
            self.sync_all(role)?;
            self.marks.synced.store(written, Ordering::Release);
            did = true;
        }
        // It also moves when the oldest of many files is synced.
        let synced = self.synced();
        if self.level() == Level::Synced && synced > synced_before {
            self.tell(synced);
        }
        Ok(did)
    }

    fn write(&self, role: &mut Role, part: &Part) -> Result<(), Error> {
        let segment = &part.segment;
        let file = segment.file()?;
        if role.segment_id != segment.id() {
            (role.segment_id, role.table) = (segment.id(), TableBuilder::default());
        }
        if !part.bytes.is_empty() {
            file.write_at(&part.bytes, part.start.into())?;
            let mut rest = &part.bytes[part.frames_at()..];
            while !rest.is_empty() {
                let frame = Frame::trusted(rest);
                role.table.push(&frame, self.hash);
                rest = &rest[frame.padded()..];
            }
            segment.set_written(part.start, &part.bytes);
        }
        let end = segment.position(part.end());
        match role.unsynced.last_mut().filter(|last| last.segment_id == segment.id()) {
            Some(last) => last.end = end,
            None => {
                let file = Arc::clone(&file);
                role.unsynced.push(Unsynced { segment_id: segment.id(), file, end });
            }
        }
        if part.seals {
            self.write_footer(&mut role.table, part, &*file)?;
            segment.seal();
            // At once, so that the file can be closed: only the newest segments keep theirs open.
            segment.map();
        }
        self.sync_oldest(role)
    }

    /// Writes the table of a segment that is done. A footer only saves time when the store is opened,
    /// so one for which a full disk has no room is left out; so is one of a segment whose first frames
    /// were passed over because a snapshot has them.
    fn write_footer(
        &self,
        table: &mut TableBuilder,
        part: &Part,
        file: &dyn File,
    ) -> Result<(), Error> {
        let table = mem::take(table).finish();
        if table.skipped > 0 {
            return Ok(());
        }
        let footer = Footer { data_end: part.end(), durable: self.synced(), table };
        let file_bytes = file.bytes()?;
        let at = footer.place(file_bytes);
        let bytes = footer.encode(part.segment.salt, at);
        let grows = u64::from(at) + bytes.len() as u64 > file_bytes;
        match file.write_at(&bytes, at.into()) {
            // Only making the file longer may be left out; that a space which was reserved is not
            // there is a failed write as any other.
            Err(error) if !grows => Err(error.into()),
            done => match done.map_err(Error::reserving) {
                Err(Error::Full) => Ok(()),
                done => done,
            },
        }
    }

    fn sync_oldest(&self, role: &mut Role) -> Result<(), Error> {
        if role.unsynced.len() > UNSYNCED_MAX {
            let oldest = role.unsynced.remove(0);
            oldest.file.sync()?;
            self.marks.synced.store(oldest.end, Ordering::Release);
        }
        Ok(())
    }

    /// Syncs every file with bytes that were not; the last one will get more.
    fn sync_all(&self, role: &mut Role) -> Result<(), Error> {
        for unsynced in &role.unsynced {
            unsynced.file.sync()?;
        }
        role.unsynced.clear();
        Ok(())
    }

    /// Poisons the store: after a failed sync nobody knows what the device has.
    pub(crate) fn fail(&self, error: std::io::Error) -> Error {
        let error = Error::from(error);
        self.poison(error.clone());
        error
    }

    /// Refuses writes from now on; tells those who watch, and then everyone who waits.
    pub(crate) fn poison(&self, error: Error) {
        if self.failure.set(error.clone()).is_err() {
            return;
        }
        self.tell_failure(&error);
        call(&self.waiters.take_all());
        // With the lock, so that nobody is between looking and waiting.
        let _tail = self.frames.tail.lock();
        self.space.notify_all();
    }

    fn tell(&self, position: u64) {
        let watches = self.watches.read().clone();
        for watch in &watches {
            watch(Ok(Position(position)));
        }
    }

    /// Tells why writing ended. The reason may be a watch that panics: it cannot keep the others from
    /// being told.
    fn tell_failure(&self, error: &Error) {
        let watches = self.watches.read().clone();
        for watch in &watches {
            let _ = catch_unwind(AssertUnwindSafe(|| watch(Err(error.clone()))));
        }
    }
}

fn call(cells: &[Arc<Cell>]) {
    for cell in cells {
        cell.call();
    }
}
