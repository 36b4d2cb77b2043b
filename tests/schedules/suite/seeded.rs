//! The engine with a mistake: exploring must find it, or it proves nothing about the engine as it is.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use syncline_engine_seeded as engine;
use syncline_schedules::{few_preemptions, random};

use crate::images;

#[path = "scenarios/mod.rs"]
#[allow(dead_code, reason = "each mistake has the scenario that shows it")]
mod scenarios;

use scenarios::{commits, maps, poison};

/// Schedules by chance, and as many in order.
const SCHEDULES: usize = 10_000;
const PREEMPTIONS: usize = 1;

/// Plants a mistake; some schedule of the scenario must fail, and with these words.
fn expect_found(mistake: &str, words: &str, scenario: impl Fn() + Send + Sync + 'static) {
    engine::seeds::plant(mistake);
    let scenario = Arc::new(scenario);
    let explored = catch_unwind(AssertUnwindSafe(|| {
        let by_chance = Arc::clone(&scenario);
        random(1, SCHEDULES, move || by_chance());
        few_preemptions(PREEMPTIONS, SCHEDULES, move || scenario());
    }));
    let failure = explored.expect_err("a mistake goes unseen");
    let said = failure.downcast_ref::<String>().cloned();
    let said = said.or_else(|| failure.downcast_ref::<&str>().map(|said| (*said).to_owned()));
    let said = said.unwrap_or_default();
    assert!(said.contains(words), "found, but by chance: {said}");
}

#[test]
fn an_early_acknowledgement_is_found() {
    let files = images::store(&[]);
    expect_found("acknowledged before the sync", "is called durable and is not", move || {
        commits::watched_from_aside(&files, commits::usual);
    });
}

#[test]
fn a_flush_role_that_nobody_takes_over_is_found() {
    let files = images::store(&[]);
    expect_found("nobody takes over the flush role", "deadlock", move || {
        commits::three_wait(&files, commits::usual);
    });
}

#[test]
fn room_told_while_nobody_listens_is_found() {
    let files = images::store(&[]);
    expect_found("room is told without the lock", "deadlock", move || {
        commits::crowded_tail(&files, commits::usual, 1);
    });
}

#[test]
fn a_wake_lost_on_the_committer_is_found() {
    let files = images::store(&[]);
    let mistake = "the committer looks before it calls itself idle";
    expect_found(mistake, "deadlock", move || commits::three_wait(&files, commits::committer));
}

#[test]
fn a_failure_that_sleepers_do_not_hear_of_is_found() {
    let files = images::store(&[]);
    let mistake = "a failure is not told to those who sleep";
    expect_found(mistake, "deadlock", move || poison::fails(&files, true, 0, true));
}

#[test]
fn words_seen_while_they_move_are_found() {
    let files = images::store(maps::KEYS);
    expect_found("words move without a version", "", move || {
        maps::read_while_written(&files, maps::get);
    });
}

#[test]
fn a_split_seen_too_late_is_found() {
    let files = images::store(maps::KEYS);
    expect_found("a split is looked for once", "", move || {
        maps::read_while_written(&files, maps::get);
    });
}
