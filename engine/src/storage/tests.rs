//! What the engine relies on, shown of the real disk and of the simulated one alike.

use std::io::{self, ErrorKind};

use super::{Disk, LockError, RealDisk, sim::SimDisk};

/// Runs a test on both disks, each time on an empty directory.
fn on_both(test: impl Fn(&dyn Disk)) {
    let dir = tempfile::tempdir().unwrap();
    test(&RealDisk::open(&dir).unwrap());
    test(&SimDisk::new(1));
}

fn names(disk: &dyn Disk) -> Vec<String> {
    let mut names = disk.list().unwrap();
    names.sort();
    names
}

fn kind<T>(result: io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn a_created_file_is_zeros_of_its_length() {
    on_both(|disk| {
        let file = disk.create("file", 3000).unwrap();
        let mut bytes = vec![7; 4000];
        assert_eq!(file.bytes().unwrap(), 3000);
        assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 3000);
        assert!(bytes[..3000].iter().all(|byte| *byte == 0));
        assert!(bytes[3000..].iter().all(|byte| *byte == 7));
        assert_eq!(disk.create("empty", 0).unwrap().bytes().unwrap(), 0);
    });
}

#[test]
fn what_is_written_is_read_by_every_handle_and_by_a_map() {
    on_both(|disk| {
        let one = disk.create("file", 1000).unwrap();
        let two = disk.open("file").unwrap();
        one.write_at(b"hello", 510).unwrap();
        two.write_at(b"HE", 510).unwrap();
        let mut bytes = [0; 5];
        assert_eq!(one.read_at(&mut bytes, 510).unwrap(), 5);
        assert_eq!(&bytes, b"HEllo");
        one.sync().unwrap();
        let map = two.map().unwrap();
        assert_eq!((map.len(), &map[510..515]), (1000, &b"HEllo"[..]));
    });
}

#[test]
fn a_write_past_the_end_grows_the_file_with_zeros_between() {
    on_both(|disk| {
        let file = disk.create("file", 2).unwrap();
        file.write_at(b"x", 9).unwrap();
        assert_eq!(file.bytes().unwrap(), 10);
        assert_eq!(&file.map().unwrap()[..], b"\0\0\0\0\0\0\0\0\0x");
        let mut bytes = [0; 4];
        assert_eq!(file.read_at(&mut bytes, 8).unwrap(), 2, "short at the end");
        assert_eq!(file.read_at(&mut bytes, 10).unwrap(), 0);
        assert_eq!(file.read_at(&mut bytes, 99).unwrap(), 0);
        file.write_at(b"", 50).unwrap();
        assert_eq!(file.bytes().unwrap(), 10, "writing nothing changes nothing");
    });
}

#[test]
fn an_empty_file_maps_to_nothing() {
    on_both(|disk| assert!(disk.create("file", 0).unwrap().map().unwrap().is_empty()));
}

#[test]
fn names_come_and_go() {
    on_both(|disk| {
        let _guard = disk.lock().unwrap();
        assert_eq!(names(disk), [""; 0], "the lock's file is not told");
        disk.create("a", 1).unwrap();
        disk.create("b", 2).unwrap();
        assert_eq!(kind(disk.create("a", 1)), Some(ErrorKind::AlreadyExists));
        disk.rename("b", "a").unwrap();
        assert_eq!(names(disk), ["a"]);
        assert_eq!(disk.open("a").unwrap().bytes().unwrap(), 2);
        disk.sync_dir().unwrap();
        disk.remove("a").unwrap();
        assert_eq!(names(disk), [""; 0]);
        assert_eq!(kind(disk.open("a")), Some(ErrorKind::NotFound));
        assert_eq!(kind(disk.remove("a")), Some(ErrorKind::NotFound));
        assert_eq!(kind(disk.rename("a", "b")), Some(ErrorKind::NotFound));
    });
}

#[test]
fn a_removed_file_is_read_to_the_end_by_who_holds_it_but_never_synced() {
    on_both(|disk| {
        let file = disk.create("file", 0).unwrap();
        file.write_at(b"kept", 0).unwrap();
        let map = file.map().unwrap();
        disk.remove("file").unwrap();
        assert_eq!(&map[..], b"kept");
        assert_eq!(&file.map().unwrap()[..], b"kept");
        assert_eq!(kind(file.sync()), Some(ErrorKind::NotFound));
    });
}

#[test]
fn one_holder_has_the_lock() {
    on_both(|disk| {
        let guard = disk.lock().unwrap();
        let LockError::Held { pid } = disk.lock().unwrap_err() else { panic!("not held") };
        assert_eq!(pid, Some(std::process::id()));
        drop(guard);
        drop(disk.lock().unwrap());
    });
}
