//! Any timestamp, any record: also such that are alike in much.

use proptest::{collection::vec, prelude::*, sample::select};
use syncline_protocol::dialects::maps::{Hlc, Kind, MILLIS_MAX, NodeId, Record};

/// Few enough that many are equal, and the ends of what may be.
pub(crate) fn hlc() -> impl Strategy<Value = Hlc> {
    let millis = prop_oneof![0..3_u64, Just(MILLIS_MAX), 0..=MILLIS_MAX];
    let counter = prop_oneof![0..12_u32, Just(u32::MAX), any::<u32>()];
    let node = prop_oneof![
        select(vec!["A", "B", "a", "AA", "A-", "A.1", "~server"]).prop_map(str::to_owned),
        "[A-Za-z0-9._@~-]{1,64}",
    ];
    (millis, counter, node).prop_map(|(millis, counter, node)| Hlc {
        millis,
        counter,
        node: NodeId::new(&node).unwrap(),
    })
}

/// A record of the key "k" or any.
pub(crate) fn record() -> impl Strategy<Value = Record> {
    let key = prop_oneof![Just("k".to_owned()), "\\PC{1,40}"];
    let value = prop_oneof![vec(0..2_u8, 0..3), vec(any::<u8>(), 0..300)];
    let ttl_ms = prop_oneof![Just(0), 0..3_u64, any::<u64>()];
    (key, any::<bool>(), hlc(), ttl_ms, value).prop_map(|(key, is_put, hlc, ttl_ms, value)| {
        let (kind, value) = if is_put { (Kind::Put, value) } else { (Kind::Remove, Vec::new()) };
        Record { key: key.into(), kind, hlc, ttl_ms, value: value.into() }
    })
}

/// Records of one key that are so much alike that every rule of their order is needed.
pub(crate) fn rival() -> impl Strategy<Value = Record> {
    let hlc = (0..2_u64, 0..2_u32, select(vec!["A", "B"]));
    (hlc, any::<bool>(), 0..2_u64, vec(0..2_u8, 0..3)).prop_map(|(hlc, is_put, ttl_ms, value)| {
        let (millis, counter, node) = hlc;
        let hlc = Hlc { millis, counter, node: NodeId::new(node).unwrap() };
        let (kind, value) = if is_put { (Kind::Put, value) } else { (Kind::Remove, Vec::new()) };
        Record { key: "k".into(), kind, hlc, ttl_ms, value: value.into() }
    })
}
