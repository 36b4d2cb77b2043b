//! Operations: numbering, taking each once, keeping their text.

use serde_json::Value;
use syncline_protocol::dialects::oplog::{Answer, Limits};

use crate::double::{Dataset, clocks, decoded, key_of, op, op_with, pushed};

#[test]
fn numbers_begin_at_1_and_have_no_gap() {
    let (mut dataset, key) = Dataset::begun();
    assert_eq!(pushed(dataset.push("a", &key, &[op("a", 10), op("a", 11)])), (2, 2));
    assert_eq!(pushed(dataset.push("a", &key, &[])), (2, 0));
    assert_eq!(pushed(dataset.push("b", &key, &[op("b", 1)])), (3, 1));
    assert_eq!(clocks(&dataset.pulled(&key, 0)), [(1, 10), (2, 11), (3, 1)]);
    assert_eq!(clocks(&dataset.pulled(&key, 2)), [(3, 1)]);
    for at_the_end in [3, 4, u64::MAX] {
        let answer = dataset.pull("a", &key, at_the_end);
        let Answer::Pulled { server_seq: 3, records, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(records.count(), 0);
    }
}

#[test]
fn an_operation_is_taken_once_and_the_first_payload_stays() {
    let (mut dataset, key) = Dataset::begun();
    let first = op_with("a", 1, "\"first\"");
    let later = op_with("a", 1, "\"later\"");
    // Twice in one batch, in the next one, and after a restart.
    assert_eq!(pushed(dataset.push("a", &key, &[first, op("a", 2), later.clone()])), (2, 2));
    assert_eq!(pushed(dataset.push("b", &key, &[later.clone(), op("a", 3)])), (3, 1));
    dataset.restart();
    assert_eq!(pushed(dataset.push("a", &key, &[later])), (3, 0));
    let ops = dataset.pulled(&key, 0);
    assert_eq!(clocks(&ops), [(1, 1), (2, 2), (3, 3)]);
    assert_eq!(ops[0]["payload"], "first");
}

#[test]
fn each_of_the_four_parts_tells_operations_apart() {
    let (mut dataset, key) = Dataset::begun();
    let op = |scope: &str, resource: &str, actor: &str, clock: u64| {
        format!(
            r#"{{"scope":"{scope}","resourceId":"{resource}","actor":"{actor}","clock":{clock},"payload":0}}"#
        )
    };
    let ops = [
        op("list", "r", "a", 1),
        op("registry", "r", "a", 1),
        op("list", "s", "a", 1),
        op("list", "r", "b", 1),
        op("list", "r", "a", 2),
        // The same when written one after the other, and the same once escapes are read.
        op("list", "ra", "a", 1),
        op("list", "r", "aa", 1),
        op("l\\u0069st", "\\u0072", "\\u0061", 1),
    ];
    assert_eq!(pushed(dataset.push("a", &key, &ops)), (7, 7));
}

#[test]
fn parts_up_to_their_bounds_tell_operations_apart() {
    let (mut dataset, key) = Dataset::begun();
    let op = |resource: usize, actor: usize, clock: u64| {
        let (scope, long) = ("s".repeat(64), "x".repeat(256));
        format!(
            r#"{{"scope":"{scope}","resourceId":"{}","actor":"{}","clock":{clock},"payload":0}}"#,
            &long[..resource],
            &long[..actor]
        )
    };
    let top = u64::try_from(i64::MAX).unwrap();
    let ops = [op(256, 256, 1), op(255, 256, 1), op(256, 255, 1), op(256, 256, top), op(1, 1, 1)];
    assert_eq!(pushed(dataset.push("a", &key, &ops)), (5, 5));
    assert_eq!(pushed(dataset.push("a", &key, &ops)), (5, 0));
}

#[test]
fn a_payload_is_any_json_and_its_text_stays() {
    let (mut dataset, key) = Dataset::begun();
    let payloads = [
        "null",
        "0",
        "\"s\"",
        "[]",
        "{}",
        "true",
        "12345678901234567890",
        "1.0",
        "-0",
        "1e400",
        "{ \"b\" : [ 1.50 ,\t2 ] ,\n \"a\":\"\\u00e9\\/\" , \"a\":1}",
        "\"\\ud800\"",
    ];
    let ops: Vec<String> =
        payloads.iter().zip(1..).map(|(payload, clock)| op_with("a", clock, payload)).collect();
    dataset.push("a", &key, &ops);
    for (at, payload) in payloads.iter().enumerate() {
        let record = std::str::from_utf8(&dataset.memory.log[at]).unwrap();
        let place = r#""scope":"list","resourceId":"list-1","actor":"a""#;
        let n = at + 1;
        let expected = format!(r#"{{{place},"clock":{n},"payload":{payload},"serverSeq":{n}}}"#);
        assert_eq!(record, expected);
    }
}

#[test]
fn fields_may_stand_in_any_order_and_strange_ones_are_passed_over() {
    let (mut dataset, key) = Dataset::begun();
    let body = format!(
        r#" {{ "ops" : [ {{"serverSeq":99,"payload":{{"serverSeq":7}},"extra":[[]],"clock":3,"actor":"\u0061","resourceId":"r","sc\u006fpe":"list"}} ],
        "more":{{"ops":1}}, "datasetGenerationKey":"{key}","clientId":"c" }} "#
    );
    let push = decoded(&body).unwrap();
    assert_eq!(push.ops(), 1);
    dataset.answer(syncline_protocol::dialects::oplog::Request::Push(push));
    let record = std::str::from_utf8(&dataset.memory.log[0]).unwrap();
    let expected = r#"{"scope":"list","resourceId":"r","actor":"\u0061","clock":3,"payload":{"serverSeq":7},"serverSeq":1}"#;
    assert_eq!(record, expected);
    let op: Value = serde_json::from_str(record).unwrap();
    assert_eq!(op.as_object().unwrap().len(), 6);
}

#[test]
fn many_operations_keep_their_order() {
    let mut dataset = Dataset::new(Limits::default());
    let ops: Vec<String> = (1..=5_000).map(|clock| op("a", clock)).collect();
    let answer = dataset.push("a", "", &ops);
    let key = key_of(&answer);
    assert_eq!(pushed(answer), (5_000, 5_000));
    let expected: Vec<(u64, u64)> = (1..=5_000).map(|n| (n, n)).collect();
    assert_eq!(clocks(&dataset.pulled(&key, 0)), expected);
}

#[test]
fn a_push_says_whether_it_is_news() {
    let (mut dataset, key) = Dataset::begun();
    assert!(dataset.push("a", &key, &[op("a", 1)]).is_news());
    assert!(!dataset.push("a", &key, &[op("a", 1)]).is_news());
    assert!(!dataset.pull("a", &key, 0).is_news());
    assert!(dataset.reset("new", "").is_news());
    assert!(!dataset.reset("new", "").is_news());
}
