//! Large answers: made while they are taken, cut when they cannot be whole, bounded in memory.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use syncline_tests::{
    http::{Raw, get, request},
    oplog::{Client, ok, op},
    process::Serving,
    server::TestServer,
    until,
};
use tempfile::TempDir;

/// Pushes operations with payloads of 4 KiB each.
fn fill(client: &mut Client, key: &str, ops: u64) {
    let payload = json!("p".repeat(4 << 10));
    let clocks: Vec<u64> = (1..=ops).collect();
    for clocks in clocks.chunks(500) {
        let ops: Vec<Value> = clocks.iter().map(|clock| op("a", *clock, &payload)).collect();
        assert_eq!(ok(&client.push(key, &ops))["serverSeq"], json!(clocks.last()));
    }
}

/// More operations than the kernel holds for a peer that does not read.
const MANY: u64 = 4_500;

#[test]
fn a_large_answer_is_whole_and_in_order() {
    let server = TestServer::start(|_| ());
    let mut client = Client::new(server.address(), "a");
    let key = client.key();
    fill(&mut client, &key, 3_000);
    for (target, first) in [
        ("/sync/bootstrap".to_owned(), 1),
        (format!("/sync/pull?clientId=b&datasetGenerationKey={key}&since=123"), 124),
    ] {
        let answer = client.get(&target);
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
        let found = ok(&answer);
        assert_eq!(found["serverSeq"], 3_000);
        let seqs: Vec<u64> = found["ops"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|op| op["serverSeq"].as_u64())
            .collect();
        assert_eq!(seqs, (first..=3_000).collect::<Vec<_>>());
    }
}

#[test]
fn an_answer_whose_operations_go_meanwhile_is_whole_or_cut() {
    let server = TestServer::start(|_| ());
    let mut writer = Client::new(server.address(), "a");
    let key = writer.key();
    fill(&mut writer, &key, MANY);
    let mut reader = Raw::connect(server.address());
    reader.send(&request("GET", "/sync/bootstrap", &[], &[]));
    until("the answer begins", || {
        reader.fill(Instant::now() + Duration::from_millis(50));
        (!reader.buffered().is_empty()).then_some(())
    });
    let _ = ok(&writer.reset("another-key", "the snapshot"));
    let answer = reader.answer().expect("a head");
    assert_eq!(answer.status, 200);
    if !answer.is_cut {
        let found = ok(&answer);
        assert_eq!(found["datasetGenerationKey"], json!(key));
        assert_eq!(found["ops"].as_array().unwrap().len() as u64, MANY);
    }
    assert_eq!(writer.bootstrap()["ops"], json!([]));
}

#[test]
fn who_takes_nothing_is_cut_and_who_takes_slowly_is_not() {
    const TIMEOUT: Duration = Duration::from_secs(2);
    let server = TestServer::start(|c| c.limits.write_timeout = TIMEOUT);
    let mut client = Client::new(server.address(), "a");
    let key = client.key();
    fill(&mut client, &key, MANY);
    let mut deaf = Raw::connect(server.address());
    deaf.send(&request("GET", "/sync/bootstrap", &[], &[]));
    let mut slow = Raw::connect(server.address());
    slow.send(&request("GET", "/sync/bootstrap", &[], &[]));
    // Longer than the limit in all, never so long without taking something. Whatever keeps this
    // thread from running is made up for at once.
    let (begun, in_all) = (Instant::now(), TIMEOUT * 3 / 2);
    while begun.elapsed() < in_all {
        let due = MANY as f64 * 4_096.0 * begun.elapsed().div_duration_f64(in_all);
        while slow.buffered().len() < due as usize {
            slow.fill(Instant::now() + syncline_tests::PATIENCE);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(ok(&slow.answer().expect("an answer"))["serverSeq"], json!(MANY));
    until("the deaf one is cut", || {
        let metrics = get(server.address(), "/metrics").text();
        metrics.contains("syncline_http_stalled_total 1").then_some(())
    });
    assert!(deaf.answer().expect("a head").is_cut);
}

#[test]
fn deaf_readers_of_a_large_dataset_cost_little_memory() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let mut client = Client::new(serving.address(), "a");
    let key = client.key();
    fill(&mut client, &key, MANY);
    let before = serving.resident_bytes();
    let readers: Vec<Raw> = (0..40)
        .map(|_| {
            let mut reader = Raw::connect(serving.address());
            reader.send(&request("GET", "/sync/bootstrap", &[], &[]));
            reader.fill(Instant::now() + syncline_tests::PATIENCE);
            reader
        })
        .collect();
    let grown = serving.resident_bytes().saturating_sub(before);
    // All of it for each of them would be 700 MiB. The store's files count here as they are read.
    assert!(grown < 64 << 20, "{grown} bytes for {} readers", readers.len());
    assert_eq!(get(serving.address(), "/livez").status, 200);
}
