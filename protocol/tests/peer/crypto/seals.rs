//! What opens a sealed payload, and what does not.

use proptest::prelude::*;
use syncline_protocol::dialects::peer::{
    seal::{Key, OVERHEAD_BYTES, PairwiseKeys, group_key, pairwise_key, session_key},
    sync::control::Secret,
};

use super::samples::{ROOM, full, hex, keys};
use crate::dice::Dice;

#[test]
fn only_the_two_ends_in_their_room_have_the_key() {
    let (a, b, c) = (keys(1), keys(2), keys(3));
    let sealed = pairwise_key(ROOM, &a, &b.public()).unwrap().seal(&mut Dice::new(1), b"", b"x");
    let opens = |room, own, other: &_| pairwise_key(room, own, other).unwrap().open(b"", &sealed);
    assert!(opens(ROOM, &b, &a.public()).is_some());
    assert!(opens(ROOM, &a, &b.public()).is_some());
    assert!(opens("room-2", &b, &a.public()).is_none(), "another room");
    assert!(opens(ROOM, &c, &a.public()).is_none(), "another end");
    let posing = syncline_protocol::dialects::peer::keys::PublicKeys {
        sign: c.public().sign,
        exchange: a.public().exchange,
    };
    assert!(opens(ROOM, &b, &posing).is_none(), "both keys of an end are bound");
}

#[test]
fn every_part_of_a_groups_key_counts() {
    let secret = [7; 32];
    let sealed = group_key(ROOM, &secret, 5, "alice").seal(&mut Dice::new(1), b"", b"x");
    assert!(group_key(ROOM, &secret, 5, "alice").open(b"", &sealed).is_some());
    let others = [
        group_key(ROOM, &secret, 4, "alice"),
        group_key(ROOM, &secret, 5, "bob"),
        group_key("room-2", &secret, 5, "alice"),
        group_key(ROOM, &[8; 32], 5, "alice"),
        session_key(ROOM, &secret, "alice"),
        Key::new(&secret),
    ];
    assert!(others.iter().all(|key| key.open(b"", &sealed).is_none()));
}

#[test]
fn every_bit_of_what_is_sealed_and_bound_counts() {
    let key = Key::new(&[1; 32]);
    let bound = full().bound(ROOM);
    let sealed = key.seal(&mut Dice::new(1), &bound, b"plaintext");
    assert_eq!(sealed.len(), OVERHEAD_BYTES + b"plaintext".len());
    assert_eq!(**key.open(&bound, &sealed).unwrap(), *b"plaintext");
    for at in 0..sealed.len() * 8 {
        let mut other = sealed.clone();
        other[at / 8] ^= 1 << (at % 8);
        assert!(key.open(&bound, &other).is_none());
    }
    for at in 0..bound.len() * 8 {
        let mut other = bound.clone();
        other[at / 8] ^= 1 << (at % 8);
        assert!(key.open(&other, &sealed).is_none());
    }
    for len in 0..sealed.len() {
        assert!(key.open(&bound, &sealed[..len]).is_none());
    }
    assert!(key.open(b"", &sealed).is_none());
    assert_eq!(key.open(b"", &key.seal(&mut Dice::new(2), b"", b"")).unwrap().len(), 0);
}

#[test]
fn each_sealing_draws_a_nonce() {
    let (key, mut dice) = (Key::new(&[1; 32]), Dice::new(3));
    let (one, other) = (key.seal(&mut dice, b"", b"same"), key.seal(&mut dice, b"", b"same"));
    assert_ne!(one[..12], other[..12]);
    assert_ne!(one[12..], other[12..]);
}

#[test]
fn pairwise_keys_are_kept_and_forgotten() {
    let (a, mut dice) = (keys(1), Dice::new(4));
    let mut kept = PairwiseKeys::new(ROOM, 2);
    for number in [2, 3, 4, 2, 3] {
        let sealed = kept.with(&a, &keys(number).public()).unwrap().seal(&mut dice, b"", b"x");
        let other = pairwise_key(ROOM, &keys(number), &a.public()).unwrap();
        assert!(other.open(b"", &sealed).is_some(), "never that of another");
    }
    let weak = syncline_protocol::dialects::peer::keys::PublicKeys {
        exchange: [0; 32],
        ..keys(2).public()
    };
    assert!(kept.with(&a, &weak).is_err());
    let new = keys(9);
    kept.clear();
    let sealed = kept.with(&new, &keys(2).public()).unwrap().seal(&mut dice, b"", b"x");
    let other = pairwise_key(ROOM, &keys(2), &new.public()).unwrap();
    assert!(other.open(b"", &sealed).is_some());
}

#[test]
fn keys_are_not_shown() {
    let secret = [0xab; 32];
    let mut kept = PairwiseKeys::new(ROOM, 2);
    kept.with(&keys(1), &keys(2).public()).unwrap();
    let shown = format!("{:?} {:?} {:?}", Key::new(&secret), Secret::new(secret), kept);
    assert!(!shown.contains("171") && !shown.contains(&hex(&secret)), "{shown}");
}

proptest! {
    #[test]
    fn what_was_sealed_opens(
        secret: [u8; 32],
        seed: u64,
        bound in prop::collection::vec(any::<u8>(), 0..100),
        plaintext in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let key = Key::new(&secret);
        let sealed = key.seal(&mut Dice::new(seed), &bound, &plaintext);
        prop_assert_eq!(key.open(&bound, &sealed).map(|opened| opened.to_vec()), Some(plaintext));
    }

    #[test]
    fn nothing_foreign_opens(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert!(Key::new(&[1; 32]).open(b"", &bytes).is_none());
    }
}
