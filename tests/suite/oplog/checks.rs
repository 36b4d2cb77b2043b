//! What the specification promises of operations, beside the four calls themselves.

use std::{collections::BTreeSet, thread};

use serde_json::{Value, json};
use syncline_tests::oplog::{Client, JSON, body, ok, op};

use super::served;

/// The operations behind `since`, with nothing missing up to the head.
fn all(client: &mut Client, key: &str, since: u64) -> Vec<Value> {
    let found = ok(&client.pull(key, since, ""));
    let ops = found["ops"].as_array().expect("operations").clone();
    for (seq, op) in (since + 1..).zip(&ops) {
        assert_eq!(op["serverSeq"], seq, "no gap, no repetition");
    }
    assert_eq!(found["serverSeq"], since + ops.len() as u64);
    ops
}

#[test]
fn operations_that_differ_in_one_part_are_different() {
    let (_server, mut client) = served();
    let key = client.key();
    let mut ops = vec![op("a", 1, &json!(0)); 6];
    ops[1]["scope"] = json!("registry");
    ops[2]["resourceId"] = json!("list-2");
    ops[3]["actor"] = json!("A");
    ops[4]["clock"] = json!(2);
    assert_eq!(ok(&client.push(&key, &ops))["serverSeq"], 5, "the last one is the first again");
    assert_eq!(all(&mut client, &key, 0).len(), 5);
}

#[test]
fn the_first_of_many_stays_in_and_across_batches() {
    let (_server, mut client) = served();
    let key = client.key();
    let batch = |clocks: &[u64], payload: &str| -> Vec<Value> {
        clocks.iter().map(|clock| op("a", *clock, &json!(payload))).collect()
    };
    assert_eq!(ok(&client.push(&key, &batch(&[3, 1, 3, 2, 1], "one")))["serverSeq"], 3);
    assert_eq!(ok(&client.push(&key, &batch(&[2, 5, 1, 4, 5], "two")))["serverSeq"], 5);
    assert_eq!(ok(&client.push(&key, &[]))["serverSeq"], 5, "an empty batch tells the head");
    let found = all(&mut client, &key, 0);
    let found: Vec<_> = found.iter().map(|op| (&op["clock"], &op["payload"])).collect();
    let one = json!("one");
    let two = json!("two");
    let clocks = [3, 1, 2, 5, 4].map(|clock| json!(clock));
    let payloads = [&one, &one, &one, &two, &two];
    assert_eq!(found, clocks.iter().zip(payloads).collect::<Vec<_>>());
    // Behind a reset they are new.
    let _ = ok(&client.reset("another", ""));
    assert_eq!(ok(&client.push("another", &batch(&[1, 2], "three")))["serverSeq"], 2);
    assert_eq!(all(&mut client, "another", 0)[0]["payload"], "three");
}

#[test]
fn a_key_that_was_never_seen_is_stale() {
    let (_server, mut client) = served();
    let key = client.key();
    for answer in [client.pull("never", 0, ""), client.push("never", &[op("a", 1, &json!(1))])] {
        let stale = json!({ "datasetGenerationKey": key, "snapshot": "" });
        assert_eq!((answer.status, body(&answer)), (409, stale));
    }
    assert!(all(&mut client, &key, 0).is_empty());
}

#[test]
fn payloads_of_every_kind_come_as_they_went() {
    let (_server, mut client) = served();
    let key = client.key();
    let payloads = [
        "null",
        "0",
        "-0.0",
        "1.0",
        "1e400",
        "12345678901234567890",
        "\"s\"",
        "[]",
        "{}",
        "true",
        "\"\\u0000\\ud83d\\ude00\"",
        "{ \"b\" : 1,\"a\":[1.10] }",
    ];
    let ops: Vec<String> = (1..)
        .zip(payloads)
        .map(|(clock, payload)| {
            format!(
                r#"{{"scope":"list","resourceId":"l","actor":"a","clock":{clock},"payload":{payload},
                "serverSeq":700,"unknown":[1]}}"#
            )
        })
        .collect();
    let push = format!(
        r#"{{"clientId":"c","datasetGenerationKey":"{key}","unknown":{{}},"ops":[{}]}}"#,
        ops.join(",")
    );
    let pushed = ok(&client.ask("POST", "/sync/push", &[JSON], push.as_bytes()));
    assert_eq!(pushed["serverSeq"], payloads.len());
    let pulled = client.pull(&key, 0, "").text();
    for payload in payloads {
        assert!(pulled.contains(&format!(r#""payload":{payload}"#)), "{payload} in {pulled}");
    }
    assert!(!pulled.contains("700") && !pulled.contains("unknown"), "{pulled}");
}

#[test]
fn five_thousand_operations_keep_their_order() {
    let (_server, mut client) = served();
    let key = client.key();
    // Clocks go down, so that no order but that of the batch can be meant.
    let ops: Vec<Value> = (1..=5_000).rev().map(|clock| op("a", clock, &json!(clock))).collect();
    assert_eq!(ok(&client.push(&key, &ops))["serverSeq"], 5_000);
    let found = all(&mut client, &key, 0);
    assert!(found.iter().zip(&ops).all(|(found, sent)| found["clock"] == sent["clock"]));
    assert_eq!(found.len(), 5_000);
}

#[test]
fn one_who_polls_sees_everything_of_eight_writers_without_a_gap() {
    let (server, mut reader) = served();
    let key = reader.key();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let mut client = Client::new(server.address(), &format!("w{writer}"));
            let key = key.clone();
            thread::spawn(move || {
                for n in 0..20 {
                    let ops: Vec<Value> =
                        (1..=3).map(|m| op(&client.id, n * 3 + m, &json!(m))).collect();
                    let _ = ok(&client.push(&key, &ops));
                }
            })
        })
        .collect();
    let mut seen = Vec::new();
    while seen.len() < 480 {
        seen.extend(all(&mut reader, &key, seen.len() as u64));
    }
    writers.into_iter().for_each(|writer| writer.join().expect("a writer ends well"));
    assert!(all(&mut reader, &key, 480).is_empty());
    let ids: BTreeSet<_> =
        seen.iter().map(|op| (op["actor"].to_string(), op["clock"].as_u64())).collect();
    assert_eq!(ids.len(), 480);
    let of_one = |actor| seen.iter().filter(move |op| op["actor"] == actor);
    let clocks: Vec<_> = of_one("w3").filter_map(|op| op["clock"].as_u64()).collect();
    assert_eq!(clocks, (1..=60).collect::<Vec<_>>(), "in the order of their batches");
}

#[test]
fn a_client_that_began_without_a_network_loses_nothing() {
    let (_server, mut client) = served();
    let key = client.key();
    let stale = |snapshot: &str, key: &str| {
        (409, json!({ "datasetGenerationKey": key, "snapshot": snapshot }))
    };
    let answer = client.pull("", 0, "");
    assert_eq!((answer.status, body(&answer)), stale("", &key));
    let bound = ok(&client.push("", &[op("a", 1, &json!("offline"))]));
    assert_eq!(bound, json!({ "serverSeq": 1, "datasetGenerationKey": key }));
    // With a snapshot it has to be told of it; what it pushed is stored all the same.
    let _ = ok(&client.reset("imported", "the snapshot"));
    for _ in 0..2 {
        let answer = client.push("", &[op("a", 2, &json!("offline too"))]);
        assert_eq!((answer.status, body(&answer)), stale("the snapshot", "imported"));
    }
    let found = all(&mut client, "imported", 0);
    assert_eq!((found.len(), &found[0]["payload"]), (1, &json!("offline too")));
}
