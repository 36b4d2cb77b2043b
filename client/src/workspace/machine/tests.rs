//! Single steps, each as one small story.

use super::{Json, Key, Limits, Machine, Own, Phase, TooMuch};

fn json(text: &str) -> Json {
    Json::from_text(text).unwrap()
}

fn key(name: &str) -> Key {
    name.into()
}

fn limits() -> Limits {
    Limits { pending_keys_max: 3, pending_bytes_max: 1000, cache_bytes_max: 1000 }
}

fn machine() -> Machine {
    Machine::new(limits(), 0, Vec::new(), Vec::new())
}

/// A machine whose server has nothing.
fn synced(mut machine: Machine) -> Machine {
    machine.connected();
    machine.init(Vec::new(), 100).unwrap();
    machine
}

fn set(machine: &mut Machine, name: &str, text: &str, now: i64) -> i64 {
    let own = machine.stamped(name, json(text), now);
    let stamp = own.stamp;
    machine.set(key(name), own);
    stamp
}

fn send_all(machine: &mut Machine) -> Vec<String> {
    std::iter::from_fn(|| machine.send_next()).map(|(key, _)| key.to_string()).collect()
}

fn asked(machine: &mut Machine) -> Vec<(String, i64)> {
    machine.ask().into_iter().map(|(key, own)| (key.to_string(), own.stamp)).collect()
}

#[test]
fn values_go_out_in_the_order_in_which_they_were_set_last() {
    let mut machine = machine();
    for (name, text) in [("a", "1"), ("b", "1"), ("a", "2")] {
        set(&mut machine, name, text, 100);
    }
    assert_eq!(send_all(&mut machine), [""; 0], "not before there is a connection");
    let mut machine = synced(machine);
    assert_eq!(send_all(&mut machine), ["b", "a"]);
    assert_eq!(send_all(&mut machine), [""; 0], "and once");
    machine.disconnected();
    let mut machine = synced(machine);
    assert_eq!(send_all(&mut machine), ["b", "a"], "and on every connection until it is known");
}

#[test]
fn the_last_value_is_asked_for_and_speaks_for_those_before_it() {
    let mut machine = synced(machine());
    let stamps = ["a", "b", "c"].map(|name| set(&mut machine, name, "1", 100));
    assert!(!machine.wants_to_ask(), "nothing was sent");
    send_all(&mut machine);
    assert!(machine.wants_to_ask());
    assert_eq!(asked(&mut machine), [("c".to_owned(), stamps[2] - 1)]);
    assert!(!machine.wants_to_ask());
    machine.op(&key("c"), json("1"), stamps[2], 100).unwrap();
    assert_eq!(machine.pending(), 0);
    assert_eq!(machine.known("a").unwrap().stamp, stamps[0]);
}

#[test]
fn a_value_speaks_for_none_that_was_not_sent() {
    let mut machine = synced(machine());
    let first = set(&mut machine, "a", "1", 100);
    machine.send_next();
    set(&mut machine, "b", "1", 100);
    machine.op(&key("a"), json("1"), first, 100).unwrap();
    assert_eq!(machine.pending(), 1);
}

#[test]
fn when_something_was_refused_every_value_speaks_for_itself() {
    let mut machine = synced(machine());
    let stamps = ["a", "b"].map(|name| set(&mut machine, name, "1", 100));
    send_all(&mut machine);
    machine.refused();
    assert_eq!(asked(&mut machine).len(), 2);
    machine.op(&key("b"), json("1"), stamps[1], 100).unwrap();
    assert_eq!(machine.pending(), 1, "it may be the one that was refused");
}

#[test]
fn what_an_earlier_run_left_speaks_for_itself() {
    let own = |stamp| Own { value: json("1"), stamp, blind: false };
    let left = vec![(key("b"), own(2)), (key("a"), own(1))];
    let mut machine = synced(Machine::new(limits(), 2, Vec::new(), left));
    assert_eq!(send_all(&mut machine), ["a", "b"]);
    machine.op(&key("b"), json("1"), 2, 100).unwrap();
    assert_eq!(machine.pending(), 1, "the earlier run may have sent only that");
}

