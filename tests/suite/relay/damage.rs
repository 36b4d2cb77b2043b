//! Sudden death, a torn log, a disk that takes no more: what was promised stands.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use syncline_tests::{
    http::get,
    process::Serving,
    relay::{Hello, Message, Peer},
};
use tempfile::TempDir;

#[test]
fn check_19_what_a_peer_has_seen_is_there_after_a_kill_with_the_same_numbers() {
    let dir = TempDir::new().unwrap();
    let mut seen: Vec<(u64, Vec<u8>)> = Vec::new();
    for round in 0..3 {
        let serving = Serving::start(dir.path(), &[]);
        let mut again = Peer::json(serving.address(), &Hello::new("reader", "K"));
        assert_eq!(again.changes(seen.len()), seen);
        let mut sender = Peer::json(serving.address(), &Hello::new("sender", "K"));
        for n in 0..50 {
            sender.submit(format!("round {round}, change {n}").as_bytes());
        }
        // Kill it in the midst: half of them have been seen.
        seen.extend(again.changes(25));
        serving.kill();
        // What was submitted and not seen may be there or not: learn what is.
        let serving = Serving::start(dir.path(), &[]);
        let mut all = Peer::binary(serving.address(), &Hello::new("reader", "K"));
        let found = history(&mut all);
        assert_eq!(found[..seen.len()], seen);
        let numbers: Vec<u64> = found.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(numbers, (1..=found.len() as u64).collect::<Vec<_>>());
        seen = found;
        serving.kill();
    }
}

/// What comes before the server says that it was all.
fn history(peer: &mut Peer) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    loop {
        match peer.message() {
            Message::CaughtUp(_) => return found,
            change => found.push(change.into_change()),
        }
    }
}

/// The size of a segment, and the largest message.
const SEGMENT_BYTES: u64 = 64 << 20;

#[test]
fn check_22_a_change_that_finds_the_disk_full_is_not_relayed_and_the_server_stays_up() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let (mut sender, mut reader) = pair(&serving);
    // So large that it needs a segment of its own, for which there is no space.
    let limited = limit_file_bytes(&serving, Some(SEGMENT_BYTES));
    let large = vec![7; usize::try_from(SEGMENT_BYTES - 64).unwrap()];
    sender.submit(&large);
    assert_eq!(sender.socket().closed().close_code(), Some(1011));
    reader.hears_nothing();

    assert_eq!(get(serving.address(), "/livez").status, 200);
    assert_eq!(get(serving.address(), "/readyz").status, 200);
    let mut sender = Peer::binary(serving.address(), &Hello::new("s", "K").after(1).with_ack());
    assert_eq!(sender.message(), Message::CaughtUp(1));
    sender.submit(b"small");
    assert_eq!(sender.message(), Message::Accepted { id: 1, seq: 2 });
    assert_eq!(reader.change(), (2, b"small".to_vec()));

    limit_file_bytes(&serving, limited);
    sender.submit(&large);
    assert_eq!(sender.message(), Message::Accepted { id: 2, seq: 3 });
    let (seq, payload) = reader.change();
    assert!(seq == 3 && payload == large, "with space again, it arrives whole");
}

#[test]
fn a_failed_write_closes_everyone_ends_the_program_and_loses_nothing_acknowledged() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let (mut sender, mut reader) = pair(&serving);
    limit_file_bytes(&serving, Some(4096));
    sender.submit(&[7; 8192]);
    assert_eq!(sender.socket().closed().close_code(), Some(1011));
    assert_eq!((reader.try_message(), reader.close_code()), (None, Some(1011)));
    let (status, log) = serving.ended();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("error:") && log.contains("hint:"), "{log}");

    let serving = Serving::start(dir.path(), &[]);
    let mut late = Peer::json(serving.address(), &Hello::new("late", "K"));
    assert_eq!(late.change(), (1, b"kept".to_vec()));
}

/// A sender and a reader of one room, after one change.
fn pair(serving: &Serving) -> (Peer, Peer) {
    let mut reader = Peer::binary(serving.address(), &Hello::new("reader", "K"));
    let mut sender = Peer::binary(serving.address(), &Hello::new("sender", "K").with_ack());
    assert_eq!(sender.message(), Message::CaughtUp(0));
    assert_eq!(reader.message(), Message::CaughtUp(0));
    sender.submit(b"kept");
    assert_eq!(sender.message(), Message::Accepted { id: 1, seq: 1 });
    assert_eq!(reader.change(), (1, b"kept".to_vec()));
    (sender, reader)
}

/// Sets how far into a file the server may write, and returns what was set before.
fn limit_file_bytes(serving: &Serving, bytes: Option<u64>) -> Option<u64> {
    let pid = Pid::from_raw(i32::try_from(serving.pid()).expect("a process id"));
    let now = rustix::process::getrlimit(Resource::Fsize);
    let limit = Rlimit { current: bytes, maximum: now.maximum };
    prlimit(pid, Resource::Fsize, limit).expect("the process is ours").current
}

#[test]
fn check_25_a_torn_last_record_costs_that_record_only() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let mut sender = Peer::binary(serving.address(), &Hello::new("s", "K").with_ack());
    assert_eq!(sender.message(), Message::CaughtUp(0));
    for n in 1..=20_u64 {
        sender.submit(format!("change {n}").as_bytes());
        assert_eq!(sender.message(), Message::Accepted { id: n, seq: n });
    }
    serving.kill();
    tear_last_record(&dir.path().join("data"));

    let serving = Serving::start(dir.path(), &[]);
    let mut reader = Peer::binary(serving.address(), &Hello::new("r", "K"));
    let found = history(&mut reader);
    let expected: Vec<(u64, Vec<u8>)> =
        (1..=19).map(|n| (n, format!("change {n}").into_bytes())).collect();
    assert_eq!(found, expected);
    let mut sender = Peer::json(serving.address(), &Hello::new("s", "K"));
    sender.submit(b"next");
    assert_eq!(reader.change(), (20, b"next".to_vec()));
}

/// Wipes the last bytes that were written to the newest segment.
fn tear_last_record(data: &Path) {
    let newest = segments(data).pop().expect("a segment");
    let mut bytes = fs::read(&newest).unwrap();
    let written = bytes.iter().rposition(|b| *b != 0).expect("something was written");
    bytes[written - 2..=written].fill(0);
    fs::write(&newest, bytes).unwrap();
}

fn segments(data: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<PathBuf> =
        files.filter(|p| p.extension().is_some_and(|e| e == "seg")).collect();
    segments.sort();
    segments
}
