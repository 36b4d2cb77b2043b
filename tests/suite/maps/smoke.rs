//! The whole way, once: let in, written, acknowledged, read, pushed, posted, restarted.

use syncline_protocol::dialects::maps::proto::{envelope::Payload, sync_response};
use syncline_tests::{
    maps::{
        Client, claims, everything, exchange, get, now_ms, payload, pull, push, put, remove,
        subscribe,
    },
    server::TestServer,
    workspace::{SECRET, server, token},
};

fn at(offset: u64, node: &str) -> String {
    format!("{}:0:{node}", now_ms() + offset)
}

#[test]
fn a_write_is_acknowledged_pushed_read_and_there_after_a_restart() {
    let first = server(|_| ());
    let mut ann = Client::join(&first, "ann");
    let mut bob = Client::join(&first, "bob");
    assert_eq!((ann.auth.user_id.as_str(), ann.auth.protocol_version), ("ann", 1));
    assert_eq!(bob.acked(subscribe("todos")).results, []);
    let milk = put("todos", "milk", b"\x01two", &at(0, "ann-node"));
    let ack = ann.write(milk.clone());
    assert_eq!((ack.applied, ack.durable, ack.results.len()), (1, true, 0));
    assert_eq!(ann.write(milk.clone()).results[0].outcome, 3, "the same again is a duplicate");
    let batch = bob.batch();
    assert_eq!(batch.ops, std::slice::from_ref(&milk));
    let got = ann.sync(get("todos", &["milk", "bread"]));
    assert_eq!((&got.ops[..], &got.missing_keys[..]), (&[milk.clone()][..], &["bread".into()][..]));
    // A post is answered by the same rooms.
    let pass = token(&claims("ann", &everything()));
    let bread = put("todos", "bread", b"one", &at(1, "ann-node"));
    let gone = remove("todos", "milk", &at(2, "ann-node"));
    let posted = payload(push(vec![bread.clone(), gone.clone()]));
    match exchange(first.address(), &pass, posted) {
        Payload::Ack(ack) => assert_eq!((ack.applied, ack.durable), (2, true)),
        other => panic!("{other:?}"),
    }
    let next = bob.batch();
    assert_eq!(next.ops, [bread.clone(), gone.clone()]);
    assert_eq!(next.prev_cursor, batch.cursor, "no gap between the two");
    // Bob is at the end: a pull brings nothing, and proves that all is equal.
    let pulled = bob.sync(pull("todos", &next.cursor));
    assert_eq!((pulled.ops.len(), pulled.more), (0, false));
    drop((ann, bob));

    let again =
        TestServer::start_in(first.stop(), |config| config.auth.secret = Some(SECRET.into()));
    let mut cid = Client::join(&again, "cid");
    let all = cid.sync(pull("todos", b""));
    assert_eq!(all.status, sync_response::Status::Ok as i32);
    assert_eq!((all.ops, all.root_hash, all.count), (vec![bread, gone], pulled.root_hash, 2));
    assert_eq!(all.cursor, pulled.cursor);
}
