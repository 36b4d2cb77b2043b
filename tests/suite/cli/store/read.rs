//! `ls`, `get`, `tail`, `dump` and `stat`: what they print, and that they change nothing.

use std::fs;

use serde_json::{Value, json};
use syncline_engine::Batch;
use syncline_tests::{
    process::Serving,
    relay::{Hello, Message, Peer},
};
use tempfile::TempDir;

use super::{Kept, files, on, on_terminal};

/// Every command that only looks, with the arguments it needs.
const LOOKS: [&[&str]; 5] =
    [&["ls"], &["get", "doc/42", "2"], &["tail", "doc/42"], &["dump"], &["stat"]];

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn ls_prints_bare_columns_where_there_is_no_terminal() {
    let ran = Kept::new().run(&["ls"]);
    let expected = "log\t3\t2\t5\t8 B\tdoc/42\nlog\t0\t1\t1\t0 B\tempty\nmap\t2\t-\t-\t-\ttitles\n";
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), expected), "{}", ran.err);
    assert_eq!(Kept::new().run(&["ls", "e"]).out, "log\t0\t1\t1\t0 B\tempty\n");
    assert_eq!(Kept::new().run(&["ls", "nothing"]).out, "");
}

#[test]
fn on_a_terminal_there_are_tables_and_escapes() {
    let kept = Kept::new();
    let ls = on_terminal(&kept.data(), &["ls"]);
    assert_eq!(ls.code, Some(0), "{}", ls.err);
    let plain = ls.out.replace("\x1b[1m", "").replace("\x1b[0m", "");
    let expected = "\
KIND  RECORDS  FIRST  NEXT  PAYLOAD  NAME
log   3        2      5     8 B      doc/42
log   0        1      1     0 B      empty
map   2        -      -     -        titles
";
    assert_eq!(plain, expected);
    let get = on_terminal(&kept.data(), &["get", "doc/42", "3"]);
    assert_eq!(get.out, "\\xff\\x1bx\n");
    assert_eq!(on_terminal(&kept.data(), &["ls", "--json"]).out, kept.run(&["ls", "--json"]).out);
}

#[test]
fn ls_json_is_one_object_per_collection() {
    let ran = Kept::new().run(&["ls", "--json"]);
    let expected = "\
{\"log\":\"doc/42\",\"first_seq\":2,\"next_seq\":5,\"records\":3,\"payload_bytes\":8}
{\"log\":\"empty\",\"first_seq\":1,\"next_seq\":1,\"records\":0,\"payload_bytes\":0}
{\"map\":\"titles\",\"keys\":2}
";
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), expected), "{}", ran.err);
}

#[test]
fn get_gives_the_very_bytes_or_says_them_as_asked() {
    let kept = Kept::new();
    assert_eq!(kept.run(&["get", "doc/42", "2"]).out, "hello");
    assert_eq!(kept.run(&["get", "doc/42", "3", "--hex"]).out, "ff1b78\n");
    assert_eq!(
        kept.run(&["get", "doc/42", "3", "--json"]).out,
        "{\"log\":\"doc/42\",\"seq\":3,\"payload_base64\":\"/xt4\"}\n"
    );
    assert_eq!(kept.run(&["get", "doc/42", "4"]).out, "");
    assert_eq!(kept.run(&["get", "titles", "doc/42"]).out, "a \"title\"");
    assert_eq!(
        kept.run(&["get", "titles", "\\x00\\xfe", "--json"]).out,
        "{\"map\":\"titles\",\"key_base64\":\"AP4=\",\"value\":\"😀\"}\n"
    );
}

#[test]
fn what_is_not_there_is_4_and_what_cannot_be_meant_is_2() {
    let kept = Kept::new();
    for absent in [["get", "none", "1"], ["get", "doc/42", "1"], ["get", "doc/42", "5"]] {
        assert_eq!(kept.run(&absent).code, Some(4), "{absent:?}");
    }
    assert_eq!(kept.run(&["get", "titles", "none"]).code, Some(4));
    assert_eq!(kept.run(&["tail", "none"]).code, Some(4));
    assert_eq!(kept.run(&["dump", "none"]).code, Some(4));
    assert_eq!(kept.run(&["get", "doc/42", "first"]).code, Some(2));
    assert_eq!(kept.run(&["get", "titles", "a\\b"]).code, Some(2));
    assert_eq!(kept.run(&["tail", "titles"]).code, Some(2));
    assert_eq!(kept.run(&["get", "doc/42"]).code, Some(2));
}

#[test]
fn tail_prints_the_last_records_with_nothing_that_steers_a_terminal() {
    let kept = Kept::new();
    assert_eq!(kept.run(&["tail", "doc/42"]).out, "2\thello\n3\t\\xff\\x1bx\n4\t\n");
    assert_eq!(kept.run(&["tail", "doc/42", "-n", "1"]).out, "4\t\n");
    assert_eq!(kept.run(&["tail", "doc/42", "-n", "0"]).out, "");
    assert_eq!(
        kept.run(&["tail", "doc/42", "-n", "2", "--json"]).out,
        "{\"log\":\"doc/42\",\"seq\":3,\"payload_base64\":\"/xt4\"}\n{\"log\":\"doc/42\",\"seq\":4,\"payload\":\"\"}\n"
    );
}

