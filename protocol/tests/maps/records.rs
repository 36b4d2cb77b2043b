//! Records: made of operations and made into them again, which of two wins, and when a life ends.

use std::cmp::Ordering;

use proptest::{collection::vec, prelude::*};
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{
        Hlc, KEY_BYTES_MAX, Kind, Limits, MILLIS_MAX, Record,
        proto::{ErrorCode, OperationMessage},
    },
};

use crate::any::{record, rival};

fn limits() -> Limits {
    Limits { key_bytes_max: 200, value_bytes_max: 400, ..Limits::default() }
}

fn op() -> OperationMessage {
    OperationMessage {
        map_name: "todos".into(),
        key: "todo:1".into(),
        value: "v".into(),
        timestamp: "5:0:a".into(),
        r#type: 0,
        ttl_ms: 0,
    }
}

fn fault(change: impl FnOnce(&mut OperationMessage)) -> ErrorCode {
    let mut op = op();
    change(&mut op);
    Record::from_op(op, &limits()).unwrap_err().code
}

/// The larger of two.
fn merge(a: &Record, b: &Record) -> Record {
    if a.compare(b) == Ordering::Less { b.clone() } else { a.clone() }
}

/// The rules of the order, in plain types.
fn rank(record: &Record) -> (u64, u32, &str, bool, &[u8], u64) {
    let Record { kind, hlc, ttl_ms, value, .. } = record;
    (hlc.millis, hlc.counter, hlc.node.as_str(), *kind == Kind::Remove, value, *ttl_ms)
}

proptest! {
    #[test]
    fn a_record_is_an_operation_and_back(record in record()) {
        let op = record.to_op("todos");
        prop_assert_eq!(record.as_ref().to_record(), record.clone());
        prop_assert_eq!(Record::from_op(op, &limits()), Ok(record));
    }

    #[test]
    fn the_order_is_that_of_the_rules(a in rival(), b in rival()) {
        prop_assert_eq!(a.compare(&b), rank(&a).cmp(&rank(&b)));
        prop_assert_eq!(a.as_ref().compare(&b.as_ref()), a.compare(&b));
        prop_assert_eq!(a.compare(&b) == Ordering::Equal, a == b);
    }

    #[test]
    fn merging_needs_no_order_no_grouping_and_no_once(a in rival(), b in rival(), c in rival()) {
        prop_assert_eq!(merge(&a, &b), merge(&b, &a));
        prop_assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
        prop_assert_eq!(merge(&a, &a), a.clone());
        prop_assert_eq!(merge(&merge(&a, &b), &b), merge(&a, &b));
    }

    #[test]
    fn the_same_one_wins_however_they_come(
        (records, other) in vec(rival(), 1..12)
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        let fold = |all: &[Record]| all.iter().skip(1).fold(all[0].clone(), |a, b| merge(&a, b));
        prop_assert_eq!(fold(&records), fold(&other));
    }

    #[test]
    fn a_life_ends_once_and_its_tombstone_wins(record in record(), now: u64) {
        let end = record.hlc.millis.checked_add(record.ttl_ms).filter(|end| *end <= MILLIS_MAX);
        let end = end.filter(|_| record.ttl_ms > 0 && record.kind == Kind::Put);
        prop_assert_eq!(record.expires_at(), end.map(UnixMillis));
        prop_assert_eq!(record.as_ref().expires_at(), record.expires_at());
        prop_assert_eq!(record.is_expired(UnixMillis(now)), end.is_some_and(|end| end < now));
        let tombstone = record.tombstone_of_expiry();
        prop_assert_eq!(tombstone.is_some(), end.is_some());
        if let Some(tombstone) = tombstone {
            prop_assert_eq!(tombstone.compare(&record), Ordering::Greater);
            prop_assert_eq!(&tombstone.key, &record.key);
            prop_assert_eq!(Some(tombstone.hlc.millis), end);
            prop_assert_eq!(tombstone.tombstone_of_expiry(), None);
            prop_assert_eq!(Record::from_op(tombstone.to_op("m"), &limits()), Ok(tombstone));
        }
    }
}

#[test]
fn a_removal_keeps_no_value() {
    let removal = OperationMessage { r#type: 1, ..op() };
    let record = Record::from_op(removal, &limits()).unwrap();
    assert_eq!(record.kind, Kind::Remove);
    assert!(record.value.is_empty());
}

#[test]
fn the_value_is_a_slice_of_the_message() {
    let value = op().value;
    let record = Record::from_op(OperationMessage { value: value.clone(), ..op() }, &limits());
    assert_eq!(record.unwrap().value.as_ptr(), value.as_ptr());
}

#[test]
fn what_is_no_operation() {
    use ErrorCode::{BadRequest, BadTimestamp, TooLarge, Unsupported};
    assert_eq!(fault(|op| *op = OperationMessage::default()), BadRequest);
    assert_eq!(fault(|op| op.map_name.clear()), BadRequest);
    assert_eq!(fault(|op| op.timestamp.clear()), BadRequest);
    assert_eq!(fault(|op| op.key.clear()), BadRequest);
    assert_eq!(fault(|op| op.map_name = "~".into()), BadRequest);
    assert_eq!(fault(|op| op.map_name = "m".repeat(129)), BadRequest);
    assert_eq!(fault(|op| op.timestamp = "5:0".into()), BadTimestamp);
    assert_eq!(fault(|op| op.key = "k".repeat(201)), TooLarge);
    assert_eq!(fault(|op| op.value = vec![0; 401].into()), TooLarge);
    assert_eq!(fault(|op| op.r#type = 2), Unsupported);
    assert_eq!(fault(|op| op.r#type = -1), Unsupported);
    let largest = OperationMessage {
        map_name: "m".repeat(128),
        key: "k".repeat(200),
        value: vec![0; 400].into(),
        ..op()
    };
    assert!(Record::from_op(largest, &limits()).is_ok());
    // No setting makes a key that cannot be stored.
    let boundless = Limits { key_bytes_max: usize::MAX, ..limits() };
    let long = OperationMessage { key: "k".repeat(KEY_BYTES_MAX + 1), ..op() };
    assert_eq!(Record::from_op(long, &boundless).unwrap_err().code, TooLarge);
}

#[test]
fn an_empty_value_is_a_value() {
    let empty = Record::from_op(OperationMessage { value: "".into(), ..op() }, &limits()).unwrap();
    assert_eq!(empty.kind, Kind::Put);
    let some = Record::from_op(op(), &limits()).unwrap();
    assert_eq!(empty.compare(&some), Ordering::Less);
}

#[test]
fn it_is_alive_at_its_last_millisecond() {
    let record = Record { ttl_ms: 10, ..Record::from_op(op(), &limits()).unwrap() };
    assert!(!record.is_expired(UnixMillis(15)) && record.is_expired(UnixMillis(16)));
    let tombstone = record.tombstone_of_expiry().unwrap();
    assert_eq!(tombstone.hlc, Hlc::parse("15:0:a").unwrap());
    assert!(!tombstone.is_expired(UnixMillis(u64::MAX)));
}
