//! Own keys and public keys: what is shown of them, how people compare them, how they are changed.

use syncline_protocol::dialects::peer::keys::{
    PublicKeys, RoomKeys, VerifyingKey, is_rotation_proven, prove_rotation,
};

use super::samples::{ROOM, hex, keys, peer};
use crate::dice::Dice;

#[test]
fn new_keys_are_independent_and_come_back_from_their_bytes() {
    let mut dice = Dice::new(1);
    let (one, other) = (RoomKeys::generate(&mut dice), RoomKeys::generate(&mut dice));
    assert_ne!(one.public(), other.public());
    assert_ne!(one.to_bytes()[..32], one.to_bytes()[32..]);
    let back = RoomKeys::from_bytes(&*one.to_bytes()).unwrap();
    assert_eq!(back.public(), one.public());
    assert_eq!(back.sign(b"x"), one.sign(b"x"));
    for bytes in [0, 63, 65] {
        assert!(RoomKeys::from_bytes(&vec![1; bytes]).is_none());
    }
}

#[test]
fn no_secret_is_shown() {
    let keys = RoomKeys::generate(&mut Dice::new(2));
    let shown = format!("{keys:?} {keys:#?}").replace([' ', '\n', ','], "");
    let seeds = keys.to_bytes();
    for seed in seeds.chunks(32) {
        assert!(!shown.contains(&hex(seed)));
        let numbers: String = seed.iter().take(8).map(u8::to_string).collect();
        assert!(!shown.contains(&numbers));
    }
    let shown: String = keys.public().sign.iter().take(8).map(u8::to_string).collect();
    assert!(format!("{keys:?}").replace([' ', ','], "").contains(&shown), "the public part is");
}

#[test]
fn signatures_of_a_key() {
    let own = keys(1);
    let key = VerifyingKey::new(&own.public().sign).unwrap();
    assert!(key.verify(b"message", &own.sign(b"message")));
    assert!(!key.verify(b"messagf", &own.sign(b"message")));
    assert!(!key.verify(b"message", b"no signature"));
}

/// The points of small order of X25519 and what is the same modulo the prime (RFC 7748, section 6.1).
#[test]
fn no_secret_is_made_with_points_of_small_order() {
    let hexes = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for text in hexes {
        let point = data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        let exchange: [u8; 32] = point.try_into().unwrap();
        assert!(!PublicKeys::is_exchange_key(&exchange), "{text}");
        let public = PublicKeys { exchange, ..keys(2).public() };
        assert!(!public.are_usable());
        assert!(
            syncline_protocol::dialects::peer::seal::pairwise_key(ROOM, &keys(1), &public).is_err()
        );
    }
    assert!(keys(2).public().are_usable());
}

#[test]
fn what_people_compare() {
    let (one, other) = (keys(1).public(), keys(2).public());
    let text = one.fingerprint();
    assert_eq!(text.len(), 49);
    assert!(text.split(' ').all(|group| group.len() == 4));
    assert_eq!(text, keys(1).public().fingerprint());
    assert_ne!(text, other.fingerprint());
    let mixed = PublicKeys { exchange: other.exchange, ..one };
    assert_ne!(text, mixed.fingerprint(), "both keys count");

    let qr = one.qr_text();
    assert!(qr.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || ":-".contains(c)));
    assert_eq!(PublicKeys::from_qr_text(&qr), Some(one));
    let shorter = &qr[..qr.len() - 1];
    let weak = PublicKeys { exchange: [0; 32], ..one }.qr_text();
    for text in ["", "SYNCLINE-PEER:2:", "SYNCLINE-PEER:3:AA", shorter, &weak] {
        assert_eq!(PublicKeys::from_qr_text(text), None);
    }
}

#[test]
fn new_keys_are_proved_for_one_name_in_one_room() {
    let (new, alice) = (keys(3), peer("alice"));
    let proof = prove_rotation(ROOM, &alice, &new);
    let public = new.public();
    assert!(is_rotation_proven(ROOM, &alice, &public, &proof));
    assert!(!is_rotation_proven("room-2", &alice, &public, &proof));
    assert!(!is_rotation_proven(ROOM, &peer("alicf"), &public, &proof));
    assert!(!is_rotation_proven(ROOM, &alice, &keys(4).public(), &proof));
    let mixed = PublicKeys { exchange: keys(4).public().exchange, ..public };
    assert!(!is_rotation_proven(ROOM, &alice, &mixed, &proof));
    assert!(!is_rotation_proven(ROOM, &alice, &public, &proof[..63]));
    for at in 0..64 {
        let mut proof = proof;
        proof[at] ^= 1;
        assert!(!is_rotation_proven(ROOM, &alice, &public, &proof));
    }
    let weak = PublicKeys { exchange: [0; 32], ..public };
    let mut message = b"cohrtz/rotate/v2\x06\0\0\0room-1\x05\0\0\0alice".to_vec();
    message.extend_from_slice(&public.to_bytes());
    assert!(is_rotation_proven(ROOM, &alice, &public, &new.sign(&message)), "what is signed");
    message.truncate(message.len() - 32);
    message.extend_from_slice(&[0; 32]);
    assert!(!is_rotation_proven(ROOM, &alice, &weak, &new.sign(&message)), "weak keys");
}
