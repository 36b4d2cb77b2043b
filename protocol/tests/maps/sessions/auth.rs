//! Who is let in, who is kept out, whose a node is.

use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{
        Hlc,
        proto::{
            AuthRequest, AuthStatus, Envelope, ErrorCode, Ping, envelope::Payload,
            op_result::Outcome,
        },
        wire,
    },
};

use super::world::{NOW, TOKEN_MS, World, auth, op, push, results};

#[test]
fn a_good_token_is_let_in_and_told_what_holds() {
    let mut world = World::default();
    let client = world.connect();
    let said = world.authenticate(client, auth("anna", "phone", 1));
    assert_eq!((said.status(), &*said.user_id, said.protocol_version), (AuthStatus::Ok, "anna", 1));
    let time = Hlc::parse(&said.server_time).unwrap();
    assert!(time.node.is_server() && time.millis == NOW);
    assert_eq!(said.capabilities, ["cursor", "negentropy1"]);
    assert_eq!((&*said.session_id, said.token_expires_at_ms), ("memory-1", NOW + TOKEN_MS));
    let limits = said.limits.unwrap();
    assert_eq!((limits.max_batch_ops, limits.max_in_flight), (1000, 8));
    assert_eq!(world.close_code(client), None);
}

#[test]
fn a_later_version_is_answered_with_ours() {
    let mut world = World::default();
    let client = world.connect();
    assert_eq!(world.authenticate(client, auth("anna", "phone", 7)).protocol_version, 1);
}

#[test]
fn a_bad_token_is_told_why_and_the_connection_ends() {
    let mut world = World::default();
    let tokens = world.coordinator.tokens();
    tokens.allow("old", "anna", UnixMillis(NOW));
    for (token, status) in [
        ("expired", AuthStatus::ExpiredToken),
        ("foreign", AuthStatus::Forbidden),
        // A host that says nothing lets nobody in.
        ("nothing", AuthStatus::Unspecified),
        ("ok", AuthStatus::Ok),
    ] {
        tokens.set(token, Err(status));
    }
    for (token, status) in [
        ("unknown", AuthStatus::InvalidToken),
        ("", AuthStatus::InvalidToken),
        ("old", AuthStatus::ExpiredToken),
        ("expired", AuthStatus::ExpiredToken),
        ("foreign", AuthStatus::Forbidden),
        ("nothing", AuthStatus::InvalidToken),
        ("ok", AuthStatus::InvalidToken),
    ] {
        let client = world.connect();
        let said = world.authenticate(client, auth(token, "phone", 1));
        assert_eq!((said.status(), &*said.user_id), (status, ""), "{token}");
        assert!(said.limits.is_none() && said.session_id.is_empty());
        assert_eq!(world.close_code(client), Some(4401), "{token}");
    }
}

#[test]
fn anything_else_first_is_unauthenticated_and_the_connection_ends() {
    let long = AuthRequest { token: "t".repeat(16 << 10), ..auth("", "phone", 1) };
    let envelope = |payload| Envelope { correlation_id: "c".into(), payload };
    for (first, id) in [
        (bytes::Bytes::new(), ""),
        (bytes::Bytes::from_static(b"\xff\xff"), ""),
        (wire::encode(&envelope(None)), "c"),
        (wire::encode(&envelope(Some(Payload::Op(op("m", "k", "v", 0, "phone"))))), "c"),
        (wire::encode(&envelope(Some(push(vec![op("m", "k", "v", 0, "phone")])))), "c"),
        (wire::encode(&envelope(Some(Payload::Ping(Ping::default())))), "c"),
        (wire::encode(&envelope(Some(Payload::Auth(long)))), ""),
    ] {
        let mut world = World::default();
        let client = world.connect();
        world.send_bytes(client, first.clone());
        let said = world.only(client);
        let Some(Payload::Error(error)) = said.payload else { panic!("{said:?}") };
        assert_eq!((error.code(), error.fatal), (ErrorCode::Unauthenticated, true), "{first:?}");
        assert_eq!(
            (&*said.correlation_id, world.close_code(client)),
            (id, Some(4401)),
            "{first:?}"
        );
        assert!(world.coordinator.device("m").is_none(), "no map was asked");
    }
}

