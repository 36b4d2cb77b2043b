//! gzip, both ways.

use std::io::{Read, Write};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::{Value, json};
use syncline_tests::{
    http::{Raw, get},
    oplog::{Client, JSON, ok, op},
    server::TestServer,
};

use super::served;

const ENCODED: (&str, &str) = ("Content-Encoding", "gzip");
const ACCEPT: (&str, &str) = ("Accept-Encoding", "gzip, deflate, br");

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut decoded).unwrap();
    decoded
}

fn push(key: &str, ops: &[Value]) -> Vec<u8> {
    json!({"clientId": "a", "datasetGenerationKey": key, "ops": ops}).to_string().into_bytes()
}

#[test]
fn a_push_may_be_encoded() {
    let (_server, mut client) = served();
    let key = client.key();
    let ops: Vec<Value> = (1..=2_000).map(|clock| op("a", clock, &json!("some text"))).collect();
    let encoded = gzip(&push(&key, &ops));
    let answer = client.ask("POST", "/sync/push", &[JSON, ENCODED], &encoded);
    assert_eq!(ok(&answer)["serverSeq"], 2_000);
    let plain = push(&key, &[]);
    let identity = ("Content-Encoding", "identity");
    assert_eq!(client.ask("POST", "/sync/push", &[JSON, identity], &plain).status, 200);
}

#[test]
fn a_large_push_is_asked_in_pieces() {
    let (server, mut client) = served();
    let key = client.key();
    let calls = || {
        let metrics = get(server.address(), "/metrics").text();
        let line =
            metrics.lines().find(|l| l.starts_with("syncline_calls_total{dialect=\"oplog\"}"));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).expect("the metric")
    };
    let before = calls();
    let ops: Vec<Value> = (1..=40_000).map(|clock| op("a", clock, &json!(clock))).collect();
    assert_eq!(ok(&client.push(&key, &ops))["serverSeq"], 40_000);
    assert_eq!(calls() - before, 3, "16,384 operations each at most");
    let pulled = ok(&client.pull(&key, 0, ""));
    let stored = pulled["ops"].as_array().unwrap().iter();
    assert!(stored.map(|op| op["payload"].as_u64().unwrap()).eq(1..=40_000));
    // Nothing of a push is stored when one operation is none, wherever it stands.
    let mut wrong: Vec<Value> = (1..=20_000).map(|clock| op("b", clock, &json!(0))).collect();
    wrong[19_999]["clock"] = json!(0);
    assert_eq!(client.push(&key, &wrong).status, 400);
    assert_eq!(ok(&client.pull(&key, 40_000, ""))["serverSeq"], 40_000);
}

#[test]
fn an_answer_is_encoded_for_who_accepts_it() {
    let (_server, mut client) = served();
    let key = client.key();
    let payload = json!({"text": "words that come again and again and again"});
    let mut told = [0; 2];
    // One answer that is whole in memory, and one that is made while it is sent.
    for (at, count) in [20, 4_000].into_iter().enumerate() {
        let from = if at == 0 { 1 } else { 21 };
        let ops: Vec<Value> = (from..=count).map(|clock| op("a", clock, &payload)).collect();
        let _ = ok(&client.push(&key, &ops));
        let plain = client.get("/sync/bootstrap");
        assert_eq!(plain.header("content-encoding"), None);
        assert_eq!(plain.header("vary"), Some("accept-encoding"));
        assert_eq!(plain.header("content-length").is_none(), at == 1, "the second is a stream");
        let encoded = client.ask("GET", "/sync/bootstrap", &[ACCEPT], &[]);
        assert_eq!(encoded.header("content-encoding"), Some("gzip"));
        assert!(!encoded.is_cut && encoded.body.len() < plain.body.len() / 4);
        assert_eq!(gunzip(&encoded.body), plain.body);
        let refusing =
            client.ask("GET", "/sync/bootstrap", &[("Accept-Encoding", "gzip;q=0")], &[]);
        assert_eq!(refusing.body, plain.body);
        told[at] = plain.body.len();
    }
    assert!(told[1] > 256 << 10, "the second has several pieces: {told:?}");
}

#[test]
fn what_does_not_decode_is_refused_and_nothing_of_it_stored() {
    let server = TestServer::start(|c| c.oplog.body_bytes_max = 64 << 10);
    let key = Client::new(server.address(), "a").key();
    let good = gzip(&push(&key, &[op("a", 1, &json!(1))]));
    let mut flipped = good.clone();
    let last = flipped.len() - 6;
    flipped[last] ^= 1;
    let bomb = gzip(&vec![b' '; 6 << 20]);
    assert!(bomb.len() < 48 << 10, "small enough to be read whole");
    let bodies: [(&[u8], (&str, &str), u16); 6] = [
        (&good[..good.len() - 3], ENCODED, 400),
        (&flipped, ENCODED, 400),
        (b"{}", ENCODED, 400),
        (&bomb, ENCODED, 413),
        (&good, ("Content-Encoding", "br"), 415),
        (&good, ("Content-Encoding", "gzip, gzip"), 415),
    ];
    for (body, encoding, status) in bodies {
        let mut client = Client::new(server.address(), "a");
        let answer = client.ask("POST", "/sync/push", &[JSON, encoding], body);
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    assert_eq!(ok(&Client::new(server.address(), "a").pull(&key, 0, ""))["serverSeq"], 0);
}

#[test]
fn members_that_hold_nothing_do_not_follow_one_another_for_ever() {
    let server = TestServer::start(|c| c.oplog.body_bytes_max = 64 << 10);
    let mut raw = Raw::connect(server.address());
    let head = "POST /sync/push HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    raw.send(
        format!("{head}Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n").as_bytes(),
    );
    let empty = gzip(b"");
    let members = empty.repeat((80 << 10) / empty.len());
    raw.send(format!("{:x}\r\n", members.len()).as_bytes());
    raw.send(&members);
    assert_eq!(raw.answer().expect("an answer").status, 413);
}
