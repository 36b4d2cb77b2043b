//! The end of a token, and tokens that renew a session.

use bytes::Bytes;
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::proto::{AuthStatus, Envelope, ErrorCode, envelope::Payload},
};

use super::world::{
    NOW, TOKEN_MS, World, auth, get, keys, op, principal, push, request, subscribe, sync,
};
use syncline_protocol::dialects::maps::proto::sync_request::Type;

/// A world with a client whose token ends in two seconds.
fn short() -> (World, u64) {
    let mut world = World::default();
    world.coordinator.tokens().allow("short", "anna", UnixMillis(NOW + 2000));
    let anna = world.client("short", "phone");
    (world, anna)
}

fn is_expiry(envelope: &Envelope) -> bool {
    let Some(Payload::Error(error)) = &envelope.payload else { return false };
    error.code() == ErrorCode::TokenExpired && envelope.correlation_id.is_empty() && !error.fatal
}

#[test]
fn at_its_end_a_client_is_told_once_and_let_go_thirty_seconds_later() {
    let (mut world, anna) = short();
    world.put(anna, vec![op("m", "k", "v", 0, "phone")]);
    world.pass(1999);
    assert!(world.heard(anna).is_empty());
    world.pass(1001);
    assert!(is_expiry(&world.only(anna)));
    // What it may not do any more is not rejected for good: it can be sent again.
    assert_eq!(
        world.error_code(anna, push(vec![op("m", "k", "w", 1, "phone")])),
        ErrorCode::TokenExpired
    );
    let single = Payload::Op(op("m", "k", "w", 1, "phone"));
    assert_eq!(world.error_code(anna, single), ErrorCode::TokenExpired);
    // Nor does it read what others wrote, nor begin to follow it.
    for request in [
        sync(get("m", "k")),
        sync(request(Type::PullSince, "m")),
        sync(request(Type::MerkleHashReq, "")),
        subscribe("m", "", &Bytes::new()),
    ] {
        assert_eq!(world.error_code(anna, request), ErrorCode::TokenExpired);
    }
    world.pass(28_000);
    assert!(world.heard(anna).is_empty());
    assert_eq!(world.close_code(anna), None);
    world.pass(2_000);
    assert_eq!(world.close_code(anna), Some(4401));
}

#[test]
fn the_very_millisecond_counts() {
    let (mut world, anna) = short();
    world.now = NOW + 1999;
    world.put(anna, vec![op("m", "k", "v", 0, "phone")]);
    world.now = NOW + 2000;
    world.send(anna, "late", push(vec![op("m", "k", "w", 1, "phone")]));
    let heard = world.heard(anna);
    assert!(heard.len() == 2 && is_expiry(&heard[0]), "{heard:?}");
    assert_eq!(heard[1].correlation_id, "late");
}

#[test]
fn another_token_keeps_the_session_and_what_it_follows() {
    let (mut world, anna) = short();
    let ben = world.client("ben", "bens");
    world.sync(anna, request(Type::PullSince, "m"));
    world.pass(2500);
    assert!(is_expiry(&world.only(anna)));
    // It is told of nothing while its token is over.
    world.put(ben, vec![op("m", "k", "v", 0, "bens")]);
    world.pass(1000);
    assert!(world.heard(anna).is_empty());
    world.coordinator.tokens().allow("next", "anna", UnixMillis(NOW + TOKEN_MS));
    world.send(anna, "again", Payload::Auth(auth("next", "phone", 1)));
    let heard = world.heard(anna);
    let Some(Payload::AuthResp(said)) = &heard[0].payload else { panic!("{heard:?}") };
    assert_eq!((said.status(), &*said.session_id), (AuthStatus::Ok, "memory-1"));
    let Some(Payload::Batch(batch)) = &heard[1].payload else { panic!("{heard:?}") };
    assert_eq!((keys(batch), heard.len()), (vec!["k"], 2));
    world.put(anna, vec![op("m", "k", "w", 1, "phone")]);
    world.pass(60_000);
    assert_eq!(world.close_code(anna), None);
    world.put(ben, vec![op("m", "k2", "v", 0, "bens")]);
    world.pass(10);
    let heard: Vec<_> = world.batches(anna);
    assert_eq!(heard.iter().map(keys).collect::<Vec<_>>(), [["k2"]]);
}

#[test]
fn a_token_that_is_refused_leaves_the_session_as_it_was() {
    let mut world = World::default();
    world.client("ben", "bens");
    let anna = world.client("anna", "phone");
    for (token, node, status) in [
        ("ben", "", AuthStatus::Forbidden),
        ("nobody", "", AuthStatus::InvalidToken),
        ("anna", "bens", AuthStatus::NodeIdRejected),
        ("anna", "~own", AuthStatus::NodeIdRejected),
    ] {
        assert_eq!(
            world.authenticate(anna, auth(token, node, 1)).status(),
            status,
            "{token} {node}"
        );
    }
    assert_eq!(world.close_code(anna), None);
    world.put(anna, vec![op("m", "k", "v", 0, "phone")]);
    let said = world.authenticate(anna, auth("anna", "tablet", 1));
    assert_eq!(said.status(), AuthStatus::Ok);
    world.put(anna, vec![op("m", "k", "v", 1, "tablet"), op("m", "k", "v", 2, "phone")]);
}

#[test]
fn rights_that_are_lost_end_what_was_followed() {
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    for map in ["kept", "lost"] {
        world.sync(anna, request(Type::PullSince, map));
    }
    let less = principal("anna", r#"[{"map":"kept","ops":["READ"]}]"#, NOW + TOKEN_MS);
    world.coordinator.tokens().set("less", Ok(less));
    assert_eq!(world.authenticate(anna, auth("less", "phone", 1)).status(), AuthStatus::Ok);
    assert_eq!([world.coordinator.watchers("kept"), world.coordinator.watchers("lost")], [1, 0]);
    for map in ["kept", "lost"] {
        world.put(ben, vec![op(map, "k", "v", 0, "bens")]);
    }
    world.pass(100);
    let heard = world.batches(anna);
    assert_eq!(heard.iter().map(|batch| &*batch.ops[0].map_name).collect::<Vec<_>>(), ["kept"]);
    assert_eq!(world.error_code(anna, sync(get("lost", "k"))), ErrorCode::PermissionDenied);
    let ack = world.push(anna, vec![op("kept", "k", "v", 1, "phone")]);
    assert_eq!(ack.results[0].code(), ErrorCode::PermissionDenied);
}