#[test]
fn when_the_last_loses_the_one_before_it_is_asked_for() {
    let mut machine = synced(machine());
    let stamps = ["a", "b"].map(|name| set(&mut machine, name, "1", 100));
    send_all(&mut machine);
    machine.ask();
    machine.op(&key("b"), json("2"), stamps[1] + 1, 100).unwrap();
    assert_eq!(machine.pending(), 1);
    assert!(machine.wants_to_ask());
    assert_eq!(asked(&mut machine), [("a".to_owned(), stamps[0] - 1)]);
}

#[test]
fn a_value_set_over_one_of_unknown_stamp_is_stamped_again_when_it_loses_against_that() {
    let mut machine = machine();
    machine.connected();
    machine.init(vec![(key("a"), json("0"), None)], 100).unwrap();
    set(&mut machine, "a", "1", 100);
    send_all(&mut machine);
    machine.op(&key("a"), json("0"), 5000, 100).unwrap();
    assert_eq!(machine.own("a").map(|own| own.stamp), Some(5001));
    assert_eq!(send_all(&mut machine), ["a"]);
    machine.op(&key("a"), json("0"), 6000, 100).unwrap();
    assert_eq!(machine.pending(), 0, "that one it has not seen");
    assert_eq!(machine.shown("a"), Some((&json("0"), false)));
}

#[test]
fn another_value_of_the_same_stamp_is_outbid() {
    let mut machine = synced(machine());
    let stamp = set(&mut machine, "a", "1", 100);
    send_all(&mut machine);
    machine.op(&key("a"), json("2"), stamp, 100).unwrap();
    assert_eq!(machine.own("a").map(|own| own.stamp), Some(stamp + 1));
    assert_eq!(machine.shown("a"), Some((&json("1"), true)));
}

#[test]
fn the_queue_is_bounded_in_keys_and_in_bytes() {
    let mut machine = machine();
    for name in ["a", "b", "c"] {
        assert!(machine.has_room(name, &json("1")));
        set(&mut machine, name, "1", 100);
    }
    assert!(!machine.has_room("d", &json("1")));
    assert!(machine.has_room("a", &json("2")));
    let long = Json::of(&"x".repeat(900)).unwrap();
    assert!(!machine.has_room("a", &long));
    assert!(machine.discard(&key("b")) && machine.discard(&key("c")));
    assert!(machine.has_room("a", &long));
}

#[test]
fn a_workspace_above_the_bound_is_not_taken() {
    let mut machine = machine();
    machine.connected();
    let large = Json::of(&"x".repeat(900)).unwrap();
    let workspace = vec![(key("a"), large.clone(), None), (key("b"), large.clone(), None)];
    assert_eq!(machine.init(workspace, 100), Err(TooMuch));
    assert_eq!(machine.phase(), Phase::Opening);
    machine.init(vec![(key("a"), large.clone(), None)], 100).unwrap();
    assert_eq!(machine.op(&key("b"), large, 1, 100), Err(TooMuch));
}

#[test]
fn after_a_refusal_no_later_value_speaks_for_another_on_this_connection() {
    let mut machine = synced(machine());
    set(&mut machine, "a", "1", 100);
    send_all(&mut machine);
    machine.refused();
    // Not taken either, and the server does not say so again within a second.
    set(&mut machine, "b", "1", 100);
    let taken = set(&mut machine, "c", "1", 100);
    send_all(&mut machine);
    machine.op(&key("c"), json("1"), taken, 100).unwrap();
    assert_eq!(machine.pending(), 2, "of b nothing is known");
    assert_eq!(asked(&mut machine).len(), 2);
}
