//! Cursors: what is remembered of clients, when it is written, and what it keeps from being dropped.

use syncline_protocol::dialects::oplog::{Answer, Limits};

use crate::double::{Dataset, key_of, op};

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

fn ops(actor: &str, clocks: std::ops::RangeInclusive<u64>) -> Vec<String> {
    clocks.map(|clock| op(actor, clock)).collect()
}

/// What a checkpoint at the head by a client of its own drops.
fn dropped(dataset: &mut Dataset, key: &str) -> u64 {
    let Answer::Pulled { server_seq, .. } = dataset.pull("maker", key, u64::MAX) else { panic!() };
    let answer = dataset.checkpoint("maker", key, server_seq, "state");
    let Answer::Checkpointed { dropped, .. } = answer else { panic!("{answer:?}") };
    dropped
}

#[test]
fn an_idle_poll_writes_nothing() {
    let (mut dataset, key) = Dataset::begun();
    dataset.push("a", &key, &ops("a", 1..=3));
    dataset.pull("a", &key, 0);
    dataset.pull("a", &key, 3);
    let before = dataset.memory.clone();
    for _ in 0..5 {
        dataset.now += 2_000;
        for since in [3, 0, 2] {
            dataset.pull("a", &key, since);
        }
        dataset.push("a", &key, &ops("a", 1..=3));
    }
    assert_eq!(dataset.memory, before);
}

#[test]
fn what_the_others_have_is_dropped_and_no_more() {
    for restarts in [false, true] {
        let (mut dataset, key) = Dataset::begun();
        dataset.push("a", &key, &ops("a", 1..=9));
        dataset.pull("a", &key, 7);
        dataset.pull("b", &key, 5);
        // Going back does not lower a cursor.
        dataset.pull("b", &key, 2);
        if restarts {
            dataset.restart();
        }
        assert_eq!(dropped(&mut dataset, &key), 5);
        assert_eq!(dataset.memory.log.len(), 4);
    }
}

#[test]
fn who_came_first_and_has_nothing_hides_nobody_after_a_restart() {
    let (mut dataset, key) = Dataset::begun();
    dataset.pull("a", &key, 0);
    dataset.push("maker", &key, &ops("a", 1..=9));
    dataset.pull("b", &key, 5);
    dataset.pull("a", &key, 7);
    dataset.restart();
    assert_eq!(dropped(&mut dataset, &key), 5);
}

#[test]
fn a_push_is_no_sign_that_a_client_has_anything() {
    let (mut dataset, key) = Dataset::begun();
    dataset.push("a", &key, &ops("a", 1..=9));
    assert_eq!(dropped(&mut dataset, &key), 0);
}

#[test]
fn a_cursor_beyond_the_head_counts_as_the_head() {
    let (mut dataset, key) = Dataset::begun();
    dataset.push("maker", &key, &ops("a", 1..=2));
    dataset.pull("a", &key, 99);
    dataset.push("maker", &key, &ops("a", 3..=9));
    assert_eq!(dropped(&mut dataset, &key), 2);
}

#[test]
fn who_was_not_seen_for_long_holds_nothing_back() {
    for (away, expected) in [(29 * DAY, 1), (31 * DAY, 9)] {
        let (mut dataset, key) = Dataset::begun();
        dataset.push("maker", &key, &ops("a", 1..=9));
        dataset.pull("a", &key, 1);
        dataset.now += away;
        assert_eq!(dropped(&mut dataset, &key), expected);
    }
}

#[test]
fn who_only_polls_is_still_seen_after_a_restart() {
    let (mut dataset, key) = Dataset::begun();
    dataset.push("maker", &key, &ops("a", 1..=2));
    dataset.pull("a", &key, 2);
    for _ in 0..40 * 24 {
        dataset.now += 60 * MINUTE;
        dataset.pull("a", &key, 2);
    }
    dataset.restart();
    dataset.push("maker", &key, &ops("a", 3..=9));
    assert_eq!(dropped(&mut dataset, &key), 2);
}

#[test]
fn a_reset_forgets_the_cursors() {
    let (mut dataset, key) = Dataset::begun();
    dataset.push("a", &key, &ops("a", 1..=9));
    dataset.pull("b", &key, 1);
    dataset.reset("new", "s");
    dataset.push("maker", "new", &ops("a", 1..=9));
    assert_eq!(dropped(&mut dataset, "new"), 9);
}

#[test]
fn beyond_their_number_the_client_goes_that_was_not_seen_longest() {
    let limits = Limits { clients_max: 3, ..Limits::default() };
    for (clients, expected) in [(2, 1), (3, 2), (4, 3)] {
        let mut dataset = Dataset::new(limits);
        let key = key_of(&dataset.push("maker", "", &ops("a", 1..=9)));
        for n in 1..=clients {
            dataset.now += MINUTE;
            dataset.pull(&format!("client {n}"), &key, n);
            // Seen later than the others, so it is never the one that goes.
            dataset.pull("maker", &key, 9);
        }
        dataset.restart();
        dataset.pull("maker", &key, 9);
        let entries = dataset.memory.maps[&17].len();
        assert_eq!(entries, 3, "no more entries than clients");
        assert_eq!(dropped(&mut dataset, &key), expected);
    }
}
