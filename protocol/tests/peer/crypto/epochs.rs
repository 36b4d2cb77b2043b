//! The secrets of a group by epoch: which seals, which open, what a store has of them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use syncline_protocol::dialects::peer::{
    seal::{Adopted, EPOCH_MAX, KeyRing, key_id},
    store::{Change, MemoryStore, Space, Store as _},
};

use super::samples::hex;
use crate::dice::Dice;

const DAY_MS: i64 = 24 * 3600 * 1000;

fn epochs(ring: &KeyRing) -> Vec<u64> {
    ring.newest().map(|key| key.epoch).collect()
}

#[test]
fn three_epochs_open_and_the_fourth_is_gone() {
    let (mut store, mut ring, mut dice) =
        (MemoryStore::default(), KeyRing::default(), Dice::new(1));
    assert!(!ring.is_initialized() && ring.current().is_none());
    for epoch in 1..=5 {
        assert_eq!(ring.rotate(&mut store, &mut dice, epoch), Ok(epoch as u64));
    }
    assert_eq!(epochs(&ring), [5, 4, 3]);
    assert!(ring.of_epoch(2).next().is_none());
    let of = |epoch| ring.may_come(epoch);
    assert_eq!([of(0), of(2), of(3), of(6), of(EPOCH_MAX + 1)], [false, false, true, true, false]);
    let again = KeyRing::open(&store).unwrap();
    assert_eq!(epochs(&again), [5, 4, 3]);
    assert!(again.is_initialized());
    assert!(again.newest().zip(ring.newest()).all(|(a, b)| a == b && a.secret() == b.secret()));
    let mut stored = 0;
    store
        .each(Space::Keys, &mut |key, _| stored += usize::from(key.starts_with(b"group/")))
        .unwrap();
    assert_eq!(stored, 3, "what is gone is gone from the store");
}

#[test]
fn of_one_epoch_the_smaller_name_seals_whoever_comes_first() {
    let secrets: Vec<[u8; 32]> = (0..6).map(|byte| [byte; 32]).collect();
    let smallest = secrets.iter().map(key_id).min().unwrap();
    for turn in 0..secrets.len() {
        let (mut store, mut ring) = (MemoryStore::default(), KeyRing::default());
        for at in 0..secrets.len() {
            let secret = &secrets[(at + turn) % secrets.len()];
            let before = ring.current().map(|key| key.key_id.clone());
            let seals = before.is_none_or(|before| key_id(secret) < before);
            let adopted = ring.adopt(&mut store, secret, 3, 0).unwrap();
            assert_eq!(adopted == Adopted::Newer, seals);
            let known = ring.of_epoch(3).any(|key| key.key_id == key_id(secret));
            assert_eq!(known, adopted != Adopted::Refused);
        }
        assert_eq!(ring.current().unwrap().key_id, smallest);
        assert!(ring.of_epoch(3).count() <= 4);
        let again = KeyRing::open(&store).unwrap();
        assert!(again.newest().eq(ring.newest()));
    }
}

#[test]
fn secrets_that_are_not_taken() {
    let (mut store, mut ring) = (MemoryStore::default(), KeyRing::default());
    let mut adopt = |secret: u8, epoch| ring.adopt(&mut store, &[secret; 32], epoch, 0).unwrap();
    assert_eq!(adopt(1, 0), Adopted::Refused, "there is no epoch 0");
    assert_eq!(adopt(1, EPOCH_MAX + 1), Adopted::Refused);
    assert_eq!(adopt(1, 9), Adopted::Newer);
    assert_eq!(adopt(1, 9), Adopted::Known);
    assert_eq!(adopt(2, 8), Adopted::Refused, "an older epoch");
    assert_eq!(adopt(2, 9 + (1 << 20) + 1), Adopted::Refused, "a leap that uses epochs up");
    assert_eq!(adopt(2, 9 + (1 << 20)), Adopted::Newer);
    assert_eq!(epochs(&ring), [9 + (1 << 20)]);
}

#[test]
fn behind_the_last_epoch_there_is_none() {
    let (mut store, mut ring) = (MemoryStore::default(), KeyRing::default());
    ring.adopt(&mut store, &[1; 32], EPOCH_MAX, 0).unwrap();
    assert!(ring.rotate(&mut store, &mut Dice::new(1), 0).is_err());
    assert_eq!(ring.current().unwrap().secret(), &[1; 32]);
}

