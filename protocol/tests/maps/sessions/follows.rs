//! Who is told of a change, when, and with which cursors.

use bytes::Bytes;
use syncline_protocol::dialects::maps::proto::{
    Envelope, ErrorCode, OperationBatch, SyncRequest, envelope::Payload, sync_request::Type,
    sync_response::Status,
};
use syncline_protocol::dialects::maps::{Cursor, memory::Sent, wire};

use super::world::{
    World, ack, get, keys, op, pull, push, request, response, subscribe, sync, unsubscribe,
};

fn chain(batches: &[OperationBatch], from: &Bytes) {
    let mut at = from;
    for batch in batches {
        assert_eq!(&batch.prev_cursor, at, "no gap");
        assert_ne!(batch.cursor, batch.prev_cursor);
        at = &batch.cursor;
    }
}

#[test]
fn whoever_pulled_is_told_at_once_and_the_writer_and_strangers_are_not() {
    let mut world = World::default();
    world.token("blind", "carl", r#"[{"map":"m","ops":["PUT"]}]"#);
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    let carl = world.client("blind", "carls");
    assert_eq!(world.error_code(carl, sync(pull("m", &Bytes::new()))), ErrorCode::PermissionDenied);
    world.sync(anna, pull("m", &Bytes::new()));
    let at = world.sync(ben, pull("m", &Bytes::new())).cursor;
    world.put(anna, vec![op("m", "k", "v", 0, "phone")]);
    let heard = world.batches(ben);
    assert_eq!(heard.iter().map(keys).collect::<Vec<_>>(), [["k"]]);
    assert_eq!(heard[0].ops[0], op("m", "k", "v", 0, "phone"));
    chain(&heard, &at);
    world.pass(100);
    assert!(world.heard(anna).is_empty() && world.heard(carl).is_empty());
}

#[test]
fn what_comes_within_ten_milliseconds_comes_together_and_only_what_won() {
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    let at = world.sync(ben, pull("m", &Bytes::new())).cursor;
    for ms in 0..10 {
        world.put(anna, vec![op("m", &format!("k{}", ms % 3), "v", 10 + ms, "phone")]);
        world.push(anna, vec![op("m", "k0", "older", 1, "phone")]);
        world.pass(1);
    }
    world.pass(10);
    let heard = world.batches(ben);
    assert_eq!(heard.iter().map(keys).collect::<Vec<_>>(), [vec!["k0"], vec!["k1", "k2", "k0"]]);
    chain(&heard, &at);
    let pulled = world.sync(ben, pull("m", &heard[1].cursor));
    assert_eq!((pulled.ops.len(), &pulled.cursor), (0, &heard[1].cursor));
}

#[test]
fn what_a_client_wrote_itself_goes_into_the_cursor_of_the_next_batch() {
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    let at = world.sync(anna, pull("m", &Bytes::new())).cursor;
    for n in 0..3 {
        world.put(anna, vec![op("m", "mine", "v", n, "phone")]);
        world.pass(20);
    }
    assert!(world.heard(anna).is_empty(), "no batch is empty");
    world.put(ben, vec![op("m", "theirs", "v", 0, "bens")]);
    let mut heard = world.batches(anna);
    // One window with both: only the other's is told.
    world.put(anna, vec![op("m", "mine2", "v", 1, "phone")]);
    world.put(ben, vec![op("m", "theirs2", "v", 0, "bens")]);
    world.put(anna, vec![op("m", "mine3", "v", 1, "phone")]);
    world.pass(20);
    heard.extend(world.batches(anna));
    assert_eq!(heard.iter().map(keys).collect::<Vec<_>>(), [["theirs"], ["theirs2"]]);
    chain(&heard, &at);
    assert!(world.sync(anna, pull("m", &heard[1].cursor)).ops.is_empty());
}

#[test]
fn get_and_the_root_hash_make_a_client_follow_and_nothing_else_does() {
    for (kind, follows) in [
        (Type::Get, true),
        (Type::MerkleHashReq, true),
        (Type::PullSince, true),
        (Type::BucketKeys, false),
        (Type::Range, false),
    ] {
        let mut world = World::default();
        let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
        world.send(anna, "c", sync(request(kind, "m")));
        world.heard(anna);
        world.put(ben, vec![op("m", "k", "v", 0, "bens")]);
        world.pass(20);
        assert_eq!(world.batches(anna).len(), usize::from(follows), "{kind:?}");
        assert_eq!(world.coordinator.watchers("m"), usize::from(follows), "{kind:?}");
    }
}

#[test]
fn a_read_that_fails_follows_nothing() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    let bad = |cursor: &'static [u8]| sync(pull("m", &Bytes::from_static(cursor)));
    assert_eq!(world.error_code(anna, bad(b"no cursor")), ErrorCode::CursorInvalid);
    assert_eq!(world.coordinator.watchers("m"), 0);
    let other = world.sync(anna, pull("other", &Bytes::new())).cursor;
    assert_eq!(world.sync(anna, pull("m", &other)).status(), Status::ResetRequired);
    assert_eq!([world.coordinator.watchers("m"), world.coordinator.watchers("other")], [0, 1]);
}

