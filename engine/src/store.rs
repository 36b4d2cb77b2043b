//! The public handle of a store: opening, collections, commits and watermarks.
//!
//! Wires the parts together; each part's work is told in its own file.

use std::{fmt, path::Path, thread, time::Instant};

use crate::{
    backup::unfinished,
    collection::{Collection, Kind},
    commit::Commit,
    error::Error,
    format::check::KeyHash,
    handle::Handle,
    ids::Position,
    log::Log,
    map::Map,
    options::{NAME_BYTES_MAX, Options},
    progress::Progress,
    recovery::{self, Recovered},
    report::OpenReport,
    shared::{Core, Role, Shared, Watermarks},
    storage::{Disk, LockError, LockGuard, RealDisk},
    sync::{
        Arc, Condvar, Mutex, OnceLock, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    wake::waiters::Level,
    write::batch::Batch,
    write::encode::Encoded,
    write::placing::Seqs,
    write::release,
};

/// A store: one directory of logs and maps. Cheap to clone; usable from any number of threads.
///
/// When the last handle goes (of the store, its logs, maps, readers and commits), the store is closed
/// as [`Store::close`] does it, but nobody learns of an error.
#[derive(Clone)]
pub struct Store {
    pub(crate) handle: Arc<Handle>,
    pub(crate) report: Arc<OpenReport>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("report", &self.report).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens or creates the store in a directory, which is created when it is missing. Everything
    /// found is durable on return; a torn tail is cut, and counted in the [`OpenReport`].
    ///
    /// # Errors
    /// [`Error::Locked`] when it is open elsewhere, [`Error::Corrupt`] when something that was
    /// durable is damaged or missing (nothing that was durable is changed then; damage to what the
    /// last sync before a crash wrote cannot be told from a torn tail), [`Error::Unsupported`] for a store
    /// of a newer version, [`Error::Full`], [`Error::Io`], and [`Error::Rejected`] for options out
    /// of their bounds.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        Self::open_on(Arc::new(RealDisk::open(dir)?), options)
    }

    /// Opens or creates the store on a disk of the caller's: a simulated one in tests.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(disk: Arc<dyn Disk>, options: Options) -> Result<Self, Error> {
        let began = Instant::now();
        let options = options.checked()?;
        let lock = lock(&*disk)?;
        unfinished::refuse(&*disk)?;
        let recovered = recovery::recover(&disk, &options)?;
        let report = OpenReport {
            segments: recovered.segments as u64,
            records: recovered.records,
            snapshot: recovered.snapshot,
            snapshots_unusable: recovered.snapshots_unusable as u64,
            bytes_cut: recovered.bytes_cut,
            elapsed: began.elapsed(),
            ..OpenReport::default()
        };
        let shared = share(recovered, options, disk);
        *shared.lock.lock() = Some(lock);
        Ok(Self { handle: Arc::new(Handle::start(shared)?), report: Arc::new(report) })
    }

    /// What opening found.
    #[must_use]
    pub fn report(&self) -> &OpenReport {
        &self.report
    }

    /// The log of this name, created when it does not exist. Names are 1 to 1,024 bytes. A new log
    /// is durable with the first commit that is.
    ///
    /// # Errors
    /// [`Error::Rejected`] for a name too short or too long, or of a map; when creating, those of
    /// [`Store::commit`].
    pub fn log(&self, name: &str) -> Result<Log, Error> {
        match self.find_or_create(name, Kind::Log)? {
            Collection::Log(data) => Ok(Log { handle: self.handle.clone(), data }),
            Collection::Map(_) => Err(other_kind(name)),
        }
    }

    /// The map of this name, created when it does not exist. Names are 1 to 1,024 bytes. A new map
    /// is durable with the first commit that is.
    ///
    /// # Errors
    /// [`Error::Rejected`] for a name too short or too long, or of a log; when creating, those of
    /// [`Store::commit`].
    pub fn map(&self, name: &str) -> Result<Map, Error> {
        match self.find_or_create(name, Kind::Map)? {
            Collection::Map(data) => Ok(Map { handle: self.handle.clone(), data }),
            Collection::Log(_) => Err(other_kind(name)),
        }
    }

    /// The log of this name, if it exists. Writes nothing.
    ///
    /// # Errors
    /// [`Error::Rejected`] when the name is that of a map.
    pub fn find_log(&self, name: &str) -> Result<Option<Log>, Error> {
        match self.find(name) {
            None => Ok(None),
            Some(Collection::Log(data)) => Ok(Some(Log { handle: self.handle.clone(), data })),
            Some(Collection::Map(_)) => Err(other_kind(name)),
        }
    }

    /// The map of this name, if it exists. Writes nothing.
    ///
    /// # Errors
    /// [`Error::Rejected`] when the name is that of a log.
    pub fn find_map(&self, name: &str) -> Result<Option<Map>, Error> {
        match self.find(name) {
            None => Ok(None),
            Some(Collection::Map(data)) => Ok(Some(Map { handle: self.handle.clone(), data })),
            Some(Collection::Log(_)) => Err(other_kind(name)),
        }
    }

    /// Every collection's kind and name, in no order.
    #[must_use]
    pub fn collections(&self) -> Vec<(Kind, String)> {
        let all = self.handle.names.read().all();
        all.iter().map(|one| (one.kind(), one.name().to_owned())).collect()
    }

    /// Gives the batch its place: it is ordered after every batch committed before, its appends get
    /// their sequence numbers, and readers see it. Who reads several collections meanwhile may find
    /// one changed and the next not yet; after a crash it is all or nothing. Not yet durable: see
    /// [`Commit::wait`].
    ///
    /// Never waits for a sync. It waits for the disk when
    /// [`tail_bytes_max`](crate::Options::tail_bytes_max) bytes are not written yet, or the next
    /// segment's file is not ready; and when much has gathered and no other thread is about to, it
    /// writes that to the operating system. With a
    /// [`maintenance_thread`](crate::Options::maintenance_thread) that does not keep up, it waits up to
    /// 5 ms, so that dead records do not take ever more space.
    ///
    /// # Errors
    /// Nothing has its place then. [`Error::Rejected`] when the batch cannot be committed: a record
    /// too large, collections of two stores or dropped ones, a trim beyond the end. [`Error::Full`]
    /// without space for the next segment: try again later. [`Error::Poisoned`] after a failed write
    /// or sync, [`Error::Closed`] after [`Store::close`]; [`Error::Corrupt`] or [`Error::Io`] when a
    /// key could not be compared with the one in an older frame.
    pub fn commit(&self, mut batch: Batch) -> Result<Commit, Error> {
        let (position, seqs) = self.place(batch.finish(self.handle.token)?)?;
        Ok(Commit { handle: self.handle.clone(), position, seqs })
    }

    fn place(&self, encoded: &mut Encoded) -> Result<(u64, Seqs), Error> {
        let shared = &**self.handle;
        if encoded.bytes().is_empty() {
            return Ok((shared.appended(), Seqs::Many(Vec::new())));
        }
        if let Some(wait) = shared.gate.wait_for(encoded.bytes().len()) {
            thread::sleep(wait);
        }
        shared.await_space()?;
        let counting = &shared.frames.segments.counting;
        let _counting = encoded.releases().then(|| counting.read());
        let placed = shared.place(encoded)?;
        if !placed.released.is_empty() {
            release::count(&shared.frames, placed.released);
        }
        for dropped in encoded.drops() {
            shared.names.write().remove_dropped(dropped.name(), shared.hash);
        }
        shared.flush_if_much();
        Ok((placed.position, placed.seqs))
    }

    /// Everything before this has its place.
    #[must_use]
    pub fn appended(&self) -> Position {
        Position(self.handle.appended())
    }

    /// Everything before this is in the operating system's hands: it survives a crash of the process.
    #[must_use]
    pub fn written(&self) -> Position {
        Position(self.handle.written())
    }

    /// Everything before this survives what [`Durability`](crate::Durability) says.
    #[must_use]
    pub fn durable(&self) -> Position {
        Position(self.handle.mark(self.handle.level()))
    }

    /// Returns when [`Store::durable`] has reached a position; one beyond [`Store::appended`] is
    /// rejected.
    ///
    /// # Errors
    /// As [`Commit::wait`]; [`Error::Rejected`].
    pub fn wait(&self, position: Position) -> Result<(), Error> {
        if position.0 > self.handle.appended() {
            return Err(Error::rejected(format!("nothing has position {position} yet")));
        }
        self.handle.wait(position.0, self.handle.level())
    }

    /// Makes everything appended survive power loss, whatever the durability, and returns how far
    /// that is.
    ///
    /// # Errors
    /// As [`Commit::wait`].
    pub fn sync(&self) -> Result<Position, Error> {
        let position = self.handle.appended();
        self.handle.wait(position, Level::Synced)?;
        Ok(Position(position))
    }

    /// Calls `watch` each time the durable watermark has moved, and once with the error when the
    /// store is poisoned. It runs on the thread that flushes, or that met the failure, before those who
    /// wait are woken, and must be short; it must not commit or wait. Without a committer thread the
    /// watermark moves only when somebody waits.
    pub fn on_durable(&self, watch: impl Fn(Result<Position, Error>) + Send + Sync + 'static) {
        self.handle.watches.write().push(Arc::new(watch));
    }

    /// Copies the store to a directory, which is created when it is missing and has to be empty, while
    /// writers go on. The copy is whole and durable on return, and opens as the store was at the
    /// position returned: everything that was appended when this was called is before it. Every frame
    /// is checked on the way. The copying rests now and then, so that writers keep most of the disk.
    ///
    /// # Errors
    /// [`Error::Rejected`] when the directory is not empty; [`Error::Corrupt`] with the first damaged
    /// frame; [`Error::Full`] and [`Error::Io`] of either disk. The store goes on, and what was copied
    /// is removed; what a crash leaves is refused by [`Store::open`]. [`Error::Closed`] when the store
    /// is closed meanwhile, and as [`Commit::wait`].
    pub fn backup(&self, dir: impl AsRef<Path>) -> Result<Position, Error> {
        self.backup_on(Arc::new(RealDisk::open(dir)?))
    }

    /// As [`Store::backup`], to a disk of the caller's: a simulated one in tests.
    ///
    /// # Errors
    /// As [`Store::backup`].
    pub fn backup_on(&self, target: Arc<dyn Disk>) -> Result<Position, Error> {
        self.backup_with(target, &|_, _| {})
    }

    /// As [`Store::backup_on`], telling from time to time how many bytes are copied and how many there
    /// are. The call must be short.
    ///
    /// # Errors
    /// As [`Store::backup`].
    pub fn backup_with(
        &self,
        target: Arc<dyn Disk>,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Position, Error> {
        let _lock = lock(&*target)?;
        self.handle.backup(&*target, progress)
    }

    /// Whether the store takes commits.
    ///
    /// # Errors
    /// [`Error::Poisoned`] after a failed write or sync, [`Error::Closed`] after [`Store::close`],
    /// [`Error::Rejected`] when it was opened to read only.
    pub fn health(&self) -> Result<(), Error> {
        self.handle.check_health()?;
        if self.handle.core.lock().closed { Err(self.handle.refusal()) } else { Ok(()) }
    }

    /// Makes everything durable, marks a clean end and releases the directory's lock. Other handles
    /// can still read; their commits are refused.
    ///
    /// # Errors
    /// As [`Commit::wait`]. The lock is released all the same.
    pub fn close(self) -> Result<(), Error> {
        self.handle.close()
    }

    fn find(&self, name: &str) -> Option<Collection> {
        self.handle.names.read().find(name, self.handle.hash)
    }

    fn find_or_create(&self, name: &str, kind: Kind) -> Result<Collection, Error> {
        if let Some(found) = self.find(name) {
            return Ok(found);
        }
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(Error::rejected(format!(
                "a name is 1 to {NAME_BYTES_MAX} bytes, not {}",
                name.len()
            )));
        }
        let mut next_id = self.handle.next_collection_id.lock();
        if let Some(found) = self.find(name) {
            return Ok(found);
        }
        let id_after = next_id.checked_add(1).ok_or_else(|| {
            Error::rejected("the store has had all the collections it can number")
        })?;
        let collection = Collection::new(kind, *next_id, name);
        let mut encoded = Encoded::default();
        encoded.create(&collection);
        encoded.finish()?;
        self.place(&mut encoded)?;
        *next_id = id_after;
        self.handle.names.write().insert(collection.clone(), self.handle.hash);
        Ok(collection)
    }
}

