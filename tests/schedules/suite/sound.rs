//! The engine as it is: every scenario holds in every schedule tried.

use syncline_engine_explored as engine;

use crate::{
    explore::explore,
    images::{self, Files},
};

#[path = "scenarios/mod.rs"]
mod scenarios;

use engine::Options;
use scenarios::{commits, creates, logs, maps, poison, upkeep};

/// Without and with a committer thread.
fn explore_both(name: &str, scenario: fn(&Files, fn(&mut Options))) {
    let files = images::store(&[]);
    let other = files.clone();
    explore(name, move || scenario(&files, commits::usual));
    let name = format!("{name} with a committer");
    explore(&name, move || scenario(&other, commits::committer));
}

#[test]
fn who_is_acknowledged_while_the_store_closes_is_durable() {
    explore_both("commit while closing", commits::commit_while_closing);
}

#[test]
fn three_who_wait_are_served_and_the_watch_hears_of_it_in_order() {
    explore_both("three wait", commits::three_wait);
}

#[test]
fn what_is_called_durable_is_on_the_device() {
    explore_both("watched from aside", commits::watched_from_aside);
}

#[test]
fn whoever_finds_the_tail_full_gets_room() {
    explore_both("tail full once", |files, change| commits::crowded_tail(files, change, 1));
    explore_both("tail full twice", |files, change| commits::crowded_tail(files, change, 2));
}

#[test]
fn a_change_of_segments_loses_nobody() {
    explore_both("new segments", commits::new_segments);
}

#[test]
fn whoever_waits_for_the_system_is_written() {
    explore_both("waits for the system", commits::waits_for_the_system);
}

fn explore_failing(call: &str, is_sync: bool) {
    let files = images::store(&[]);
    for (after, committer) in [(0, false), (1, false), (0, true), (1, true)] {
        let files = files.clone();
        let name = format!("{call} fails after {after}, committer: {committer}");
        explore(&name, move || poison::fails(&files, is_sync, after, committer));
    }
}

#[test]
fn a_sync_that_fails_is_told_to_all_who_wait() {
    explore_failing("sync", true);
}

#[test]
fn a_write_that_fails_is_told_to_all_who_wait() {
    explore_failing("write", false);
}

#[test]
fn a_key_that_stays_is_always_found() {
    let files = images::store(maps::KEYS);
    explore("keys read", move || maps::read_while_written(&files, maps::get));
}

#[test]
fn a_scan_has_every_key_that_stays_once() {
    let files = images::store(maps::KEYS);
    explore("keys scanned", move || maps::read_while_written(&files, maps::scan));
}

#[test]
fn a_reader_gets_every_record_in_order() {
    let files = images::store(&[]);
    explore("records read", move || logs::read_while_written(&files, logs::read));
}

#[test]
fn a_record_is_whole_or_not_there() {
    let files = images::store(&[]);
    explore("records looked up", move || logs::read_while_written(&files, logs::get));
}

#[test]
fn a_log_that_many_create_is_one() {
    let files = images::store(&[]);
    explore("created by all", move || creates::created_by_all(&files));
}

#[test]
fn nothing_follows_a_drop() {
    let files = images::store(&[]);
    explore("dropped under writers", move || creates::dropped_under_writers(&files));
}

#[test]
fn a_slot_that_is_given_again_hides_nothing() {
    let files = images::sparse_store();
    explore("slots given again", move || upkeep::slots_given_again(&files));
}

#[test]
fn a_snapshot_amid_commits_keeps_what_was_acknowledged() {
    let files = images::store(maps::KEYS);
    explore("snapshot amid commits", move || upkeep::snapshot_while_committing(&files));
}
