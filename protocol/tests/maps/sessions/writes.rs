//! Batches: what is taken, what is not, and what is said of it.

use syncline_protocol::{
    dialect::Unanswered,
    dialects::maps::{
        Ack as AckWhen, Hlc, Settings,
        memory::Delays,
        proto::{ErrorCode, OperationMessage, envelope::Payload, op_result::Outcome},
    },
};

use super::world::{NOW, World, ack, get, op, push, results};

fn rejected(index: u32, code: ErrorCode) -> (u32, Outcome, ErrorCode) {
    (index, Outcome::Rejected, code)
}

#[test]
fn an_operation_is_acknowledged_and_got_back_as_it_was() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    let sent = op("m", "k", "\0value", 5, "phone");
    let ack = ack(world.ask(anna, Payload::Op(sent.clone())));
    assert_eq!((&ack.results[..], ack.applied, ack.durable), (&[][..], 1, true));
    assert!(Hlc::parse(&ack.server_time).is_ok());
    let got = world.sync(anna, get("m", "k"));
    assert_eq!(got.ops, std::slice::from_ref(&sent));
    assert!(Hlc::parse(&got.server_time).is_ok());
    let ack = world.push(anna, vec![sent, op("m", "k", "older", 4, "phone")]);
    assert_eq!(ack.applied, 0);
    let said: Vec<_> = ack.results.iter().map(|r| (r.index, r.outcome())).collect();
    assert_eq!(said, [(0, Outcome::Duplicate), (1, Outcome::Stale)]);
}

#[test]
fn one_bad_operation_does_not_sink_the_others() {
    let mut world = World::default();
    world.token("some", "anna", r#"[{"map":"a*","ops":["READ","PUT"]}]"#);
    let anna = world.client("some", "phone");
    let remove = OperationMessage { r#type: 1, ..op("a", "k", "", 3, "phone") };
    let unknown = OperationMessage { r#type: 9, ..op("a", "k", "", 3, "phone") };
    let ack = world.push(
        anna,
        vec![
            op("a", "first", "v", 1, "phone"),
            op("b", "k", "v", 1, "phone"),
            op("a2", "k", "v", 1, "phone"),
            OperationMessage::default(),
            OperationMessage { timestamp: "noon".into(), ..op("a", "k", "v", 1, "phone") },
            remove,
            unknown,
            op("a", &"k".repeat(1025), "v", 1, "phone"),
            op("a", "last", "v", 1, "phone"),
        ],
    );
    assert_eq!(ack.applied, 3);
    assert_eq!(
        results(&ack),
        [
            rejected(1, ErrorCode::PermissionDenied),
            rejected(3, ErrorCode::BadRequest),
            rejected(4, ErrorCode::BadTimestamp),
            rejected(5, ErrorCode::PermissionDenied),
            rejected(6, ErrorCode::Unsupported),
            rejected(7, ErrorCode::TooLarge),
        ]
    );
    assert_eq!(world.sync(anna, get("a", "last")).ops.len(), 1);
    assert!(world.coordinator.device("b").is_none(), "a forbidden map is not asked");
}

#[test]
fn the_empty_message_is_no_operation() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    let ack = ack(world.ask(anna, Payload::Op(OperationMessage::default())));
    assert_eq!((ack.applied, results(&ack)), (0, vec![rejected(0, ErrorCode::BadRequest)]));
}

#[test]
fn a_clock_far_ahead_is_told_and_does_not_drag_the_servers() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    let ahead = |ms| op("m", "k", "v", ms, "phone");
    let ack = world.push(anna, vec![ahead(600_000), ahead(60_001), ahead(60_000)]);
    assert_eq!(ack.applied, 1);
    let drift = |index| rejected(index, ErrorCode::ClockDrift);
    assert_eq!(results(&ack), [drift(0), drift(1)]);
    // What is taken is seen by the server's clock, what is not is not.
    let time = Hlc::parse(&ack.server_time).unwrap();
    assert_eq!(time.millis, NOW + 60_000);
    assert_eq!(
        world.sync(anna, get("m", "k")).ops[0].timestamp,
        format!("{}:0:phone", NOW + 60_000)
    );
}

#[test]
fn a_batch_over_many_maps_has_one_answer_with_its_own_indexes() {
    let mut world =
        World::new(Settings::default(), Delays { seed: 7, ask_ms_max: 50, sync_ms_max: 50 });
    let anna = world.connect();
    world.send(anna, "a", Payload::Auth(super::world::auth("anna", "phone", 1)));
    let map = |n: u64| format!("m{}", n % 20);
    world.send(
        anna,
        "b",
        push((0..100).map(|n| op(&map(n), "k", "v", 100 - n, "phone")).collect()),
    );
    world.pass(2000);
    let mut heard = world.heard(anna);
    assert_eq!(heard.iter().map(|e| &*e.correlation_id).collect::<Vec<_>>(), ["a", "b"]);
    let ack = ack(heard.remove(1).payload.unwrap());
    // The first of each map is the newest.
    assert_eq!((ack.applied, ack.durable), (20, true));
    let stale: Vec<_> =
        (20..100).map(|n| (n, Outcome::Stale, ErrorCode::ErrorUnspecified)).collect();
    assert_eq!(results(&ack), stale);
}

#[test]
fn a_batch_of_nothing_is_acknowledged() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    world.put(anna, vec![]);
}

