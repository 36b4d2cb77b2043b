//! How much a client may ask for at once, and how often.

use syncline_protocol::dialects::maps::proto::{
    AuthStatus, ErrorCode, SyncRequest, envelope::Payload, sync_request::Type,
};

use super::world::{World, auth, get, op, pull, push, request, subscribe, sync};

#[test]
fn a_batch_of_too_much_is_refused_whole_and_the_connection_stays() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    let many = |count: u64| (0..count).map(|n| op("m", &n.to_string(), "v", n, "phone")).collect();
    assert_eq!(world.error_code(anna, push(many(1001))), ErrorCode::TooLarge);
    let large = |value: usize| {
        let value = "v".repeat(value);
        (0..5).map(|n| op("m", &n.to_string(), &value, n, "phone")).collect::<Vec<_>>()
    };
    assert_eq!(world.error_code(anna, push(large(215 << 10))), ErrorCode::TooLarge);
    assert_eq!(world.sync(anna, get("m", "0")).missing_keys, ["0"], "nothing was applied");
    world.put(anna, many(1000));
    let ack = world.push(anna, large(204 << 10));
    assert_eq!(ack.applied, 5, "of the same timestamp the larger value wins: {ack:?}");
}

#[test]
fn a_message_too_long_ends_the_connection() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    world.send_bytes(anna, vec![0; (1 << 20) + (64 << 10) + 1]);
    let said = world.only(anna);
    let Some(Payload::Error(error)) = said.payload else { panic!("{said:?}") };
    assert_eq!((error.code(), world.close_code(anna)), (ErrorCode::TooLarge, Some(1009)));
}

#[test]
fn whoever_asks_too_often_is_told_when_to_ask_again() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    for _ in 0..64 {
        world.sync(anna, request(Type::MerkleHashReq, "m"));
    }
    for kind in [Type::MerkleHashReq, Type::BucketKeys, Type::Get, Type::PullSince, Type::Range] {
        let error = world.error(anna, sync(request(kind, "m")));
        assert_eq!((error.code(), error.retry_after_ms), (ErrorCode::RateLimited, 32), "{kind:?}");
    }
    assert_eq!(
        world.error_code(anna, sync(request(Type::MerkleHashReq, ""))),
        ErrorCode::RateLimited
    );
    assert_eq!(world.error_code(anna, Payload::Auth(auth("anna", "", 1))), ErrorCode::RateLimited);
    assert_eq!(
        world.error_code(anna, subscribe("m", "", &Default::default())),
        ErrorCode::RateLimited
    );
    // What is written is not counted.
    world.put(anna, vec![op("m", "k", "v", 0, "phone")]);
    world.pass(32);
    world.heard(anna);
    world.sync(anna, get("m", "k"));
    assert_eq!(world.error_code(anna, sync(get("m", "k"))), ErrorCode::RateLimited);
}

#[test]
fn the_next_page_of_a_pull_is_not_counted() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    world.put(anna, (0..200).map(|n| op("m", &n.to_string(), "v", n, "phone")).collect());
    let mut cursor = bytes::Bytes::new();
    let mut pulled = 0;
    loop {
        let page = world.sync(anna, SyncRequest { max_items: 1, ..pull("m", &cursor) });
        pulled += page.ops.len();
        cursor = page.cursor;
        if !page.more {
            break;
        }
    }
    assert_eq!(pulled, 200);
    // The one that began it was.
    for _ in 0..63 {
        world.sync(anna, get("m", "k"));
    }
    assert_eq!(world.error_code(anna, sync(get("m", "k"))), ErrorCode::RateLimited);
}

#[test]
fn a_refusal_is_not_much_longer_than_what_is_refused() {
    let mut world = World::default();
    let old = world.client_of("anna", "phone", 0);
    // A push of nothing but empty operations.
    let ops = [0x12, 0].repeat((1 << 20) / 2);
    let mut message = vec![4 << 3 | 2];
    prost::encoding::encode_varint(ops.len() as u64, &mut message);
    message.extend(ops);
    let len = message.len();
    world.send_bytes(old, message);
    let bytes: usize = world.heard(old).iter().map(prost::Message::encoded_len).sum();
    assert!(bytes <= 4 * len, "{bytes} for {len}");
    assert_eq!(world.close_code(old), Some(1009), "it cannot be told of each");
}

#[test]
fn a_session_names_only_so_many_nodes() {
    let mut world = World::limited(|limits| {
        (limits.nodes_per_session, limits.requests_per_second) = (3, 0);
    });
    let anna = world.client("anna", "phone");
    for node in ["second", "third", "phone", "second"] {
        assert_eq!(world.authenticate(anna, auth("anna", node, 1)).status(), AuthStatus::Ok);
    }
    let fourth = world.authenticate(anna, auth("anna", "fourth", 1));
    assert_eq!(fourth.status(), AuthStatus::NodeIdRejected);
    world.put(anna, vec![op("m", "k", "v", 0, "third")]);
    // It was not bound to anybody.
    world.client("ben", "fourth");
}

#[test]
fn what_brings_much_work_may_be_asked_less_often() {
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    for _ in 0..8 {
        world.sync(anna, request(Type::MerkleHashReq, ""));
    }
    assert_eq!(world.error(anna, sync(get("m", "k"))).retry_after_ms, 32);
    for n in 0..16 {
        let key_prefix = n.to_string();
        world.sync(ben, SyncRequest { key_prefix, ..request(Type::MerkleHashReq, "m") });
    }
    assert_eq!(world.error(ben, sync(get("m", "k"))).retry_after_ms, 32);
}
