//! A sealed segment that somebody else cuts while it is mapped. This is not supported: the process may
//! end with SIGBUS, or be told that the record is corrupt; it is never given a wrong answer (E29).

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
};

use rustix::process::Signal;
use syncline_engine::{Batch, Error, Log, Options, Seq, Store};

use crate::world::alone;

const RECORDS: u64 = 200;

fn open(dir: &Path) -> Result<Store, Error> {
    let mut options = Options::default();
    options.segment_bytes = 32 << 10;
    Store::open(dir, options)
}

fn payload(n: u64) -> Vec<u8> {
    format!("{n:04}").into_bytes().repeat(200)
}

/// A store of several segments, all of them read once, and the first one's file.
fn mapped(dir: &Path) -> (Store, Log, PathBuf) {
    let store = open(dir).expect("opens");
    let log = store.log("log").expect("creates");
    for n in 1..=RECORDS {
        let mut batch = Batch::new();
        batch.append(&log, &payload(n));
        store.commit(batch).expect("commits").wait().expect("durable");
    }
    assert!(log.read(..).zip(1..).all(|(record, n)| record.expect("reads").payload == payload(n)));
    let names = fs::read_dir(dir).expect("is there").map_while(Result::ok);
    let first = names.map(|name| name.path()).filter(|path| path.extension().is_some()).min();
    (store, log, first.expect("a segment"))
}

fn cut(file: &Path, bytes: u64) {
    let file = OpenOptions::new().write(true).open(file).expect("is there");
    file.set_len(bytes).expect("is cut");
}

#[test]
fn a_page_that_is_gone_ends_the_process_and_is_no_answer() {
    let name = "shrunk::a_page_that_is_gone_ends_the_process_and_is_no_answer";
    let printed = alone::dies_of(name, Signal::BUS, |dir| {
        let (_store, log, first) = mapped(dir);
        cut(&first, 4096);
        for n in (1..=RECORDS).rev() {
            if let Ok(found) = log.get(Seq(n)) {
                assert_eq!(found.as_deref(), Some(&payload(n)[..]), "a wrong answer");
                println!("right {n}");
            }
        }
    });
    if let Some(printed) = printed {
        assert!(printed.matches("right ").count() > 100, "other segments were read:\n{printed}");
    }
}

#[test]
fn what_is_left_of_a_page_is_corrupt_and_the_next_opening_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, log, first) = mapped(dir.path());
    // Behind the end the last page reads as zeros.
    cut(&first, 1000);
    let found = log.get(Seq(2)).expect_err("half of it is zeros");
    assert!(found.is_corruption(), "{found}");
    assert_eq!(log.get(Seq(RECORDS)).expect("reads").as_deref(), Some(&payload(RECORDS)[..]));
    drop((store, log));
    let error = open(dir.path()).expect_err("a segment is too short");
    assert!(error.is_corruption(), "{error}");
}