#[test]
fn an_acknowledgement_from_memory_says_so() {
    let settings = Settings { ack: AckWhen::Memory, ..Settings::default() };
    let mut world = World::new(settings, Delays { seed: 1, ask_ms_max: 0, sync_ms_max: 500 });
    let anna = world.connect();
    world.send(anna, "a", Payload::Auth(super::world::auth("anna", "phone", 1)));
    world.send(anna, "b", Payload::Op(op("m", "k", "v", 0, "phone")));
    // The registry does not answer from memory.
    world.pass(1000);
    world.heard(anna);
    let early = ack(world.ask(anna, Payload::Op(op("m", "k2", "v", 0, "phone"))));
    assert_eq!((early.applied, early.durable), (1, false));
    world.coordinator.power_cut();
    let anna = world.connect();
    world.send(anna, "a", Payload::Auth(super::world::auth("anna", "phone", 1)));
    world.send(anna, "b", super::world::sync(get("m", "k2")));
    world.pass(1000);
    let Some(Payload::SyncResp(got)) = world.heard(anna).remove(1).payload else { panic!() };
    assert_eq!((got.ops.len(), got.missing_keys), (0, vec!["k2".into()]));
}

#[test]
fn what_a_power_cut_takes_was_never_acknowledged() {
    let mut world =
        World::new(Settings::default(), Delays { seed: 1, ask_ms_max: 0, sync_ms_max: 500 });
    let anna = world.connect();
    world.send(anna, "a", Payload::Auth(super::world::auth("anna", "phone", 1)));
    world.pass(1000);
    for key in 0..100 {
        world.send(anna, &key.to_string(), Payload::Op(op("m", &key.to_string(), "v", 0, "phone")));
        world.pass(1);
    }
    let acknowledged: Vec<String> =
        world.heard(anna).into_iter().skip(1).map(|e| e.correlation_id).collect();
    world.coordinator.power_cut();
    let anna = world.client("anna", "");
    let all = (0..100).map(|key| key.to_string()).collect();
    let got = world.sync(
        anna,
        syncline_protocol::dialects::maps::proto::SyncRequest { keys: all, ..get("m", "0") },
    );
    let there: Vec<String> = got.ops.into_iter().map(|op| op.key).collect();
    assert!(acknowledged.iter().all(|key| there.contains(key)), "{acknowledged:?} {there:?}");
    assert!(there.len() < 100, "the cut took something");
}

#[test]
fn when_a_map_cannot_answer_the_batch_is_sent_again_and_nothing_is_lost() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    let ops = || vec![op("a", "k", "v", 0, "phone"), op("b", "k", "v", 0, "phone")];
    for (why, code) in [
        (Unanswered::Full, ErrorCode::Unavailable),
        (Unanswered::Stopped, ErrorCode::Unavailable),
        (Unanswered::RoomFull, ErrorCode::Unavailable),
        (Unanswered::Unreadable, ErrorCode::Internal),
    ] {
        world.coordinator.break_room("b", Some(why));
        assert_eq!(world.error_code(anna, push(ops())), code);
    }
    world.coordinator.break_room("b", None);
    let ack = world.push(anna, ops());
    assert_eq!((ack.applied, ack.results.len()), (1, 1));
    assert_eq!((ack.results[0].index, ack.results[0].outcome()), (0, Outcome::Duplicate));
}

#[test]
fn a_user_begins_so_many_maps() {
    let mut world = World::limited(|limits| limits.maps_per_user_max = 2);
    let anna = world.client("anna", "phone");
    let ack = world.push(
        anna,
        vec![
            op("a", "k", "v", 0, "phone"),
            op("b", "k", "v", 0, "phone"),
            op("c", "k", "v", 0, "phone"),
            op("a", "l", "v", 0, "phone"),
        ],
    );
    assert_eq!(ack.applied, 3);
    assert_eq!(
        ack.results.iter().map(|r| (r.index, r.outcome())).collect::<Vec<_>>(),
        [(2, Outcome::Rejected)]
    );
}