#[test]
fn whoever_says_nothing_within_ten_seconds_is_let_go() {
    let mut world = World::default();
    let (silent, quick) = (world.connect(), world.connect());
    world.pass(9_000);
    world.authenticate(quick, auth("anna", "phone", 1));
    assert_eq!(world.close_code(silent), None);
    world.pass(2_000);
    assert_eq!((world.close_code(silent), world.close_code(quick)), (Some(4401), None));
}

#[test]
fn a_node_is_its_first_users() {
    let mut world = World::default();
    world.client("anna", "phone");
    let thief = world.connect();
    let said = world.authenticate(thief, auth("ben", "phone", 1));
    assert_eq!((said.status(), world.close_code(thief)), (AuthStatus::NodeIdRejected, Some(4401)));
    // Two tabs of one user may share it.
    world.client("anna", "phone");
    world.coordinator.restart();
    let thief = world.connect();
    assert_eq!(
        world.authenticate(thief, auth("ben", "phone", 1)).status(),
        AuthStatus::NodeIdRejected
    );
    for node in ["~server", "no colons:", &"n".repeat(65), "blank "] {
        let client = world.connect();
        let said = world.authenticate(client, auth("anna", node, 1));
        assert_eq!(said.status(), AuthStatus::NodeIdRejected, "{node}");
    }
}

#[test]
fn what_another_node_wrote_is_refused_unless_it_is_ours() {
    let mut world = World::default();
    world.client("ben", "bens");
    world.client("anna", "tablet");
    let anna = world.client("anna", "phone");
    let nodes = ["phone", "bens", "tablet", "~memory", "nobodys"];
    let ops = nodes.map(|node| op("m", node, "v", 0, node)).to_vec();
    let ack = world.push(anna, ops);
    let refused = |index| (index, Outcome::Rejected, ErrorCode::PermissionDenied);
    assert_eq!((ack.applied, results(&ack)), (2, vec![refused(1), refused(3), refused(4)]));
    // What was refused did not become hers: it is still there for whoever comes with it.
    world.client("ben", "nobodys");
}

#[test]
fn who_names_no_node_gets_the_first_that_he_writes_with() {
    let mut world = World::default();
    world.client("ben", "bens");
    let anna = world.client("anna", "");
    let ack = world.push(anna, vec![op("m", "k", "v", 0, "bens")]);
    assert_eq!(results(&ack), [(0, Outcome::Rejected, ErrorCode::PermissionDenied)]);
    world.put(anna, vec![op("m", "k", "v", 1, "phone"), op("m", "k", "w", 2, "phone")]);
    let ack = world.push(anna, vec![op("m", "k", "v", 3, "another")]);
    assert_eq!(results(&ack), [(0, Outcome::Rejected, ErrorCode::PermissionDenied)]);
    let ben = world.connect();
    let said = world.authenticate(ben, auth("ben", "phone", 1));
    assert_eq!(said.status(), AuthStatus::NodeIdRejected);
}

#[test]
fn a_session_writes_with_so_many_nodes_and_asks_for_no_more() {
    let mut world = World::default();
    for node in 0..20 {
        world.client("anna", &format!("n{node}"));
    }
    let anna = world.client("anna", "phone");
    let ops = (0..20).map(|n| op("m", "k", "v", n, &format!("n{n}"))).collect();
    let ack = world.push(anna, ops);
    // Her own and fifteen others.
    assert_eq!(ack.applied, 15);
    assert_eq!(ack.results.iter().map(|r| r.index).collect::<Vec<_>>(), [15, 16, 17, 18, 19]);
}

#[test]
fn without_the_registry_nobody_comes_in_and_nothing_is_written() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    let full = syncline_protocol::dialect::Unanswered::Full;
    world.coordinator.break_room("~", Some(full));
    let error = world.error(anna, push(vec![op("m", "k", "v", 0, "phone")]));
    assert_eq!((error.code(), error.retry_after_ms), (ErrorCode::Unavailable, 1000));
    let other = world.connect();
    world.send(other, "a", Payload::Auth(auth("anna", "tablet", 1)));
    let said = world.only(other);
    let Some(Payload::Error(error)) = said.payload else { panic!("{said:?}") };
    assert_eq!((error.code(), world.close_code(other)), (ErrorCode::Unavailable, Some(1013)));
    world.coordinator.break_room("~", None);
    world.put(anna, vec![op("m", "k", "v", 0, "phone")]);
}
