//! Clients of version 0 know the fields 2 to 6 of an envelope, and `authResp` does them no harm.

use bytes::Bytes;
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::proto::{
        AuthStatus, Envelope, ErrorCode, OperationMessage, Ping, SyncRequest, envelope::Payload,
        op_result::Outcome, sync_request::Type,
    },
};

use super::world::{NOW, World, ack, auth, get, op, pull, push, request, results, subscribe, sync};

/// The field of the payload.
fn field(envelope: &Envelope) -> u32 {
    match envelope.payload.as_ref().expect("a payload") {
        Payload::Op(_) => 3,
        Payload::SyncResp(_) => 5,
        Payload::Ack(_) => 6,
        Payload::AuthResp(_) => 7,
        _ => 8,
    }
}

#[test]
fn whatever_happens_it_hears_nothing_that_it_does_not_know() {
    let mut world = World::limited(|limits| limits.batch_ops_max = 100);
    world.coordinator.tokens().allow("short", "anna", UnixMillis(NOW + 5000));
    let (old, ben) = (world.client_of("short", "phone", 0), world.client("ben", "bens"));
    let many = (0..101).map(|n| op("m", &n.to_string(), "v", n, "phone")).collect();
    for payload in [
        Payload::Op(op("m", "k", "v", 0, "phone")),
        Payload::Op(OperationMessage::default()),
        push(vec![op("m", "k", "v", 0, "other"), op("m", "k", "v", 1, "phone")]),
        push(many),
        sync(get("m", "k")),
        sync(request(Type::Unspecified, "m")),
        sync(request(Type::Get, "no name!")),
        sync(pull("m", &Bytes::from_static(b"none"))),
        sync(request(Type::MerkleHashReq, "")),
        sync(request(Type::MerkleHashReq, "m")),
        subscribe("m", "", &Bytes::new()),
        subscribe("no name!", "", &Bytes::new()),
        Payload::Auth(auth("nobody", "", 0)),
        Payload::Auth(auth("short", "", 1)),
        Payload::Ping(Ping::default()),
    ] {
        world.send(old, "c", payload);
    }
    world.send(old, &"c".repeat(65), sync(get("m", "k")));
    for n in 0..70 {
        world.send(old, &n.to_string(), sync(get("m", "k")));
    }
    world.put(ben, vec![op("m", "x", "v", 0, "bens"), op("m", "y", "v", 0, "bens")]);
    world.pass(100);
    world.set_slow(old, true);
    world.put(ben, vec![op("m", "z", "v", 0, "bens")]);
    world.pass(100);
    world.set_slow(old, false);
    world.pass(6000);
    world.send(old, "late", Payload::Op(op("m", "k", "v", 9, "phone")));
    world.send_bytes(old, b"\xff".to_vec());
    assert_eq!(world.close_code(old), Some(1007));
    let heard = world.heard(old);
    let fields: std::collections::BTreeSet<u32> = heard.iter().map(field).collect();
    assert_eq!(fields, [3, 5, 6, 7].into());
    assert_eq!(heard.iter().filter(|envelope| field(envelope) == 3).count(), 3);
}

#[test]
fn changes_come_to_it_one_at_a_time() {
    let mut world = World::default();
    let (old, ben) = (world.client_of("anna", "phone", 0), world.client("ben", "bens"));
    world.sync(old, get("m", "k"));
    let ops = vec![op("m", "a", "v", 0, "bens"), op("m", "b", "v", 0, "bens")];
    world.put(ben, ops.clone());
    let heard: Vec<_> =
        world.heard(old).into_iter().map(|e| (e.correlation_id, e.payload)).collect();
    let expected: Vec<_> =
        ops.into_iter().map(|op| (String::new(), Some(Payload::Op(op)))).collect();
    assert_eq!(heard, expected);
    world.put(old, vec![op("m", "own", "v", 0, "phone")]);
    world.pass(20);
    assert!(world.heard(old).is_empty());
}

#[test]
fn a_request_that_fails_is_an_ack_in_which_all_is_rejected() {
    let mut world = World::limited(|limits| limits.batch_ops_max = 2);
    let old = world.client_of("anna", "phone", 0);
    let three = || (0..3).map(|n| op("m", &n.to_string(), "v", n, "phone")).collect();
    let said = ack(world.ask(old, push(three())));
    // What a batch's Ack does not name counts as applied: so each is named.
    let too_large = |index| (index, Outcome::Rejected, ErrorCode::TooLarge);
    assert_eq!((said.applied, results(&said)), (0, [0, 1, 2].map(too_large).to_vec()));
    world.coordinator.break_room("m", Some(syncline_protocol::dialect::Unanswered::Full));
    let said =
        ack(world
            .ask(old, push(vec![op("m", "a", "v", 0, "phone"), op("m", "b", "v", 0, "phone")])));
    let down = |index| (index, Outcome::Rejected, ErrorCode::Unavailable);
    assert_eq!(results(&said), [0, 1].map(down));
    let said = ack(world.ask(old, sync(SyncRequest::default())));
    assert_eq!(results(&said), [(0, Outcome::Rejected, ErrorCode::BadRequest)]);
}

#[test]
fn the_end_of_its_token_is_told_only_in_answers() {
    let mut world = World::default();
    world.coordinator.tokens().allow("short", "anna", UnixMillis(NOW + 2000));
    let old = world.client_of("short", "phone", 0);
    world.pass(3000);
    assert!(world.heard(old).is_empty());
    let said = ack(world.ask(old, Payload::Op(op("m", "k", "v", 0, "phone"))));
    assert_eq!(results(&said), [(0, Outcome::Rejected, ErrorCode::TokenExpired)]);
    world.pass(30_000);
    assert_eq!(world.close_code(old), Some(4401));
}

#[test]
fn it_stays_what_it_was_when_it_renews_its_token_as_another_version() {
    let mut world = World::default();
    let old = world.client_of("anna", "phone", 0);
    assert_eq!(world.authenticate(old, auth("anna", "phone", 1)).status(), AuthStatus::Ok);
    assert!(matches!(world.ask(old, sync(SyncRequest::default())), Payload::Ack(_)));
}