fn lock(disk: &dyn Disk) -> Result<Box<dyn LockGuard>, Error> {
    disk.lock().map_err(|error| match error {
        LockError::Held { pid } => Error::Locked { pid },
        LockError::Io(error) => error.into(),
    })
}

fn other_kind(name: &str) -> Error {
    Error::rejected(format!("{name:?} is a collection of the other kind"))
}

/// The state of a store that was just recovered.
pub(crate) fn share(recovered: Recovered, options: Options, disk: Arc<dyn Disk>) -> Shared {
    static TOKENS: AtomicU64 = AtomicU64::new(1);
    let segment_id = recovered.active.as_ref().map_or(0, |active| active.segment.id());
    let role = Role { table: recovered.table, segment_id, unsynced: Vec::new() };
    let marks = Watermarks::default();
    for mark in [&marks.appended, &marks.written, &marks.synced] {
        mark.store(recovered.position, Ordering::Relaxed);
    }
    Shared {
        options,
        disk,
        lock: Mutex::new(None),
        store_id: recovered.store_id,
        token: TOKENS.fetch_add(1, Ordering::Relaxed),
        hash: KeyHash::new(recovered.store_id),
        frames: recovered.frames,
        core: Mutex::new(Core {
            active: recovered.active,
            next_base: recovered.position,
            closed: false,
            dirty: false,
        }),
        prepared: Mutex::new(recovered.prepared),
        making: Mutex::new(()),
        next_segment_id: AtomicU64::new(recovered.next_segment_id),
        names: RwLock::new(recovered.names),
        next_collection_id: Mutex::new(recovered.next_collection_id),
        progress: Progress::new(&recovered.maintenance),
        gate: Default::default(),
        maintenance: Mutex::new(recovered.maintenance),
        role: Mutex::new(role),
        marks,
        waiters: Default::default(),
        group: AtomicUsize::new(0),
        space: Condvar::new(),
        watches: RwLock::new(Vec::new()),
        committer: Default::default(),
        maintainer: Default::default(),
        failure: OnceLock::new(),
        is_read_only: false,
    }
}
