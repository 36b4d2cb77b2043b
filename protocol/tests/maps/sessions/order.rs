//! Answers leave in the order of their requests; how much is under way at once.

use syncline_protocol::dialects::maps::proto::{
    Envelope, ErrorCode, Ping, envelope::Payload, sync_request::Type,
};

use super::world::{World, auth, get, op, push, request, sync};

fn ids(heard: &[Envelope]) -> Vec<&str> {
    heard.iter().map(|envelope| &*envelope.correlation_id).collect()
}

#[test]
fn what_is_answered_first_waits_for_what_was_asked_first() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    world.put(anna, vec![op("slow", "k", "v", 0, "phone"), op("quick", "k", "v", 0, "phone")]);
    world.coordinator.delay_room("slow", 300);
    world.send(anna, "1", sync(get("slow", "k")));
    world.send(anna, "2", Payload::Op(op("quick", "k", "w", 1, "phone")));
    world.send(anna, "3", sync(request(Type::Unspecified, "quick")));
    world.send(anna, "4", sync(get("quick", "k")));
    world.pass(299);
    assert!(world.heard(anna).is_empty());
    world.pass(1);
    assert_eq!(ids(&world.heard(anna)), ["1", "2", "3", "4"]);
}

#[test]
fn a_ping_does_not_wait() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    world.coordinator.delay_room("slow", 300);
    world.send(anna, "1", sync(get("slow", "k")));
    let time = "1:2:phone".to_owned();
    world.send(anna, "2", Payload::Ping(Ping { time: time.clone() }));
    let said = world.only(anna);
    let Some(Payload::Pong(pong)) = said.payload else { panic!("{said:?}") };
    assert_eq!((&*said.correlation_id, pong.time), ("2", time));
    assert!(pong.server_time.ends_with(":~memory"));
    world.pass(300);
    assert_eq!(ids(&world.heard(anna)), ["1"]);
    assert_eq!(
        world.error_code(anna, Payload::Ping(Ping { time: "1".repeat(100) })),
        ErrorCode::BadRequest
    );
}

#[test]
fn whoever_does_not_wait_for_authentication_is_answered_after_it() {
    let mut world = World::default();
    world.coordinator.delay_room("~", 100);
    let anna = world.connect();
    world.send(anna, "1", Payload::Auth(auth("anna", "phone", 1)));
    world.send(anna, "2", Payload::Op(op("m", "k", "v", 0, "phone")));
    world.send(anna, "3", sync(get("m", "k")));
    world.pass(300);
    let heard = world.heard(anna);
    assert_eq!(ids(&heard), ["1", "2", "3"]);
    let Some(Payload::SyncResp(got)) = &heard[2].payload else { panic!("{heard:?}") };
    assert_eq!(got.ops.len(), 1, "it is read after it was written");
    // Whoever is kept out gets nothing done.
    let ben = world.connect();
    world.send(ben, "1", Payload::Auth(auth("ben", "phone", 1)));
    world.send(ben, "2", Payload::Op(op("bens", "k", "v", 0, "phone")));
    world.pass(300);
    assert_eq!(ids(&world.heard(ben)), ["1"]);
    assert_eq!(world.close_code(ben), Some(4401));
    assert!(world.coordinator.device("bens").is_none());
}

#[test]
fn twice_as_much_as_may_be_under_way_is_done_in_order_and_more_is_refused() {
    let mut world = World::limited(|limits| {
        (limits.batch_ops_max, limits.in_flight_max) = (10, 2);
    });
    let anna = world.client("anna", "phone");
    world.put(anna, vec![op("m", "k", "v", 0, "phone")]);
    world.coordinator.delay_room("m", 50);
    let batch =
        |n: u64| push((0..10).map(|k| op("m", &k.to_string(), "v", n + 1, "phone")).collect());
    for n in 0..5 {
        world.send(anna, &n.to_string(), batch(n));
    }
    world.pass(500);
    let heard = world.heard(anna);
    assert_eq!(ids(&heard), ["0", "1", "2", "3", "4"]);
    let codes: Vec<_> = heard
        .iter()
        .map(|envelope| match envelope.payload.as_ref() {
            Some(Payload::Ack(ack)) => Ok(ack.applied),
            Some(Payload::Error(error)) => Err((error.code(), error.retry_after_ms > 0)),
            other => panic!("{other:?}"),
        })
        .collect();
    let busy = Err((ErrorCode::RateLimited, true));
    assert_eq!(codes, [Ok(10), Ok(10), Ok(10), Ok(10), busy]);
    world.put(anna, vec![op("m", "again", "v", 0, "phone")].into_iter().take(0).collect());
}

#[test]
fn many_single_operations_are_taken_as_they_come() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    world.coordinator.delay_room("m", 50);
    for n in 0..5000 {
        world.send(anna, &n.to_string(), Payload::Op(op("m", &n.to_string(), "v", n, "phone")));
    }
    world.pass(500);
    let heard = world.heard(anna);
    let acks = heard.iter().zip(0..).filter(|(envelope, n)| {
        let applied = matches!(&envelope.payload, Some(Payload::Ack(ack)) if ack.applied == 1);
        applied && envelope.correlation_id == n.to_string()
    });
    assert_eq!((heard.len(), acks.count()), (5000, 5000));
}

#[test]
fn a_flood_of_requests_ends_the_connection() {
    let mut world = World::limited(|limits| {
        (limits.batch_ops_max, limits.in_flight_max) = (10, 2);
    });
    let anna = world.client("anna", "phone");
    world.coordinator.delay_room("m", 1000);
    for _ in 0..41 {
        world.send(anna, "", sync(request(Type::Get, "m")));
    }
    assert_eq!(world.close_code(anna), Some(1013));
    assert!(world.heard(anna).is_empty());
}
