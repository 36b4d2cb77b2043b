//! Where the real kernel matters: limits of a process, locks, names that move, maps of files that
//! shrink.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::fd::{AsFd, AsRawFd},
    path::Path,
    process::{Command, Stdio},
};

use rustix::process::{PidfdFlags, PidfdGetfdFlags, Resource, getpid, pidfd_getfd, pidfd_open};
use syncline_engine::{Batch, Error, Log, Options, Seq, Store};

use crate::world::alone;

const SEGMENT_BYTES: u64 = 64 << 10;

fn open(dir: &Path) -> Result<Store, Error> {
    let mut options = Options::default();
    options.segment_bytes = SEGMENT_BYTES;
    Store::open(dir, options)
}

fn payload(n: u64) -> Vec<u8> {
    format!("{n} ").into_bytes().repeat(1 + (n * 37) as usize % 300)
}

/// Appends record `n`, which gets this number, and waits for it.
fn append(store: &Store, n: u64) -> Result<(), Error> {
    let log = store.log("log")?;
    assert_eq!(log.next_seq(), Seq(n));
    let mut batch = Batch::new();
    batch.append(&log, &payload(n));
    store.commit(batch)?.wait()
}

/// Appends from `n` on until one is refused: its number, and why.
fn append_until_refused(store: &Store, n: u64) -> (u64, Error) {
    let refused = |n| append(store, n).err().map(|error| (n, error));
    (n..n + 100_000).find_map(refused).expect("something gives in")
}

/// Every record up to `last` is there; what was not acknowledged may be, and nothing else.
fn check(log: &Log, last: u64) {
    let found = log.len();
    assert!((last..=last + 1).contains(&found), "{found} records, {last} acknowledged");
    for (record, n) in log.read(..).zip(1..) {
        assert_eq!(record.expect("reads").payload, payload(n), "record {n}");
    }
}

fn check_dir(dir: &Path, last: u64) {
    let store = open(dir).expect("opens");
    check(&store.log("log").expect("finds"), last);
    append(&store, store.log("log").expect("finds").next_seq().0).expect("goes on");
}

/// A file that may not grow is a full disk: the batch is refused whole, and the same store goes on
/// when the limit is gone (E20).
#[test]
fn a_limit_of_file_size_is_a_full_disk() {
    alone::ends_well("kernel::a_limit_of_file_size_is_a_full_disk", |dir| {
        let store = open(dir).expect("opens");
        (1..=200).for_each(|n| append(&store, n).expect("no limit yet"));
        alone::limit(Resource::Fsize, Some(SEGMENT_BYTES - 4096));
        let (refused, error) = append_until_refused(&store, 201);
        // The segment that was made before has its whole length, of which the last page is beyond
        // the limit now: either the next file is refused, or the write.
        let goes_on = store.health().is_ok();
        assert_eq!(error.is_retryable(), goes_on, "{error}");
        check(&store.log("log").expect("finds"), refused - 1);
        alone::limit(Resource::Fsize, None);
        if goes_on {
            (refused..refused + 500).for_each(|n| append(&store, n).expect("room again"));
        }
        drop(store);
        check_dir(dir, refused - 1);
    });
}

/// As above, where the limit is met when the next file is made and nowhere else.
#[test]
fn a_batch_too_large_for_a_limit_is_refused_and_smaller_ones_go_on() {
    let name = "kernel::a_batch_too_large_for_a_limit_is_refused_and_smaller_ones_go_on";
    alone::ends_well(name, |dir| {
        let store = open(dir).expect("opens");
        let map = store.map("map").expect("creates");
        alone::limit(Resource::Fsize, Some(SEGMENT_BYTES));
        let large = |value: u8| {
            let mut batch = Batch::new();
            batch.put(&map, b"large", &vec![value; 3 * SEGMENT_BYTES as usize]);
            store.commit(batch)?.wait()
        };
        assert!(matches!(large(1), Err(Error::Full)));
        // Over several segments, whose footers find no room behind their reserved space.
        (1..=600).for_each(|n| append(&store, n).expect("small"));
        assert!(matches!(large(2), Err(Error::Full)));
        alone::limit(Resource::Fsize, None);
        large(3).expect("room again");
        drop((map, store));
        check_dir(dir, 600);
        let map = open(dir).expect("opens").map("map").expect("finds");
        assert_eq!(map.get(b"large").expect("reads").expect("is there")[0], 3);
    });
}