#[test]
fn dump_says_what_it_is_holds_everything_and_says_when_it_ends() {
    let ran = Kept::new().run(&["dump"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let mut found = lines(&ran.out);
    // A map has no order.
    found[7..9].sort_by_key(Value::to_string);
    let expected = [
        json!({"dump": "syncline store", "version": 1}),
        json!({"log": "doc/42", "first_seq": 2, "next_seq": 5, "records": 3, "payload_bytes": 8}),
        json!({"log": "doc/42", "seq": 2, "payload": "hello"}),
        json!({"log": "doc/42", "seq": 3, "payload_base64": "/xt4"}),
        json!({"log": "doc/42", "seq": 4, "payload": ""}),
        json!({"log": "empty", "first_seq": 1, "next_seq": 1, "records": 0, "payload_bytes": 0}),
        json!({"map": "titles", "keys": 2}),
        json!({"map": "titles", "key": "doc/42", "value": "a \"title\""}),
        json!({"map": "titles", "key_base64": "AP4=", "value": "😀"}),
        json!({"end": true, "records": 5, "unreadable": 0, "damages": 0}),
    ];
    assert_eq!(found, expected);
    let one = Kept::new().run(&["dump", "empty"]);
    assert_eq!(lines(&one.out).len(), 3, "{}", one.out);
}

#[test]
fn dump_leaves_out_a_damaged_record_tells_of_it_and_ends_with_3() {
    let kept = Kept::with(|store| {
        for name in ["a", "b"] {
            let log = store.log(name).unwrap();
            for n in 0..60 {
                let mut batch = Batch::new();
                batch.append(&log, format!("record {n} of {name} {}", "x".repeat(100)).as_bytes());
                store.commit(batch).unwrap().wait().unwrap();
            }
        }
    });
    kept.damage(b"record 5 of a");
    let ran = kept.run(&["dump"]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("record 6") && ran.err.contains("segment 1"), "{}", ran.err);
    let found = lines(&ran.out);
    let end = found.last().unwrap();
    assert_eq!((&end["records"], &end["unreadable"]), (&119.into(), &1.into()));
    let seqs: Vec<u64> = found
        .iter()
        .filter(|line| line["log"] == "a")
        .filter_map(|line| line["seq"].as_u64())
        .collect();
    assert_eq!(seqs, (1..=60).filter(|seq| *seq != 6).collect::<Vec<_>>());
}

#[test]
fn stat_says_how_large_the_store_is() {
    let kept = Kept::new();
    let ran = kept.run(&["stat", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let stat: Value = ran.out.parse().unwrap();
    for (name, expected) in [("logs", 2), ("maps", 1), ("records", 5), ("segments", 1)] {
        assert_eq!(stat[name], expected, "{name} in {stat}");
    }
    assert_eq!(stat["dir"], kept.data().to_str().unwrap());
    let disk: u64 = kept.files().iter().map(|(_, bytes)| bytes.len() as u64).sum();
    assert_eq!(stat["disk_bytes"], disk);
    assert!(stat["live_bytes"].as_u64().unwrap() < disk);
    let plain = kept.run(&["stat"]).out;
    assert!(plain.contains("\nrecords              5\n"), "{plain}");
}

#[test]
fn a_missing_or_empty_directory_is_4_and_nothing_is_made() {
    let dir = TempDir::new().unwrap();
    for arguments in LOOKS {
        for place in [dir.path().join("none"), dir.path().to_owned()] {
            let ran = on(&place, arguments);
            assert_eq!(ran.code, Some(4), "{arguments:?}: {}", ran.err);
            assert!(ran.err.contains("--data-dir"), "{}", ran.err);
        }
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn looking_changes_no_byte_of_a_store() {
    let kept = Kept::new();
    let before = kept.files();
    for arguments in LOOKS {
        assert_eq!(kept.run(arguments).code, Some(0), "{arguments:?}");
    }
    assert_eq!(kept.files(), before);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let kept = Kept::with(|store| {
        let log = store.log("long").unwrap();
        for _ in 0..100 {
            let mut batch = Batch::new();
            batch.append(&log, &[b'x'; 3000]);
            store.commit(batch).unwrap();
        }
    });
    let mut shell = std::process::Command::new("/bin/bash");
    let script = "set -o pipefail; \"$0\" dump --data-dir \"$1\" | head -n 1";
    let ran = shell
        .env_clear()
        .args(["-c", script])
        .arg(syncline_tests::process::program())
        .arg(kept.data())
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_eq!(String::from_utf8_lossy(&ran.stdout).lines().count(), 1);
}

#[test]
fn looking_works_beside_a_server_and_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let mut peer = Peer::binary(serving.address(), &Hello::new("device", "key").with_ack());
    for seq in 1..=3 {
        peer.submit(b"a change");
        while peer.message() != (Message::Accepted { id: seq, seq }) {}
    }
    let data = dir.path().join("data");
    let before = files(&data);
    let ls = on(&data, &["ls"]);
    assert!(ls.out.starts_with("log\t3\t1\t4\t"), "{} {}", ls.out, ls.err);
    for arguments in
        [&["get", "relay/key", "2"][..], &["tail", "relay/key"], &["dump"], &["stat"], &["verify"]]
    {
        let ran = on(&data, arguments);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{arguments:?}");
    }
    assert_eq!(files(&data), before);
}

#[test]
fn what_is_whole_of_a_store_that_no_server_would_open_is_read() {
    let kept = Kept::new();
    // In the newest segment, which an opening reads whole.
    kept.damage(b"hello");
    let ran = kept.run(&["get", "doc/42", "3", "--hex"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "ff1b78\n"), "{}", ran.err);
    assert!(ran.err.contains("1 damage") && ran.err.contains("verify"), "{}", ran.err);
    assert_eq!(kept.run(&["get", "doc/42", "2"]).code, Some(3));
    assert_eq!(kept.run(&["tail", "doc/42"]).code, Some(3));
    let dump = kept.run(&["dump"]);
    assert_eq!(dump.code, Some(3), "{}", dump.err);
    assert_eq!(lines(&dump.out).last().unwrap()["damages"], 1);
    assert_eq!(kept.run(&["stat", "--json"]).code, Some(0));
}
