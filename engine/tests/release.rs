//! When the directory's lock is released nothing of the store touches the disk any more: the next
//! opener may be there already.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use syncline_engine::{
    Batch, Error, Options, Store,
    storage::{
        Disk, File, LockError, LockGuard,
        sim::{Call, Fault, SimDisk},
    },
};

/// Where one call stops until it is let go.
#[derive(Debug)]
struct Gate {
    call: Mutex<Option<Call>>,
    entered: Sender<()>,
    leave: Mutex<Receiver<()>>,
    is_released: AtomicBool,
    /// Changes that came after the release of the lock.
    late: AtomicU64,
}

impl Gate {
    fn pass(&self, call: Call) {
        if self.call.lock().unwrap().take_if(|wanted| *wanted == call).is_some() {
            let _ = self.entered.send(());
            // Time for the other thread to be wrong; it lets nobody go while it rightly waits.
            let _ = self.leave.lock().unwrap().recv_timeout(Duration::from_millis(100));
        }
        if call.is_step() && self.is_released.load(Ordering::SeqCst) {
            self.late.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[derive(Clone, Debug)]
struct Gated<T> {
    inner: T,
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct Held {
    gate: Arc<Gate>,
    _inner: Box<dyn LockGuard>,
}

impl LockGuard for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        self.gate.is_released.store(true, Ordering::SeqCst);
    }
}

impl Gated<SimDisk> {
    fn file(&self, inner: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(Gated { inner, gate: Arc::clone(&self.gate) })
    }
}

impl Disk for Gated<SimDisk> {
    fn lock(&self) -> Result<Box<dyn LockGuard>, LockError> {
        let gate = Arc::clone(&self.gate);
        Ok(Box::new(Held { gate, _inner: self.inner.lock()? }))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.gate.pass(Call::List);
        self.inner.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(self.file(self.inner.open(name)?))
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn File>> {
        self.gate.pass(Call::Create);
        Ok(self.file(self.inner.create(name, bytes)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.gate.pass(Call::Rename);
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.gate.pass(Call::Remove);
        self.inner.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.gate.pass(Call::SyncDir);
        self.inner.sync_dir()
    }
}

impl File for Gated<Arc<dyn File>> {
    fn bytes(&self) -> io::Result<u64> {
        self.inner.bytes()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.gate.pass(Call::Write);
        self.inner.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.gate.pass(Call::Sync);
        self.inner.sync()
    }

    fn map(&self) -> io::Result<Bytes> {
        self.inner.map()
    }
}

/// A store whose disk has a gate, closed at no call yet; what enters the gate, and lets it go.
fn store() -> (Store, Gated<SimDisk>, Receiver<()>, Sender<()>) {
    let (entered, has_entered) = channel();
    let (leave, may_leave) = channel();
    let gate = Gate {
        call: Mutex::new(None),
        entered,
        leave: Mutex::new(may_leave),
        is_released: AtomicBool::new(false),
        late: AtomicU64::new(0),
    };
    let disk = Gated { inner: SimDisk::new(1), gate: Arc::new(gate) };
    let mut options = Options::default();
    options.segment_bytes = 4 << 10;
    let store = Store::open_on(Arc::new(disk.clone()), options).unwrap();
    (store, disk, has_entered, leave)
}

fn append(store: &Store, bytes: usize) -> Result<(), Error> {
    let mut batch = Batch::new();
    batch.append(&store.log("log")?, &vec![7; bytes]);
    store.commit(batch)?.wait()
}

#[test]
fn a_file_that_is_being_made_is_made_before_the_lock_goes() {
    let (store, disk, has_entered, leave) = store();
    append(&store, 10).unwrap();
    let other = store.clone();
    thread::scope(|scope| {
        *disk.gate.call.lock().unwrap() = Some(Call::List);
        let late = scope.spawn(move || append(&other, 5000));
        has_entered.recv().unwrap();
        store.close().unwrap();
        let _ = leave.send(());
        assert!(matches!(late.join().unwrap(), Err(Error::Closed)));
    });
    assert_eq!(disk.gate.late.load(Ordering::SeqCst), 0, "the disk was changed without the lock");
}

#[test]
fn a_write_that_is_under_way_ends_before_the_lock_of_a_poisoned_store_goes() {
    let (store, disk, has_entered, leave) = store();
    append(&store, 10).unwrap();
    let other = store.clone();
    thread::scope(|scope| {
        *disk.gate.call.lock().unwrap() = Some(Call::Write);
        let late = scope.spawn(move || append(&other, 100));
        has_entered.recv().unwrap();
        let fault = Fault { call: Call::SyncDir, after: 0, times: 1, errno: Fault::EIO };
        disk.inner.fail(fault);
        assert!(matches!(append(&store, 5000), Err(Error::Io(_))));
        assert!(matches!(store.close(), Err(Error::Poisoned)));
        let _ = leave.send(());
        // What was written in time may be acknowledged; that it failed may be told as well.
        let _ = late.join().unwrap();
    });
    assert_eq!(disk.gate.late.load(Ordering::SeqCst), 0, "the disk was changed without the lock");
}