/// A write that the kernel cuts short and then refuses is never acknowledged, and its first bytes are
/// not written twice (E21).
#[test]
fn a_short_write_is_never_acknowledged() {
    alone::ends_well("kernel::a_short_write_is_never_acknowledged", |dir| {
        for (round, limit) in (SEGMENT_BYTES / 2 + 1..).step_by(1009).take(20).enumerate() {
            let dir = dir.join(round.to_string());
            let store = open(&dir).expect("opens");
            append(&store, 1).expect("no limit yet");
            alone::limit(Resource::Fsize, Some(limit));
            let (refused, error) = append_until_refused(&store, 2);
            assert!(matches!(error, Error::Io(_)), "{error}");
            assert!(matches!(append(&store, refused + 1), Err(Error::Poisoned)));
            alone::limit(Resource::Fsize, None);
            let late = store.sync();
            assert!(matches!(late, Err(Error::Poisoned)), "{late:?}: the failure has not gone");
            drop(store);
            check_dir(&dir, refused - 1);
        }
    });
}

/// Without descriptors the files at hand go on; the next one is refused until there are some (E28).
#[test]
fn without_descriptors_only_the_next_file_has_to_wait() {
    let name = "kernel::without_descriptors_only_the_next_file_has_to_wait";
    alone::ends_well(name, |dir| {
        let store = open(dir).expect("opens");
        append(&store, 1).expect("descriptors");
        alone::limit(Resource::Nofile, Some(64));
        let taken: Vec<_> = (0..64).map_while(|_| fs::File::open("/dev/null").ok()).collect();
        assert!(taken.len() < 64, "a descriptor is left");
        let (refused, error) = append_until_refused(&store, 2);
        assert!(refused > 20, "only {refused} fitted into the segment at hand");
        assert!(matches!(error, Error::Io(_)), "{error}");
        store.health().expect("nothing was written in vain");
        check(&store.log("log").expect("finds"), refused - 1);
        drop(taken);
        (refused..refused + 500).for_each(|n| append(&store, n).expect("descriptors again"));
        drop(store);
        check_dir(dir, refused + 499);
    });
}

/// The lock goes with its process, however that ends, and the next opener finds what the process was
/// told (E25).
#[test]
fn a_killed_process_leaves_no_lock_and_all_it_acknowledged() {
    let name = "kernel::a_killed_process_leaves_no_lock_and_all_it_acknowledged";
    if let Some(dir) = alone::child_dir() {
        let store = open(&dir).expect("opens");
        for n in 1.. {
            append(&store, n).expect("appends");
            println!("acknowledged {n}");
        }
    }
    let dir = tempfile::tempdir().expect("a directory");
    let mut child =
        alone::command(name, dir.path()).stdout(Stdio::piped()).spawn().expect("starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let told = |line: String| line.strip_prefix("acknowledged ").map(|n| n.parse().expect("n"));
    let mut acknowledged = 0_u64;
    for n in lines.map_while(Result::ok).filter_map(told) {
        acknowledged = n;
        if n == 300 {
            let Err(Error::Locked { pid }) = open(dir.path()) else { panic!("not locked") };
            assert_eq!(pid, Some(child.id()));
            child.kill().expect("SIGKILL");
        }
    }
    child.wait().expect("has ended");
    assert!(acknowledged >= 300);
    check_dir(dir.path(), acknowledged);
}

/// A child that was forked while the store was open has the lock's descriptor too: it does not keep
/// the lock (E25).
#[test]
fn a_forked_child_does_not_keep_the_lock() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).expect("opens");
    let lock = dir.path().join("LOCK");
    let is_lock = |fd: &fs::DirEntry| fs::read_link(fd.path()).is_ok_and(|to| to == lock);
    let mut files = fs::read_dir("/proc/self/fd").expect("a Linux system").map_while(Result::ok);
    let number = files.find(is_lock).expect("is open").file_name();
    let number = number.to_str().and_then(|text| text.parse().ok()).expect("a number");
    let own = pidfd_open(getpid(), PidfdFlags::empty()).expect("a process");
    let copy = pidfd_getfd(own.as_fd(), number, PidfdGetfdFlags::empty()).expect("open");
    assert_ne!(copy.as_raw_fd(), number);
    let mut child = Command::new("cat");
    let mut child =
        child.stdin(Stdio::piped()).stdout(copy).spawn().expect("lives until its input ends");
    assert!(matches!(open(dir.path()), Err(Error::Locked { .. })));
    drop(store);
    open(dir.path()).expect("the lock went with the store");
    drop(child.stdin.take());
    child.wait().expect("ends");
}

