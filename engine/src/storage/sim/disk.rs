//! The simulated disk as the engine and the tests see it.

use std::{collections::BTreeMap, fmt, io, ops::Range};

use bytes::Bytes;

use super::{
    names::FileId,
    plan::{Call, Fault},
    state::{Charge, Lie, State},
};
use crate::{
    storage::{Disk, File, LockError, LockGuard},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

/// A disk in memory whose faults are chosen by a seed. Clones are the same disk.
///
/// Writes reach the page cache at once and the device at a sync; names reach the device at
/// [`Disk::sync_dir`]. [`SimDisk::after_kill`] gives the machine a new process would find,
/// [`SimDisk::after_power_cut`] one that a power cut could have left: of what was not synced, each
/// sector, length and name kept, lost, torn or reordered. The same seed and the same calls give
/// the same bytes.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    is_locked: Arc<AtomicBool>,
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDisk").field("steps", &self.steps()).finish_non_exhaustive()
    }
}

impl SimDisk {
    /// An empty directory.
    pub fn new(seed: u64) -> Self {
        Self::with_files(seed, BTreeMap::new())
    }

    /// A directory of these files, all on the device.
    pub fn with_files(seed: u64, files: BTreeMap<String, Vec<u8>>) -> Self {
        Self::from_state(State::new(seed, files))
    }

    fn from_state(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)), is_locked: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Every file with its bytes as a reader of the page cache sees them.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().contents()
    }

    /// Every file with its bytes as the device holds them: what a power cut leaves that takes all it
    /// can, names included.
    pub fn files_on_device(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().on_device()
    }

    /// The machine as a new process finds it after this one was killed: all that was written is
    /// there, but what was not synced still is not. The lock, the faults and the stop are gone.
    pub fn after_kill(&self) -> Self {
        Self::from_state(self.state().after_kill())
    }

    /// The machine after a power cut at this moment: one of the images that are possible, chosen by
    /// the seed. The lock, the faults and the stop are gone.
    pub fn after_power_cut(&self, seed: u64) -> Self {
        Self::from_state(self.state().after_power_cut(seed))
    }

    /// Calls so far that change what a crash would leave: create, write, sync, rename, remove and
    /// sync of the directory.
    pub fn steps(&self) -> u64 {
        self.state().plan().steps()
    }

    /// How often this call was made.
    pub fn calls(&self, call: Call) -> u64 {
        self.state().plan().calls(call)
    }

    /// Ends the process when `steps` steps are done: the next one, and every call after it, fails.
    pub fn stop_after(&self, steps: u64) {
        self.state().plan().stop_after(steps, 0);
    }

    /// As [`SimDisk::stop_after`], but the next step, if it is a write, writes `bytes` of it first.
    pub fn stop_within(&self, steps: u64, bytes: usize) {
        self.state().plan().stop_after(steps, bytes);
    }

    /// Whether the process has ended.
    pub fn is_stopped(&self) -> bool {
        self.state().plan().is_dead()
    }

    /// Plans a failure. A write that fails may have written its first bytes; a sync that fails has
    /// lost some sectors for good, which the page cache still shows.
    pub fn fail(&self, fault: Fault) {
        self.state().plan().fail(fault);
    }

    /// Takes back the failures planned and not yet seen.
    pub fn heal(&self) {
        self.state().plan().heal();
    }

    /// Leaves this many bytes to take until further notice, or any number. What is removed is given
    /// back.
    pub fn limit_space(&self, bytes: Option<u64>, charge: Charge) {
        self.state().limit_space(bytes, charge);
    }

    /// Makes syncs succeed without doing anything.
    pub fn lie(&self, lie: Lie) {
        self.state().lie(lie);
    }

    /// Makes every read that touches these bytes fail with EIO, from now on.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn make_unreadable(&self, name: &str, range: Range<u64>) -> io::Result<()> {
        self.state().make_unreadable(name, range)
    }

    fn file(&self, id: FileId) -> Arc<dyn File> {
        Arc::new(SimFile { disk: self.clone(), id })
    }
}

impl Disk for SimDisk {
    fn lock(&self) -> Result<Box<dyn LockGuard>, LockError> {
        self.state().enter(Call::Lock).map_err(LockError::Io)?;
        if self.is_locked.swap(true, Ordering::AcqRel) {
            return Err(LockError::Held { pid: Some(std::process::id()) });
        }
        Ok(Box::new(SimLock { is_locked: Arc::clone(&self.is_locked) }))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.state().list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let id = self.state().open(name)?;
        Ok(self.file(id))
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn File>> {
        let bytes = usize::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let id = self.state().create(name, bytes)?;
        Ok(self.file(id))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.state().rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.state().remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.state().sync_dir()
    }
}

struct SimLock {
    is_locked: Arc<AtomicBool>,
}

impl fmt::Debug for SimLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimLock")
    }
}

impl LockGuard for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.is_locked.store(false, Ordering::Release);
    }
}

struct SimFile {
    disk: SimDisk,
    id: FileId,
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimFile").field(&self.id).finish()
    }
}

impl File for SimFile {
    fn bytes(&self) -> io::Result<u64> {
        self.disk.state().bytes(self.id)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.state().read(self.id, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.state().write(self.id, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.state().sync(self.id)
    }

    fn map(&self) -> io::Result<Bytes> {
        self.disk.state().map(self.id).map(Bytes::from)
    }
}
