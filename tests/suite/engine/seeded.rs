//! Tests of the tests: a checker that cannot fail shows nothing, so each of them is shown a store with
//! a mistake put in on purpose.

use std::sync::{Arc, Mutex};

use syncline_engine::{
    Store,
    storage::sim::{Call, Fault, SimDisk},
};

use crate::world::{
    cuts::{check, every_crash, whole_run},
    damaged::Sound,
    driver::options,
    judge::{Verdict, judge},
    manners::{Between, Bug, Careless},
};

/// How many losses the crash checker sees where a store with this mistake is cut off.
fn losses(bug: Bug, seed: u64) -> usize {
    let lost = Mutex::new(0);
    let careless = |disk: &SimDisk| {
        Store::open_on(Between::new(disk, Arc::new(Careless::new(bug))), options())
    };
    every_crash(seed, &careless, |image, history, salt| {
        *lost.lock().expect("no panic") += usize::from(check(image, history, salt).is_err());
    });
    lost.into_inner().expect("no panic")
}

#[test]
fn a_store_that_acknowledges_before_its_sync_is_found_out() {
    let lost = losses(Bug::AcknowledgesBefore, 1);
    assert!(lost > 20, "the checker saw only {lost} losses");
}

#[test]
fn a_store_that_does_not_sync_is_found_out() {
    let lost = losses(Bug::NoSync, 1);
    assert!(lost > 20, "the checker saw only {lost} losses");
}

#[test]
fn a_store_that_does_not_sync_its_directory_is_found_out() {
    let lost = losses(Bug::NoSyncOfNames, 1);
    assert!(lost > 20, "the checker saw only {lost} losses");
}

#[test]
fn a_store_that_renames_what_is_not_synced_is_found_out() {
    let lost = losses(Bug::RenamesUnsynced, 1);
    assert!(lost > 20, "the checker saw only {lost} losses");
}

/// With syncs that are tried again after a failure, acknowledged records go missing.
#[test]
fn a_store_that_tries_a_failed_sync_again_is_found_out() {
    let mut lost = 0;
    // What is lost may have been rewritten by then: many stores, and the failure at many places.
    for (seed, after) in (0..12).flat_map(|seed| (0..80).map(move |after| (seed, after))) {
        let careless = |disk: &SimDisk| {
            let store = Store::open_on(
                Between::new(disk, Arc::new(Careless::new(Bug::SyncsAgain))),
                options(),
            );
            disk.fail(Fault { call: Call::Sync, after, times: 1, errno: Fault::EIO });
            store
        };
        let (image, history) = whole_run(seed, &careless);
        lost += usize::from(check(&image, &history, after).is_err());
    }
    assert!(lost > 9, "the checker saw only {lost} losses");
}

/// A store that takes any damage for a torn end cuts off what was acknowledged behind it.
#[test]
fn a_store_that_cuts_in_the_middle_is_found_out() {
    let sound = Sound::with_all_history(true);
    let (mut cuts, mut seen) = (0, 0);
    for name in sound.files.keys().filter(|name| name.ends_with(".seg")) {
        for at in (64..sound.used(name)).step_by(97) {
            let mut files = sound.files.clone();
            // What such a store leaves: nothing behind the damage, no segment after it, and no snapshot
            // that tells of more.
            files.retain(|other, _| other <= name && other.ends_with(".seg"));
            files.get_mut(name).expect("is there")[at..].fill(0);
            let verdict = judge(files, &sound.history).unwrap_or(Verdict::CutInSilence(0));
            cuts += 1;
            seen += usize::from(!sound.allows(true, verdict));
        }
    }
    assert!(seen * 10 > cuts * 9, "{seen} of {cuts} seen");
}
