//! A simulated disk between which and the store somebody stands: a careless store's mistakes, seeded
//! on purpose, or a device that takes its time.

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use syncline_engine::storage::{Disk, File, LockError, LockGuard, sim::SimDisk};

/// What stands between a store and its disk.
pub(crate) trait Manner: std::fmt::Debug + Send + Sync + 'static {
    /// Instead of the sync of the file of this name.
    fn sync(&self, _name: &str, file: &Arc<dyn File>) -> io::Result<()> {
        file.sync()
    }

    /// Before a write to the file of this name.
    fn before_write(&self, _name: &str) {}

    /// Before the opening of a file.
    fn opens(&self) {}

    /// Instead of the sync of the directory.
    fn sync_dir(&self, disk: &SimDisk) -> io::Result<()> {
        disk.sync_dir()
    }
}

/// A mistake that a store could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Syncs of files are left out.
    NoSync,
    /// Syncs of the directory are left out.
    NoSyncOfNames,
    /// A sync that failed is made again.
    SyncsAgain,
    /// What is renamed was not synced before.
    RenamesUnsynced,
    /// A sync is only made when the next one is asked for.
    AcknowledgesBefore,
}

/// A store with a mistake.
#[derive(Debug)]
pub(crate) struct Careless {
    bug: Bug,
    owed: Mutex<Vec<Arc<dyn File>>>,
}

impl Careless {
    pub(crate) fn new(bug: Bug) -> Self {
        Self { bug, owed: Mutex::default() }
    }
}

impl Manner for Careless {
    fn sync(&self, name: &str, file: &Arc<dyn File>) -> io::Result<()> {
        match self.bug {
            Bug::NoSync => Ok(()),
            Bug::SyncsAgain => file.sync().or_else(|_| file.sync()),
            Bug::RenamesUnsynced if name.ends_with(".tmp") => Ok(()),
            Bug::RenamesUnsynced | Bug::NoSyncOfNames => file.sync(),
            Bug::AcknowledgesBefore => {
                let mut owed = self.owed.lock().expect("no panic");
                // One that was removed meanwhile has nothing to lose.
                owed.drain(..).for_each(|file| drop(file.sync()));
                owed.push(Arc::clone(file));
                Ok(())
            }
        }
    }

    fn sync_dir(&self, disk: &SimDisk) -> io::Result<()> {
        match self.bug {
            Bug::NoSyncOfNames => Ok(()),
            _ => disk.sync_dir(),
        }
    }
}

/// A device of which each sync waits until it is let go.
#[derive(Debug, Default)]
pub(crate) struct Slow {
    /// How many syncs may go, and how many have come.
    syncs: Mutex<(u64, u64)>,
    change: Condvar,
}

impl Slow {
    /// Lets so many more syncs go.
    pub(crate) fn let_go(&self, syncs: u64) {
        self.syncs.lock().expect("no panic").0 += syncs;
        self.change.notify_all();
    }

    /// Returns when a sync has come and waits.
    pub(crate) fn await_sync(&self) {
        let syncs = self.syncs.lock().expect("no panic");
        drop(self.change.wait_while(syncs, |(may_go, come)| *come <= *may_go).expect("no panic"));
    }
}

impl Manner for Slow {
    fn sync(&self, _name: &str, file: &Arc<dyn File>) -> io::Result<()> {
        let mut syncs = self.syncs.lock().expect("no panic");
        syncs.1 += 1;
        let own = syncs.1;
        self.change.notify_all();
        drop(self.change.wait_while(syncs, |(may_go, _)| *may_go < own).expect("no panic"));
        file.sync()
    }
}

/// Something that is done before a file is opened, once.
pub(crate) struct Meanwhile<F> {
    does: Mutex<Option<F>>,
    /// How many files are opened before.
    after: AtomicU64,
}

impl<F> Meanwhile<F> {
    pub(crate) fn new(after: u64, does: F) -> Arc<Self> {
        Arc::new(Self { does: Mutex::new(Some(does)), after: AtomicU64::new(after) })
    }

    /// Whether it was done.
    pub(crate) fn is_done(&self) -> bool {
        self.does.lock().expect("no panic").is_none()
    }
}

impl<F> std::fmt::Debug for Meanwhile<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meanwhile").finish_non_exhaustive()
    }
}

impl<F: FnOnce() + Send + 'static> Manner for Meanwhile<F> {
    fn opens(&self) {
        let before = self.after.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        if before.is_err()
            && let Some(does) = self.does.lock().expect("no panic").take()
        {
            does();
        }
    }
}

/// The disk as the store sees it.
#[derive(Debug)]
pub(crate) struct Between<M> {
    disk: SimDisk,
    manner: Arc<M>,
}

impl<M> Between<M> {
    pub(crate) fn new(disk: &SimDisk, manner: Arc<M>) -> Arc<Self> {
        Arc::new(Self { disk: disk.clone(), manner })
    }
}

#[derive(Debug)]
struct FileBetween<M> {
    file: Arc<dyn File>,
    name: String,
    manner: Arc<M>,
}

impl<M: Manner> Between<M> {
    fn file(&self, name: &str, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(FileBetween { file, name: name.to_owned(), manner: Arc::clone(&self.manner) })
    }
}

impl<M: Manner> Disk for Between<M> {
    fn lock(&self) -> Result<Box<dyn LockGuard>, LockError> {
        self.disk.lock()
    }
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.manner.opens();
        Ok(self.file(name, self.disk.open(name)?))
    }
    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn File>> {
        Ok(self.file(name, self.disk.create(name, bytes)?))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }
    fn sync_dir(&self) -> io::Result<()> {
        self.manner.sync_dir(&self.disk)
    }
}

impl<M: Manner> File for FileBetween<M> {
    fn bytes(&self) -> io::Result<u64> {
        self.file.bytes()
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.manner.before_write(&self.name);
        self.file.write_at(bytes, offset)
    }
    fn sync(&self) -> io::Result<()> {
        self.manner.sync(&self.name, &self.file)
    }
    fn map(&self) -> io::Result<Bytes> {
        self.file.map()
    }
}
