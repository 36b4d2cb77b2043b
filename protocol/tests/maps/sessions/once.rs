//! One message of an HTTP request and its one answer.

use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::proto::{
        Ack, ErrorCode, OperationMessage, SyncRequest, SyncResponse, envelope::Payload,
        sync_request::Type,
    },
};

use super::world::{
    NOW, TOKEN_MS, World, auth, get, op, principal, push, request, subscribe, sync,
};

impl World {
    fn once(&mut self, payload: Payload) -> u64 {
        let all = r#"[{"map":"*","ops":["READ","PUT","REMOVE"]}]"#;
        let anna = principal("anna", all, NOW + TOKEN_MS);
        let session = self.coordinator.connect_once(anna, UnixMillis(self.now));
        self.send(session, "once", payload);
        session
    }

    fn answer(&mut self, payload: Payload) -> Payload {
        let session = self.once(payload);
        assert!(self.coordinator.is_idle(session));
        let said = self.only(session);
        assert_eq!(said.correlation_id, "once");
        said.payload.unwrap()
    }
}

#[test]
fn what_is_written_is_acknowledged_and_what_is_asked_for_answered() {
    let mut world = World::default();
    let ops: Vec<OperationMessage> =
        (0..3).map(|n| op("m", &n.to_string(), "v", n, "phone")).collect();
    let Payload::Ack(Ack { applied, durable, .. }) = world.answer(push(ops.clone())) else {
        panic!()
    };
    assert_eq!((applied, durable), (3, true));
    let Payload::SyncResp(got) = world.answer(sync(get("m", "1"))) else { panic!() };
    assert_eq!(got.ops, [ops[1].clone()]);
    assert_eq!(world.coordinator.watchers("m"), 0, "it follows nothing");
    let Payload::SyncResp(directory) = world.answer(sync(request(Type::MerkleHashReq, ""))) else {
        panic!()
    };
    assert_eq!(directory.buckets.len(), 1);
    let Payload::AuthResp(said) = world.answer(Payload::Auth(auth("anna", "phone", 1))) else {
        panic!()
    };
    assert_eq!(said.status, 1);
    let Payload::Error(error) = world.answer(subscribe("m", "", &Default::default())) else {
        panic!()
    };
    assert_eq!(error.code(), ErrorCode::Unsupported);
}

#[test]
fn several_responses_are_put_into_one() {
    let mut world = World::default();
    let value = "v".repeat(200 << 10);
    for n in 0..12 {
        world.answer(push(vec![op("m", &n.to_string(), &value, n, "phone")]));
    }
    let mut keys: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    keys.push("absent".into());
    let asked = SyncRequest { keys, ..get("m", "") };
    let Payload::SyncResp(SyncResponse { ops, missing_keys, more, .. }) = world.answer(sync(asked))
    else {
        panic!()
    };
    assert_eq!((ops.len(), missing_keys, more), (12, vec!["absent".into()], false));
}

#[test]
fn it_is_not_idle_before_it_has_answered_and_is_when_nothing_is_to_be_said() {
    let mut world = World::default();
    world.coordinator.delay_room("m", 50);
    let session = world.once(push(vec![op("m", "k", "v", 0, "phone")]));
    assert!(!world.coordinator.is_idle(session) && world.heard(session).is_empty());
    world.pass(50);
    assert!(world.coordinator.is_idle(session));
    assert_eq!(world.heard(session).len(), 1);
    let session = world.once(Payload::Ack(Ack::default()));
    assert!(world.coordinator.is_idle(session) && world.heard(session).is_empty());
}

#[test]
fn a_node_of_another_user_is_refused_there_too() {
    let mut world = World::default();
    world.client("ben", "bens");
    let Payload::Ack(ack) = world.answer(push(vec![op("m", "k", "v", 0, "bens")])) else {
        panic!()
    };
    assert_eq!(ack.results[0].code(), ErrorCode::PermissionDenied);
}
