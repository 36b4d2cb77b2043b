//! `syncline maps` and the maps dialect as an operator meets it: what was acknowledged is there, and seen.

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use syncline_tests::{
    maps::{Client, everything, get, now_ms, pull, push, put, remove},
    process::Serving,
    until,
    workspace::SECRET,
};
use tempfile::TempDir;

use crate::{Ran, run};

/// Runs `syncline maps` on the directory of a server.
fn maps(dir: &TempDir, arguments: &[&str]) -> Ran {
    let data = dir.path().join("data");
    let more = ["--data-dir", data.to_str().expect("a path")];
    run(&[&["maps"], arguments, &more].concat(), &[])
}

fn lines(ran: &Ran) -> Vec<Value> {
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let mut all: Vec<Value> = ran.out.lines().map(|line| line.parse().expect("JSON")).collect();
    all.sort_by_key(|line| line["key"].to_string());
    all
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill_and_can_be_looked_at() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[("SYNCLINE_AUTH_SECRET", SECRET)]);
    let mut ann = Client::join_with(serving.address(), "ann", &everything());
    let at = |n: u64| format!("{}:{n}:ann-node", now_ms());
    let stamps: Vec<String> = (0..4).map(at).collect();
    let milk = put("todos", "milk", b"two", &stamps[0]);
    let raw = put("todos", "raw", &[0xff, 0], &stamps[1]);
    let gone = remove("todos", "gone", &stamps[2]);
    let ack = ann.acked(syncline_tests::maps::payload(push(vec![milk, raw, gone])));
    assert_eq!((ack.applied, ack.durable), (3, true));
    assert_eq!(ann.write(put("a/b:c", "k", b"v", &stamps[3])).applied, 1);
    let told = ann.sync(pull("todos", b""));
    assert_eq!(lines(&maps(&dir, &["ls", "--json"])).len(), 2, "beside a running server");
    let output = serving.kill();
    assert!(!output.contains("milk") && !output.contains("eyJ"), "{output}");

    let listed = lines(&maps(&dir, &["ls", "--json"]));
    let todos = listed.iter().find(|map| map["map"] == "todos").expect("the map");
    let bytes = "milk".len() + "two".len() + "raw".len() + 2 + "gone".len();
    let expected = json!({
        "map": "todos", "keys": 2, "tombstones": 1, "bytes": bytes,
        "last_change": todos["last_change"], "root": HEXLOWER.encode(&told.root_hash),
    });
    assert_eq!(*todos, expected);
    let table = maps(&dir, &["ls"]).out;
    assert!(table.contains("a/b:c") && table.lines().count() == 2, "{table}");
    assert_eq!(maps(&dir, &["get", "todos", "milk"]).out, "two");
    let dumped = lines(&maps(&dir, &["dump", "todos"]));
    let value = |line: &Value| line.as_object().map(|line| line.contains_key("change"));
    assert!(dumped.iter().all(|line| value(line) == Some(true)));
    let told = |line: &Value, name: &str| line[name].clone();
    assert_eq!(
        (told(&dumped[0], "key"), told(&dumped[0], "removed")),
        ("gone".into(), true.into())
    );
    assert_eq!(
        (told(&dumped[1], "value"), told(&dumped[1], "timestamp")),
        ("two".into(), stamps[0].clone().into())
    );
    assert_eq!(told(&dumped[2], "value_base64"), json!("/wA="));
    for absent in [["todos", "bread"], ["todos", "gone"], ["other", "milk"], ["~", "milk"]] {
        let ran = maps(&dir, &["get", absent[0], absent[1]]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(4), ""), "{absent:?}");
    }
    let removed = maps(&dir, &["get", "todos", "gone", "--json"]);
    assert_eq!(lines(&removed)[0]["removed"], json!(true));
}

#[test]
fn an_acknowledgement_in_memory_is_said_at_the_start_and_in_each_answer() {
    let dir = TempDir::new().unwrap();
    let variables = [("SYNCLINE_AUTH_SECRET", SECRET), ("SYNCLINE_MAPS_ACK", "memory")];
    let serving = Serving::start(dir.path(), &variables);
    until("the banner says it", || serving.output().contains("in memory only").then_some(()));
    let mut ann = Client::join_with(serving.address(), "ann", &everything());
    let ack = ann.write(put("todos", "milk", b"two", &format!("{}:0:ann-node", now_ms())));
    assert_eq!((ack.applied, ack.durable), (1, false));
    assert_eq!(ann.sync(get("todos", &["milk"])).ops.len(), 1);
}
