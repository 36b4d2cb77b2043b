//! `restore`: a backup becomes a data directory again, and nothing else does.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;
use syncline_tests::{
    process::Serving,
    relay::{Hello, Message, Peer},
};
use tempfile::TempDir;

use super::{Kept, files, on};
use crate::{Ran, run};

/// A store and a backup of it.
fn backed_up() -> (Kept, std::path::PathBuf) {
    let kept = Kept::new();
    let backup = kept.dir.path().join("backup");
    let made = kept.run(&["backup", backup.to_str().unwrap()]);
    assert_eq!(made.code, Some(0), "{}", made.err);
    (kept, backup)
}

fn restore(from: &std::path::Path, to: &std::path::Path, more: &[&str]) -> Ran {
    run(&[&["restore", from.to_str().unwrap(), to.to_str().unwrap()], more].concat(), &[])
}

#[test]
fn what_is_restored_is_what_was_backed_up_and_the_backup_stays_as_it_was() {
    let (kept, backup) = backed_up();
    let before = files(&backup);
    let to = kept.dir.path().join("new/data");
    let ran = restore(&backup, &to, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.starts_with(&format!("restored to {}: ", to.display())), "{}", ran.out);
    assert_eq!(on(&to, &["dump"]).out, kept.run(&["dump"]).out);
    assert_eq!(files(&backup), before);

    let empty = kept.dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let report: Value = restore(&backup, &empty, &["--json"]).out.parse().unwrap();
    let keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["dir", "position", "records"]);
    assert_eq!((&report["dir"], &report["records"]), (&empty.to_str().unwrap().into(), &5.into()));
}

#[test]
fn a_server_goes_on_with_what_was_restored() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let mut peer = Peer::binary(serving.address(), &Hello::new("device", "key").with_ack());
    peer.submit(b"before");
    while peer.message() != (Message::Accepted { id: 1, seq: 1 }) {}
    let data = dir.path().join("data");
    assert_eq!(on(&data, &["backup", "--online", "one"]).code, Some(0));
    peer.submit(b"after");
    while peer.message() != (Message::Accepted { id: 2, seq: 2 }) {}
    serving.signal(Signal::TERM);
    assert_eq!(serving.ended().0.code(), Some(0));

    let other = TempDir::new().unwrap();
    let ran = restore(&data.join("backups/one"), &other.path().join("data"), &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let serving = Serving::start(other.path(), &[]);
    let mut peer = Peer::json(serving.address(), &Hello::new("another", "key"));
    assert_eq!(peer.changes(1), [(1, b"before".to_vec())]);
}

#[test]
fn a_directory_that_is_not_empty_or_in_use_is_left_alone() {
    let (kept, backup) = backed_up();
    let before = kept.files();
    let ran = restore(&backup, &kept.data(), &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("has to be empty"), "{}", ran.err);
    assert_eq!(kept.files(), before);

    let served = TempDir::new().unwrap();
    let _serving = Serving::start(served.path(), &[]);
    let ran = restore(&backup, &served.path().join("data"), &[]);
    assert_eq!(ran.code, Some(5), "{}", ran.err);
}

#[test]
fn what_is_no_backup_or_damaged_is_not_restored() {
    let (kept, backup) = backed_up();
    let to = kept.dir.path().join("to");
    assert_eq!(restore(&kept.dir.path().join("none"), &to, &[]).code, Some(4));
    assert_eq!(restore(kept.dir.path(), &to, &[]).code, Some(4), "a directory with no store");

    fs::write(backup.join("UNFINISHED-BACKUP"), "").unwrap();
    let unfinished = restore(&backup, &to, &[]);
    assert_eq!(unfinished.code, Some(1), "{}", unfinished.err);
    assert!(unfinished.err.contains("never finished"), "{}", unfinished.err);
    fs::remove_file(backup.join("UNFINISHED-BACKUP")).unwrap();

    let (path, mut bytes) = files(&backup).remove(0);
    let at = bytes.windows(5).position(|window| window == b"hello").unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
    let damaged = restore(&backup, &to, &[]);
    assert_eq!(damaged.code, Some(3), "{}", damaged.err);
    assert!(damaged.err.contains("0000000000000001.seg: offset "), "{}", damaged.err);
    assert!(!to.exists(), "nothing was made");
}