#[test]
fn nothing_falls_between_a_read_and_what_is_told_after_it() {
    use syncline_protocol::dialects::maps::{Settings, memory::Delays};
    for seed in 0..40 {
        let mut world =
            World::new(Settings::default(), Delays { seed, ask_ms_max: 30, sync_ms_max: 20 });
        let [anna, ben] = [("anna", "phone"), ("ben", "bens")].map(|(token, node)| {
            let client = world.connect();
            world.send(client, "a", Payload::Auth(super::world::auth(token, node, 1)));
            client
        });
        world.pass(500);
        world.heard(ben);
        for n in 0..60 {
            world.send(anna, "p", push(vec![op("m", &format!("{n}"), "v", n, "phone")]));
            if n == 10 + seed % 20 {
                world.send(ben, "read", sync(pull("m", &Bytes::new())));
            }
            if n == 40 {
                // An answer on its way is held up by one before it.
                world.coordinator.delay_room("slow", 40);
                world.send(ben, "slow", sync(get("slow", "k")));
                world.send(ben, "read", sync(pull("m", &Bytes::new())));
            }
            world.pass(3);
        }
        world.pass(500);
        let (mut have, mut at) = (std::collections::BTreeSet::new(), Bytes::new());
        for envelope in world.heard(ben) {
            match envelope.payload {
                Some(Payload::SyncResp(response)) if response.map_name == "m" => {
                    have.extend(response.ops.into_iter().map(|op| op.key));
                    at = response.cursor;
                }
                Some(Payload::Batch(batch)) => {
                    assert_eq!(batch.prev_cursor, at, "seed {seed}");
                    have.extend(batch.ops.into_iter().map(|op| op.key));
                    at = batch.cursor;
                }
                Some(Payload::SyncResp(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(have.len(), 60, "seed {seed}");
    }
}

#[test]
fn a_subscription_begins_where_the_map_is_or_where_its_cursor_says() {
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    world.put(anna, vec![op("m", "a", "v", 0, "phone")]);
    let after_a = world.sync(anna, pull("m", &Bytes::new())).cursor;
    world.put(anna, vec![op("m", "b", "v", 0, "phone"), op("m", "c", "v", 0, "phone")]);
    let said = ack(world.ask(ben, subscribe("m", "", &Bytes::new())));
    assert_eq!((said.results.len(), said.applied, said.server_time), (0, 0, String::new()));
    world.pass(50);
    assert!(world.heard(ben).is_empty());
    world.put(anna, vec![op("m", "d", "v", 0, "phone")]);
    let heard = world.batches(ben);
    assert_eq!(heard.iter().map(keys).collect::<Vec<_>>(), [["d"]]);
    // Another session of the same user comes back to where it was.
    let again = world.client("ben", "bens");
    world.send(again, "s", subscribe("m", "", &after_a));
    let mut heard = world.heard(again);
    assert_eq!((heard.len(), &*heard[0].correlation_id), (2, "s"));
    let Some(Payload::Batch(batch)) = heard.remove(1).payload else { panic!() };
    assert_eq!(keys(&batch), ["b", "c", "d"]);
    chain(std::slice::from_ref(&batch), &after_a);
    world.pass(50);
    world.put(anna, vec![op("m", "e", "v", 0, "phone")]);
    chain(&world.batches(again), &batch.cursor);
}

#[test]
fn a_subscription_that_cannot_be_is_refused() {
    let mut world = World::limited(|limits| limits.watches_max = 2);
    world.token("less", "carl", r#"[{"map":"m*","ops":["READ"]}]"#);
    let anna = world.client("less", "phone");
    let foreign = world.sync(anna, pull("m1", &Bytes::new())).cursor;
    for (map, prefix, cursor, code) in [
        ("", "", Bytes::new(), ErrorCode::BadRequest),
        ("~", "", Bytes::new(), ErrorCode::BadRequest),
        ("other", "", Bytes::new(), ErrorCode::PermissionDenied),
        ("m", "", Bytes::from_static(b"no cursor"), ErrorCode::CursorInvalid),
        ("m", "", foreign, ErrorCode::CursorInvalid),
        ("m", &*"p".repeat(1025), Bytes::new(), ErrorCode::TooLarge),
    ] {
        assert_eq!(
            world.error_code(anna, subscribe(map, prefix, &cursor)),
            code,
            "{map} {cursor:?}"
        );
        assert_eq!(world.coordinator.watchers("m"), 0);
    }
    ack(world.ask(anna, subscribe("m2", "", &Bytes::new())));
    assert_eq!(world.error_code(anna, subscribe("m3", "", &Bytes::new())), ErrorCode::TooLarge);
    // It may be read all the same.
    assert_eq!(world.sync(anna, get("m3", "k")).missing_keys, ["k"]);
    assert_eq!(world.coordinator.watchers("m3"), 0);
    ack(world.ask(anna, unsubscribe("m1", "")));
    ack(world.ask(anna, subscribe("m3", "", &Bytes::new())));
    assert_eq!(["m1", "m2", "m3"].map(|map| world.coordinator.watchers(map)), [0, 1, 1]);
}

#[test]
fn only_keys_that_begin_so_are_told() {
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    let at = world.sync(anna, pull("m", &Bytes::new())).cursor;
    ack(world.ask(ben, subscribe("m", "a/", &at)));
    ack(world.ask(ben, subscribe("m", "b/1", &Bytes::new())));
    let put = |world: &mut World, keys: &[&str], ms| {
        world.put(anna, keys.iter().map(|key| op("m", key, "v", ms, "phone")).collect());
        world.pass(20);
    };
    put(&mut world, &["a/1", "b/1", "b/2", "c"], 0);
    put(&mut world, &["b/2", "c"], 1);
    put(&mut world, &["b/11"], 2);
    let heard = world.batches(ben);
    assert_eq!(heard.iter().map(keys).collect::<Vec<_>>(), [vec!["a/1", "b/1"], vec!["b/11"]]);
    chain(&heard, &at);
    ack(world.ask(ben, unsubscribe("m", "b/1")));
    put(&mut world, &["a/2", "b/1"], 3);
    assert_eq!(world.batches(ben).iter().map(keys).collect::<Vec<_>>(), [["a/2"]]);
    ack(world.ask(ben, unsubscribe("m", "")));
    put(&mut world, &["a/3"], 4);
    assert!(world.heard(ben).is_empty());
    assert_eq!(world.coordinator.watchers("m"), 1);
}

#[test]
fn whoever_has_left_a_map_follows_it_only_when_asked_to() {
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    world.sync(ben, get("m", "k"));
    ack(world.ask(ben, unsubscribe("m", "")));
    ack(world.ask(ben, unsubscribe("never", "")));
    world.sync(ben, pull("m", &Bytes::new()));
    assert_eq!(world.coordinator.watchers("m"), 0);
    ack(world.ask(ben, subscribe("m", "", &Bytes::new())));
    world.put(anna, vec![op("m", "k", "v", 0, "phone")]);
    assert_eq!(world.batches(ben).len(), 1);
}

#[test]
fn whoever_reads_page_by_page_is_told_only_behind_the_last() {
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    let put = |world: &mut World, key: &str, ms| {
        world.put(anna, vec![op("m", key, "v", ms, "phone")]);
        world.pass(20);
    };
    for key in ["a", "b", "c"] {
        put(&mut world, key, 0);
    }
    let page = |cursor: &Bytes| SyncRequest { max_items: 2, ..pull("m", cursor) };
    let first = world.sync(ben, page(&Bytes::new()));
    assert!(first.more);
    put(&mut world, "d", 0);
    assert!(world.heard(ben).is_empty());
    let second = world.sync(ben, page(&first.cursor));
    assert!(!second.more);
    put(&mut world, "e", 0);
    let heard = world.batches(ben);
    assert_eq!(heard.iter().map(keys).collect::<Vec<_>>(), [["e"]]);
    chain(&heard, &second.cursor);
    // Whoever stops in the middle is told from there after a while.
    let carl = world.client("ben", "bens");
    let first = world.sync(carl, page(&Bytes::new()));
    world.pass(29_000);
    put(&mut world, "f", 1);
    assert!(world.heard(carl).is_empty());
    world.pass(3_000);
    let heard = world.batches(carl);
    assert_eq!(heard.iter().map(keys).collect::<Vec<_>>(), [["c", "d", "e", "f"]]);
    chain(&heard, &first.cursor);
}

#[test]
fn the_first_answer_of_a_get_says_from_where_changes_are_told() {
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    world.put(anna, vec![op("m", "k", "v", 0, "phone")]);
    let first = world.sync(ben, get("m", "k")).cursor;
    world.pass(20);
    world.put(anna, vec![op("m", "k", "w", 1, "phone")]);
    let heard = world.batches(ben);
    assert_eq!(heard.len(), 1);
    chain(&heard, &first);
    // A later one moves nothing: the client may not have what came before it.
    world.put(anna, vec![op("m", "k2", "w", 1, "phone")]);
    world.send(ben, "get", sync(get("m", "k")));
    let said = world.only(ben);
    assert_ne!(response(&said).unwrap().cursor, heard[0].cursor);
    world.pass(20);
    let later = world.batches(ben);
    assert_eq!(later.len(), 1);
    chain(&later, &heard[0].cursor);
}

#[test]
fn those_who_are_at_the_same_place_get_the_same_bytes() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    let early: Vec<u64> = (0..3).map(|_| world.client("ben", "bens")).collect();
    for client in &early {
        world.sync(*client, pull("m", &Bytes::new()));
    }
    world.put(anna, vec![op("m", "a", "v", 0, "phone")]);
    let late = world.client("ben", "bens");
    world.sync(late, pull("m", &Bytes::new()));
    for client in &early {
        world.batches(*client);
    }
    // One of them is elsewhere: it was told nothing of the first.
    let other = world.client("anna", "phone");
    world.sync(other, pull("m", &Bytes::new()));
    world.put(other, vec![op("m", "b", "v", 0, "phone")]);
    world.pass(20);
    for client in early.iter().chain([&late]) {
        world.batches(*client);
    }
    let now = syncline_protocol::dialect::UnixMillis(world.now);
    let put = Envelope {
        correlation_id: "p".into(),
        payload: Some(push(vec![op("m", "c", "v", 0, "phone")])),
    };
    let out = world.coordinator.receive(anna, wire::encode(&put), now);
    let told: Vec<_> =
        out.iter().filter(|out| out.to != anna).map(|out| (out.to, &out.what)).collect();
    let [first, .., last] = &told[..] else { panic!("{told:?}") };
    assert_eq!((told.len(), last.0), (5, other));
    let place = |what: &Sent| match what {
        Sent::Message(bytes) => bytes.as_ptr(),
        close => panic!("{close:?}"),
    };
    assert!(told[..4].iter().all(|(_, what)| *what == first.1 && place(what) == place(first.1)));
    assert_ne!(last.1, first.1);
}

#[test]
fn a_subscription_from_beyond_the_end_is_refused() {
    // As after a backup was put back: what the map says next would look like what the client has.
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    world.put(anna, vec![op("m", "k", "v", 0, "phone")]);
    let here = world.sync(anna, request(Type::MerkleHashReq, "m")).cursor;
    let here = Cursor::parse("m", &here).unwrap();
    let beyond = Cursor::new(here.generation, here.seq + 10, 0).to_bytes("m").into();
    assert_eq!(world.error_code(ben, subscribe("m", "", &beyond)), ErrorCode::CursorInvalid);
    let here = here.to_bytes("m").into();
    assert!(matches!(world.ask(ben, subscribe("m", "", &here)), Payload::Ack(_)));
    world.put(anna, vec![op("m", "k", "w", 1, "phone")]);
    chain(&world.batches(ben), &here);
}
