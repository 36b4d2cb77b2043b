//! `syncline relay`: changes of a served directory come out into a file and go into another one.

use std::path::Path;

use rustix::process::Signal;
use syncline_tests::{
    process::Serving,
    relay::{Hello, Message, Peer},
};
use tempfile::TempDir;

use crate::{Ran, run};

const PAYLOADS: [&[u8]; 3] = [b"first", b"", &[0, 128, 255]];

/// A directory in which a server was given changes under two keys, and stopped.
fn served() -> TempDir {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    for key in ["one", "two/with a slash"] {
        let mut peer = Peer::binary(serving.address(), &Hello::new("device", key).with_ack());
        for payload in PAYLOADS {
            peer.submit(payload);
        }
        while peer.message() != (Message::Accepted { id: 3, seq: 3 }) {}
    }
    serving.signal(Signal::TERM);
    assert_eq!(serving.ended().0.code(), Some(0));
    dir
}

fn relay(arguments: [&str; 2], file: &Path, dir: &Path) -> Ran {
    let (file, data) = (file.to_str().unwrap(), dir.join("data"));
    let arguments = arguments.into_iter().filter(|argument| !argument.is_empty());
    let more = ["--data-dir", data.to_str().unwrap()];
    let all: Vec<&str> = ["relay"].into_iter().chain(arguments).chain([file]).chain(more).collect();
    run(&all, &[])
}

fn export(file: &Path, dir: &Path) -> Ran {
    relay(["export", "--sqlite"], file, dir)
}

fn import(file: &Path, dir: &Path) -> Ran {
    relay(["import", ""], file, dir)
}

#[test]
fn what_comes_out_goes_in_elsewhere() {
    let (from, to) = (served(), TempDir::new().unwrap());
    let file = from.path().join("updates.db");
    let out = export(&file, from.path());
    assert_eq!(out.out, "exported 6 changes of 2 keys\n", "{}", out.err);
    let into = import(&file, to.path());
    assert_eq!(into.out, "imported 6 changes of 2 keys\n", "{}", into.err);
    let again = import(&file, to.path());
    assert_eq!(again.out, "imported 0 changes of 2 keys\nthere already: 6\n", "{}", again.err);

    let serving = Serving::start(to.path(), &[]);
    let mut peer = Peer::json(serving.address(), &Hello::new("another", "two/with a slash"));
    let expected: Vec<_> = (1..).zip(PAYLOADS.map(<[u8]>::to_vec)).collect();
    assert_eq!(peer.changes(3), expected);
}

#[test]
fn a_directory_in_use_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let _serving = Serving::start(dir.path(), &[]);
    let out = export(&dir.path().join("updates.db"), dir.path());
    assert_eq!(out.code, Some(5), "{}", out.err);
    assert!(!dir.path().join("updates.db").exists());
}

#[test]
fn what_is_not_there_is_not_found_and_nothing_is_made() {
    let dir = TempDir::new().unwrap();
    assert_eq!(export(&dir.path().join("updates.db"), dir.path()).code, Some(4));
    assert_eq!(import(&dir.path().join("updates.db"), dir.path()).code, Some(4));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
