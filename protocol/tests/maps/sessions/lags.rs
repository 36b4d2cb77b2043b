//! Clients that do not take what they are sent: others do not wait for them, and they miss nothing.

use bytes::Bytes;
use syncline_protocol::dialects::maps::proto::{OperationBatch, envelope::Payload};

use super::world::{World, get, op, pull, response, subscribe, sync};

fn all_keys(batches: &[OperationBatch]) -> Vec<String> {
    let mut keys: Vec<String> =
        batches.iter().flat_map(|batch| &batch.ops).map(|op| op.key.clone()).collect();
    keys.sort();
    keys
}

/// The last cursor, when each batch begins where the one before ended.
fn end(batches: &[OperationBatch], from: &Bytes) -> Bytes {
    batches.iter().fold(from.clone(), |at, batch| {
        assert_eq!(batch.prev_cursor, at, "no gap");
        batch.cursor.clone()
    })
}

#[test]
fn a_slow_client_is_sent_nothing_then_all_it_missed_then_what_comes() {
    let mut world = World::default();
    let [anna, ben, carl] =
        [("anna", "phone"), ("ben", "bens"), ("ben", "carls")].map(|(t, n)| world.client(t, n));
    let at = world.sync(ben, pull("m", &Bytes::new())).cursor;
    world.sync(carl, pull("m", &Bytes::new()));
    world.set_slow(ben, true);
    for n in 0..2500 {
        world.put(anna, vec![op("m", &format!("{n:04}"), "v", n, "phone")]);
        world.pass(1);
    }
    world.pass(20);
    assert_eq!(all_keys(&world.batches(carl)).len(), 2500, "nobody waits for another");
    assert!(world.heard(ben).is_empty());
    world.set_slow(ben, false);
    let heard = world.batches(ben);
    assert_eq!((all_keys(&heard).len(), heard.len()), (2500, 3), "page by page");
    let at = end(&heard, &at);
    world.put(anna, vec![op("m", "last", "v", 1, "phone")]);
    let heard = world.batches(ben);
    assert_eq!(all_keys(&heard), ["last"]);
    end(&heard, &at);
}

#[test]
fn a_client_that_lags_in_many_maps_is_fed_a_few_megabytes_at_a_time() {
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    let maps: Vec<String> = (0..12).map(|n| format!("m{n}")).collect();
    let starts: Vec<Bytes> =
        maps.iter().map(|map| world.sync(ben, pull(map, &Bytes::new())).cursor).collect();
    world.set_slow(ben, true);
    let value = "v".repeat(200 << 10);
    for map in &maps {
        world.put(anna, (0..4).map(|n| op(map, &n.to_string(), &value, n, "phone")).collect());
        world.pass(20);
    }
    world.set_slow(ben, false);
    let bytes = |batches: &[OperationBatch]| -> usize {
        batches.iter().flat_map(|batch| &batch.ops).map(|op| op.value.len()).sum()
    };
    let first = world.batches(ben);
    assert!((4 << 20..6 << 20).contains(&bytes(&first)), "{}", bytes(&first));
    let mut heard = first;
    for _ in 0..5 {
        world.pass(1000);
        heard.extend(world.batches(ben));
    }
    for (map, start) in maps.iter().zip(&starts) {
        let of_map: Vec<_> =
            heard.iter().filter(|batch| batch.ops[0].map_name == *map).cloned().collect();
        assert_eq!(all_keys(&of_map), ["0", "1", "2", "3"]);
        end(&of_map, start);
    }
}

#[test]
fn whoever_pulls_while_he_lags_goes_on_from_what_he_pulled() {
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    let at = world.sync(ben, pull("m", &Bytes::new())).cursor;
    world.set_slow(ben, true);
    world.put(anna, vec![op("m", "a", "v", 0, "phone")]);
    world.pass(20);
    let pulled = world.sync(ben, pull("m", &at));
    assert_eq!(pulled.ops.len(), 1);
    world.set_slow(ben, false);
    assert!(world.heard(ben).is_empty(), "there is nothing that it has not");
    world.put(anna, vec![op("m", "b", "v", 0, "phone")]);
    let heard = world.batches(ben);
    assert_eq!(all_keys(&heard), ["b"]);
    end(&heard, &pulled.cursor);
}

#[test]
fn a_slow_client_of_some_keys_misses_none_of_them() {
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    let at = world.sync(anna, pull("m", &Bytes::new())).cursor;
    for prefix in ["a/1", "a/2"] {
        world.ask(ben, subscribe("m", prefix, &at));
    }
    world.set_slow(ben, true);
    for n in 0..3000 {
        world.put(anna, vec![op("m", &format!("b/{n}"), "v", n, "phone")]);
    }
    world.put(anna, vec![op("m", "a/10", "v", 0, "phone"), op("m", "a/30", "v", 0, "phone")]);
    world.pass(20);
    world.set_slow(ben, false);
    world.pass(2000);
    let heard = world.batches(ben);
    assert_eq!(all_keys(&heard), ["a/10"]);
    end(&heard, &at);
}

#[test]
fn a_large_window_comes_in_several_messages() {
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    let at = world.sync(ben, pull("m", &Bytes::new())).cursor;
    world.put(anna, vec![op("m", "first", "v", 0, "phone")]);
    let value = "v".repeat(200 << 10);
    for n in 0..10 {
        world.put(anna, vec![op("m", &n.to_string(), &value, n, "phone")]);
    }
    world.pass(20);
    let heard = world.batches(ben);
    assert_eq!((heard.len(), all_keys(&heard).len()), (3, 11));
    let end = end(&heard, &at);
    assert!(world.sync(ben, pull("m", &end)).ops.is_empty());
}

#[test]
fn what_came_while_two_answers_waited_is_told_behind_the_second() {
    let mut world = World::default();
    let (anna, ben) = (world.client("anna", "phone"), world.client("ben", "bens"));
    let at = world.sync(ben, pull("m", &Bytes::new())).cursor;
    world.coordinator.delay_room("slow", 100);
    world.send(ben, "1", sync(get("slow", "k")));
    world.send(ben, "2", sync(get("m", "k")));
    world.send(ben, "3", sync(pull("m", &at)));
    world.put(anna, vec![op("m", "k", "v", 0, "phone")]);
    world.pass(50);
    assert!(world.heard(ben).is_empty());
    world.pass(50);
    let heard = world.heard(ben);
    let ids: Vec<_> = heard.iter().map(|envelope| &*envelope.correlation_id).collect();
    assert_eq!(ids, ["1", "2", "3", ""]);
    let Some(Payload::Batch(batch)) = &heard[3].payload else { panic!("{heard:?}") };
    assert_eq!(all_keys(std::slice::from_ref(batch)), ["k"]);
    end(std::slice::from_ref(batch), &response(&heard[2]).unwrap().cursor);
}
