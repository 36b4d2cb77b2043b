//! Which keys are whose, over restarts.

use syncline_protocol::dialects::peer::{
    id::CanonicalId,
    keys::{Learned, PINS_MAX, Pins, PublicKeys},
    store::{Change, MemoryStore, Space, Store as _},
};

use super::samples::keys;

fn id(name: &str) -> CanonicalId {
    CanonicalId::of(name)
}

#[test]
fn the_first_keys_stay_in_force() {
    let (mut store, mut pins) = (MemoryStore::default(), Pins::default());
    let (first, second) = (keys(1).public(), keys(2).public());
    let alice = id("user:Alice");
    assert_eq!(pins.learn(&mut store, &alice, first, (2, 50)), Ok(Learned::New));
    assert_eq!(pins.learn(&mut store, &alice, first, (2, 60)), Ok(Learned::Known));
    assert_eq!(pins.learn(&mut store, &alice, second, (3, 70)), Ok(Learned::Conflict));
    let pin = *pins.find(&id("alice")).unwrap();
    assert_eq!((pin.keys, pin.version, pin.first_seen_ms), (first, 2, 50));
    assert_eq!(pins.offered(&alice), Some(&second));

    assert_eq!(pins.approve(&mut store, &alice, &keys(3).public()), Ok(false), "not offered");
    assert_eq!(pins.approve(&mut store, &id("bob"), &second), Ok(false), "not his");
    assert_eq!(pins.find(&alice).unwrap().keys, first);
    assert_eq!(pins.approve(&mut store, &alice, &second), Ok(true));
    let pin = *pins.find(&alice).unwrap();
    assert_eq!((pin.keys, pin.version, pin.first_seen_ms), (second, 2, 50));
    assert_eq!(pins.offered(&alice), None);
    let mut keys_of = |keys| pins.learn(&mut store, &alice, keys, (2, 80));
    assert_eq!(keys_of(first), Ok(Learned::Conflict), "the old ones are others now");
    assert_eq!(keys_of(second), Ok(Learned::Known));
    assert_eq!(pins.offered(&alice), None, "they came again: the offer is moot");
}

#[test]
fn a_spoken_version_never_goes_back() {
    let (mut store, mut pins) = (MemoryStore::default(), Pins::default());
    let (alice, keys) = (id("alice"), keys(1).public());
    pins.spoke(&mut store, &alice, 2).unwrap();
    assert!(pins.find(&alice).is_none(), "who is unknown stays so");
    pins.learn(&mut store, &alice, keys, (0, 1)).unwrap();
    for (spoken, known) in [(1, 1), (2, 2), (0, 2), (1, 2)] {
        pins.spoke(&mut store, &alice, spoken).unwrap();
        assert_eq!(pins.find(&alice).unwrap().version, known);
    }
    pins.learn(&mut store, &alice, keys, (0, 1)).unwrap();
    assert_eq!(Pins::open(&store).unwrap().find(&alice).unwrap().version, 2);
}

#[test]
fn pins_survive_and_weak_keys_are_never_pinned() {
    let (mut store, mut pins) = (MemoryStore::default(), Pins::default());
    let alice = id("alice");
    let weak = PublicKeys { exchange: [0; 32], ..keys(1).public() };
    assert_eq!(pins.learn(&mut store, &alice, weak, (2, 1)), Ok(Learned::Unusable));
    assert_eq!(store, MemoryStore::default());
    pins.learn(&mut store, &alice, keys(1).public(), (2, -7)).unwrap();
    assert_eq!(pins.learn(&mut store, &alice, weak, (2, 1)), Ok(Learned::Unusable));
    assert_eq!(pins.replace(&mut store, &alice, weak), Ok(false));
    assert_eq!(pins.replace(&mut store, &id("bob"), keys(2).public()), Ok(false));
    assert_eq!(pins.replace(&mut store, &alice, keys(2).public()), Ok(true));
    let again = Pins::open(&store).unwrap();
    assert_eq!(again.find(&alice), pins.find(&alice));
    assert_eq!(again.find(&alice).unwrap().first_seen_ms, -7);
    assert_eq!(again.each().count(), 1);
}

#[test]
fn there_are_only_so_many() {
    let mut store = MemoryStore::default();
    let mut pins = Pins::default();
    for number in 0..PINS_MAX {
        // Known keys are not examined again: one pair will do.
        let learned = pins.learn(&mut store, &id(&number.to_string()), keys(1).public(), (2, 0));
        assert_eq!(learned, Ok(Learned::New));
    }
    let full = pins.learn(&mut store, &id("more"), keys(1).public(), (2, 0));
    assert_eq!(full, Ok(Learned::Full));
    let known = pins.learn(&mut store, &id("7"), keys(1).public(), (2, 0));
    assert_eq!(known, Ok(Learned::Known));
    assert_eq!(Pins::open(&store).unwrap().each().count(), PINS_MAX);
}

#[test]
fn pins_of_another_form_are_refused() {
    for value in [vec![], vec![1; 76], vec![1; 78], vec![2; 77]] {
        let mut store = MemoryStore::default();
        let (space, key) = (Space::Pins, b"alice".to_vec());
        store.apply(vec![Change { space, key, value: Some(value) }]).unwrap();
        assert!(Pins::open(&store).is_err());
    }
}
