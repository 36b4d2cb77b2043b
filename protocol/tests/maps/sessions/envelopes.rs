//! What is passed over, what is refused, what ends a connection.

use syncline_protocol::dialects::maps::proto::{
    Ack, AuthResponse, Envelope, ErrorCode, ErrorMessage, OperationBatch, Pong, SyncRequest,
    SyncResponse, envelope::Payload, sync_request::Type,
};

use super::world::{World, get, op, push, request, sync};

#[test]
fn what_a_server_does_not_know_or_is_not_for_it_is_passed_over() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    // Empty; only an id; an unknown payload; a field beyond all.
    for bytes in [&b""[..], b"\x0a\x01c", b"\x72\x00", b"\x0a\x01c\xfa\x01\x01x"] {
        world.send_bytes(anna, bytes.to_vec());
    }
    for payload in [
        Payload::Ack(Ack::default()),
        Payload::SyncResp(SyncResponse::default()),
        Payload::AuthResp(AuthResponse::default()),
        Payload::Error(ErrorMessage::default()),
        Payload::Batch(OperationBatch {
            ops: vec![op("m", "k", "v", 0, "phone")],
            ..OperationBatch::default()
        }),
        Payload::Pong(Pong::default()),
    ] {
        world.send(anna, "c", payload);
    }
    assert!(world.heard(anna).is_empty());
    assert_eq!(world.close_code(anna), None);
    world.put(anna, vec![op("m", "k", "v", 0, "phone")]);
}

#[test]
fn ids_up_to_64_bytes_come_back_and_longer_ones_do_not() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    let id = "i".repeat(64);
    world.send(anna, &id, sync(get("m", "k")));
    assert_eq!(world.only(anna).correlation_id, id);
    world.send(anna, "", sync(get("m", "k")));
    assert!(matches!(world.only(anna).payload, Some(Payload::SyncResp(_))));
    world.send(anna, &"i".repeat(65), push(vec![op("m", "k", "v", 0, "phone")]));
    let Envelope { correlation_id, payload: Some(Payload::Error(error)) } = world.only(anna) else {
        panic!()
    };
    assert_eq!((&*correlation_id, error.code(), error.fatal), ("", ErrorCode::BadRequest, false));
    assert_eq!(world.sync(anna, get("m", "k")).missing_keys, ["k"], "nothing was written");
}

#[test]
fn what_is_no_envelope_is_answered_and_ends_the_connection() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    world.coordinator.delay_room("m", 100);
    world.send(anna, "1", sync(get("m", "k")));
    world.send_bytes(anna, b"\xff\xff\xff".to_vec());
    world.send(anna, "3", sync(get("m", "k")));
    assert_eq!(world.close_code(anna), None, "what was asked before is answered first");
    world.pass(100);
    let heard = world.heard(anna);
    assert!(matches!(&heard[0].payload, Some(Payload::SyncResp(_))));
    let Some(Payload::Error(error)) = &heard[1].payload else { panic!("{heard:?}") };
    assert_eq!((heard.len(), error.code(), error.fatal), (2, ErrorCode::BadRequest, true));
    assert_eq!(world.close_code(anna), Some(1007));
}

#[test]
fn text_ends_the_connection() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    let now = syncline_protocol::dialect::UnixMillis(world.now);
    let stranger = world.connect();
    for client in [anna, stranger] {
        let out = world.coordinator.receive_text(client, "{}", now);
        let [only] = &out[..] else { panic!("{out:?}") };
        assert!(
            matches!(only.what, syncline_protocol::dialects::maps::memory::Sent::Close(why) if why.code == 4400)
        );
    }
}

#[test]
fn the_first_of_an_enum_is_never_taken_for_something() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    let nothing = Payload::SyncReq(SyncRequest::default());
    assert_eq!(world.error_code(anna, nothing), ErrorCode::BadRequest);
    let later = SyncRequest { r#type: 99, ..request(Type::Get, "m") };
    assert_eq!(world.error_code(anna, sync(later)), ErrorCode::Unsupported);
}