#[test]
fn a_secret_wears_out_by_age_and_use() {
    let (mut store, mut ring, mut dice) =
        (MemoryStore::default(), KeyRing::default(), Dice::new(1));
    assert!(!ring.is_worn(i64::MAX), "there is none");
    ring.count_sealed(&mut store).unwrap();
    ring.rotate(&mut store, &mut dice, 5).unwrap();
    assert!(!ring.is_worn(5 + 30 * DAY_MS - 1));
    assert!(ring.is_worn(5 + 30 * DAY_MS));
    // Each restart counts a whole step, so that none of it is lost: 2^32 packets in steps of 2^16.
    for restart in 0..1 << 16 {
        assert!(!ring.is_worn(5), "{restart}");
        ring.count_sealed(&mut store).unwrap();
        ring = KeyRing::open(&store).unwrap();
    }
    assert!(ring.is_worn(5));
    ring.rotate(&mut store, &mut dice, 5).unwrap();
    assert!(!ring.is_worn(5), "of the new one none is sealed");
    assert!(!KeyRing::open(&store).unwrap().is_worn(5));
}

#[test]
fn packets_are_counted_in_the_store_in_steps() {
    let (mut store, mut ring) = (MemoryStore::default(), KeyRing::default());
    ring.rotate(&mut store, &mut Dice::new(1), 0).unwrap();
    ring.count_sealed(&mut store).unwrap();
    let after_one = store.clone();
    (1..1 << 16).for_each(|_| ring.count_sealed(&mut store).unwrap());
    assert_eq!(store, after_one);
    ring.count_sealed(&mut store).unwrap();
    assert_ne!(store, after_one);
}

#[test]
fn a_power_cut_leaves_the_mark_with_the_secret() {
    let (mut store, mut ring) = (MemoryStore::default(), KeyRing::default());
    ring.rotate(&mut store, &mut Dice::new(1), 0).unwrap();
    store.cut_power();
    assert!(!KeyRing::open(&store).unwrap().is_initialized());
    ring.rotate(&mut store, &mut Dice::new(1), 0).unwrap();
    store.sync().unwrap();
    store.cut_power();
    assert!(KeyRing::open(&store).unwrap().is_initialized());
}

#[test]
fn secrets_are_not_shown_and_other_forms_are_refused() {
    let (mut store, mut ring) = (MemoryStore::default(), KeyRing::default());
    ring.adopt(&mut store, &[0xab; 32], 1, 0).unwrap();
    let shown = format!("{ring:?}");
    assert!(!shown.contains("171, 171") && !shown.contains(&hex(&[0xab; 4])), "{shown}");
    assert!(shown.contains(&key_id(&[0xab; 32])));
    for (key, value) in
        [("group/", vec![1; 41]), ("group/12345678", vec![1; 41]), ("group-sealed", vec![1])]
    {
        let mut store = store.clone();
        let (space, key) = (Space::Keys, key.as_bytes().to_vec());
        store.apply(vec![Change { space, key, value: Some(value) }]).unwrap();
        assert!(KeyRing::open(&store).is_err());
    }
}

proptest! {
    /// The plain model: a map from epochs to the names that were taken.
    #[test]
    fn the_ring_is_its_model(steps in prop::collection::vec((0..8u8, 0..9u64), 1..40)) {
        let (mut store, mut ring) = (MemoryStore::default(), KeyRing::default());
        let mut model: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for (secret, epoch) in steps {
            let id = key_id(&[secret; 32]);
            let newest = model.keys().next_back().copied();
            let mut names = model.get(&epoch).cloned().unwrap_or_default();
            let known = names.contains(&id);
            let fits = names.len() < 4 || names.first().is_some_and(|least| id < *least);
            let taken = !known && epoch > 0 && newest.is_none_or(|newest| epoch >= newest) && fits;
            if taken {
                names.push(id.clone());
                names.sort();
                names.truncate(4);
                model.insert(epoch, names);
                model.retain(|old, _| old + 3 > epoch);
            }
            let adopted = ring.adopt(&mut store, &[secret; 32], epoch, 0).unwrap();
            prop_assert_eq!(adopted == Adopted::Known, known);
            prop_assert_eq!(adopted == Adopted::Refused, !known && !taken);
            for ring in [&ring, &KeyRing::open(&store).unwrap()] {
                let names = |epoch| ring.of_epoch(epoch).map(|key| key.key_id.clone()).collect::<Vec<_>>();
                prop_assert!((0..9).all(|epoch| names(epoch) == model.get(&epoch).cloned().unwrap_or_default()));
                prop_assert_eq!(ring.epoch(), model.keys().next_back().copied());
            }
        }
    }
}