/// What stands where no name leads is not durable: nothing is acknowledged into it (E26).
#[test]
fn nothing_is_acknowledged_into_files_without_a_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let deleted = dir.path().join("deleted");
    let store = open(&deleted).expect("opens");
    append(&store, 1).expect("in place");
    fs::remove_dir_all(&deleted).expect("is there");
    assert!(matches!(append(&store, 2), Err(Error::Io(_))));
    assert!(matches!(append(&store, 3), Err(Error::Poisoned)));

    let one = dir.path().join("one");
    let store = open(&one).expect("opens");
    append(&store, 1).expect("in place");
    let names = fs::read_dir(&one).expect("is there").map_while(Result::ok);
    let segments = names.filter(|name| name.path().extension().is_some_and(|e| e == "seg"));
    segments.for_each(|name| fs::remove_file(name.path()).expect("is there"));
    assert!(matches!(append(&store, 2), Err(Error::Io(_))));
    assert!(matches!(append(&store, 3), Err(Error::Poisoned)));
}

/// A directory that was moved keeps what is acknowledged, and the next file is not made elsewhere
/// (E26).
#[test]
fn a_directory_that_moves_ends_at_the_next_file() {
    let dir = tempfile::tempdir().expect("a directory");
    for is_replaced in [false, true] {
        let (here, there) = (dir.path().join("here"), dir.path().join(format!("{is_replaced}")));
        let store = open(&here).expect("opens");
        append(&store, 1).expect("in place");
        fs::rename(&here, &there).expect("moves");
        if is_replaced {
            fs::create_dir(&here).expect("another one of this name");
        }
        let (refused, error) = append_until_refused(&store, 2);
        // Whoever makes the next file ahead of need finds out first.
        assert!(matches!(error, Error::Io(_) | Error::Poisoned), "{error}");
        drop(store);
        check_dir(&there, refused - 1);
        let _ = fs::remove_dir_all(&here);
    }
}

/// What is no directory is told as such and left alone, and so is one that may not be written; one
/// that is missing is made (E24).
#[test]
fn what_cannot_be_a_store_is_told_and_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, "mine").expect("is written");
    for path in [file.clone(), file.join("below"), file.join("below/that")] {
        let Err(Error::Io(error)) = open(&path) else { panic!("{path:?} was opened") };
        assert_eq!(error.kind(), std::io::ErrorKind::NotADirectory, "{path:?}");
    }
    assert_eq!(fs::read(&file).expect("is there"), b"mine");
    // No user may make anything there.
    let Err(Error::Io(_)) = open(Path::new("/proc/self/store")) else { panic!("was opened") };
    let missing = dir.path().join("a/b/c");
    append(&open(&missing).expect("is made"), 1).expect("is a store");
    check_dir(&missing, 1);
}
