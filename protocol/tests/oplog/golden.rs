//! Requests, answers, records and entries against files: whoever changes a byte of them sees it here.

use std::{collections::BTreeMap, fs, path::PathBuf};

use syncline_protocol::dialects::oplog::{
    Answer, Checkpoint, Command, Push, Request, Reset, Scopes,
};

use crate::double::Dataset;

type Maps = BTreeMap<u64, BTreeMap<Vec<u8>, Vec<u8>>>;

fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/golden/oplog").join(name);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.trim_end().to_owned()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

/// Puts the entries of a part of `stored.txt` over those that are there.
fn put_stored(part: usize, maps: &mut Maps) {
    let text = file("stored.txt");
    let part = text.split("\n\n").nth(part).expect("a part");
    for line in part.lines().filter_map(|line| line.split('#').next()) {
        let [map, key, value] = line.split_whitespace().collect::<Vec<_>>()[..] else { continue };
        maps.entry(map.parse().unwrap()).or_default().insert(hex(key), hex(value));
    }
}

fn body(dataset: &Dataset, answer: Answer) -> String {
    dataset.shown(answer.into_reply()).1
}

/// A dataset after the reset and the push of the files.
fn played() -> Dataset {
    let (mut dataset, _) = Dataset::begun();
    let reset = Reset::decode(file("reset.json").as_bytes()).unwrap();
    let answer = dataset.answer(Request::Reset(reset));
    assert_eq!(body(&dataset, answer), file("reset_done.json"));
    let push = Push::decode(file("push.json").as_bytes(), Scopes::Strict).unwrap();
    let answer = dataset.answer(Request::Push(push));
    assert_eq!(body(&dataset, answer), file("push_done.json"));
    dataset
}

#[test]
fn answers_are_those_of_the_files() {
    let mut dataset = played();
    let answer = dataset.bootstrap();
    assert_eq!(body(&dataset, answer), file("bootstrap.json"));
    let answer = dataset.pull("client-abc", "dataset-1", 1);
    assert_eq!(body(&dataset, answer), file("pull_since_1.json"));
    let answer = dataset.pull("client-abc", "another", 1);
    assert_eq!(body(&dataset, answer), file("stale.json"));
    let answer = dataset.reset("dataset-1", "");
    assert_eq!(body(&dataset, answer), file("key_exists.json"));
    let bad = file("push.json").replace("\"clock\":43", "\"clock\":0");
    let bad = Push::decode(bad.as_bytes(), Scopes::Any).unwrap_err();
    assert_eq!(dataset.shown(bad.into_reply()), (400, file("bad_op.json")));
}

#[test]
fn what_is_stored_is_what_the_files_say() {
    let mut dataset = played();
    let records = [file("record_1.json").into_bytes(), file("record_2.json").into_bytes()];
    assert_eq!(dataset.memory.log, records);
    let mut maps = Maps::new();
    put_stored(0, &mut maps);
    assert_eq!(dataset.memory.maps, maps);

    let checkpoint = Checkpoint::decode(file("checkpoint.json").as_bytes()).unwrap();
    let command = Command::new(Request::Checkpoint(checkpoint), "dataset-2");
    let answer = dataset.command(command).unwrap();
    assert_eq!(body(&dataset, answer), file("checkpoint_done.json"));
    put_stored(1, &mut maps);
    assert_eq!(dataset.memory.maps, maps);
    assert_eq!(dataset.memory.log.len(), 0);
}

#[test]
fn stores_of_the_files_are_read() {
    let mut dataset = played();
    let log = dataset.memory.log.clone();
    dataset.memory.maps.clear();
    put_stored(0, &mut dataset.memory.maps);
    dataset.restart();
    let answer = dataset.bootstrap();
    assert_eq!(body(&dataset, answer), file("bootstrap.json"));
    let push = Push::decode(file("push.json").as_bytes(), Scopes::Any).unwrap();
    let answer = dataset.answer(Request::Push(push));
    assert_eq!(body(&dataset, answer), file("push_done.json"));
    assert_eq!(dataset.memory.log, log);
}
