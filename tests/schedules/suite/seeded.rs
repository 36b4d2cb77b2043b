//! The engine with a mistake: exploring must find it, or it proves nothing about the engine as it is.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use syncline_engine_seeded as engine;
use syncline_schedules::{few_preemptions, random};

use crate::images::{self, Files};

#[path = "scenarios/mod.rs"]
#[allow(dead_code, reason = "each mistake has the scenario that shows it")]
mod scenarios;

use scenarios::{commits, maps, poison, upkeep};

/// Rounds of schedules by chance. Each has both ways to choose them, for what one does not find for long, the
/// other may find at once; and a store of its own, for keys lie otherwise in each.
const ROUNDS: u64 = 24;
const SCHEDULES: usize = 300;
/// Schedules in order, when chance has found nothing.
const SCHEDULES_IN_ORDER: usize = 2000;
const PREEMPTIONS: usize = 1;

/// Plants a mistake; some schedule of the scenario must fail, and with these words.
fn expect_found(
    mistake: &str,
    words: &str,
    files: impl Fn() -> Files,
    scenario: impl Fn(&Files) + Send + Sync + 'static,
) {
    engine::seeds::plant(mistake);
    let scenario = Arc::new(scenario);
    let explored = catch_unwind(AssertUnwindSafe(|| {
        for seed in 1..=ROUNDS {
            let (by_chance, files) = (Arc::clone(&scenario), files());
            random(seed, SCHEDULES, move || by_chance(&files));
        }
        let files = files();
        few_preemptions(PREEMPTIONS, SCHEDULES_IN_ORDER, move || scenario(&files));
    }));
    let failure = explored.expect_err("a mistake goes unseen");
    let said = failure.downcast_ref::<String>().cloned();
    let said = said.or_else(|| failure.downcast_ref::<&str>().map(|said| (*said).to_owned()));
    let said = said.unwrap_or_default();
    assert!(said.contains(words), "found, but by chance: {said}");
}

#[test]
fn an_early_acknowledgement_is_found() {
    expect_found(
        "acknowledged before the sync",
        "is called durable and is not",
        || images::store(&[]),
        |files| {
            commits::watched_from_aside(files, commits::usual);
        },
    );
}

#[test]
fn a_flush_role_that_nobody_takes_over_is_found() {
    expect_found(
        "nobody takes over the flush role",
        "deadlock",
        || images::store(&[]),
        |files| {
            commits::three_wait(files, commits::usual);
        },
    );
}

#[test]
fn room_told_while_nobody_listens_is_found() {
    expect_found(
        "room is told without the lock",
        "deadlock",
        || images::store(&[]),
        |files| {
            commits::crowded_tail(files, commits::usual, 1);
        },
    );
}

#[test]
fn a_wake_lost_on_the_committer_is_found() {
    let mistake = "the committer looks before it calls itself idle";
    expect_found(
        mistake,
        "deadlock",
        || images::store(&[]),
        |files| commits::three_wait(files, commits::committer),
    );
}

#[test]
fn a_failure_that_sleepers_do_not_hear_of_is_found() {
    let mistake = "a failure is not told to those who sleep";
    expect_found(
        mistake,
        "deadlock",
        || images::store(&[]),
        |files| poison::fails(files, true, 0, true),
    );
}

#[test]
fn words_seen_while_they_move_are_found() {
    expect_found(
        "words move without a version",
        "",
        || images::store(maps::KEYS),
        |files| {
            maps::read_while_written(files, maps::get);
        },
    );
}

#[test]
fn a_split_seen_too_late_is_found() {
    expect_found(
        "a split is looked for once",
        "",
        || images::store(maps::KEYS),
        |files| {
            maps::read_while_written(files, maps::get);
        },
    );
}

#[test]
fn a_removed_segment_that_is_not_looked_for_again_is_found() {
    expect_found("a removed segment is looked for once", "", images::sparse_store, |files| {
        upkeep::slots_given_again(files);
    });
}

#[test]
fn a_snapshot_that_lacks_what_came_meanwhile_is_found() {
    expect_found(
        "a snapshot is replayed from too late",
        "",
        || images::store(maps::KEYS),
        |files| {
            upkeep::snapshot_while_committing(files);
        },
    );
}
