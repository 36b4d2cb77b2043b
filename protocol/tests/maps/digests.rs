//! Paths and prefixes against their digits, and sums against long addition.

use proptest::{collection::vec, prelude::*};
use sha2::{Digest as _, Sha256};
use syncline_protocol::dialects::maps::{
    Hlc, Kind, Leaf, Path, Prefix, Record, Sum, Totals, fingerprint, hash_of,
};

use crate::any::record;

fn digits(path: Path) -> String {
    format!("{:032x}", path.0)
}

/// The formula, once more, byte for byte.
fn plain_hash(record: &Record) -> Leaf {
    let Record { key, kind, hlc, ttl_ms, value } = record;
    let mut bytes = vec![0];
    bytes.extend((key.len() as u32).to_le_bytes());
    bytes.extend(key.as_bytes());
    bytes.push(if *kind == Kind::Remove { 1 } else { 0 });
    bytes.extend(hlc.millis.to_le_bytes());
    bytes.extend(hlc.counter.to_le_bytes());
    bytes.extend((hlc.node.as_str().len() as u16).to_le_bytes());
    bytes.extend(hlc.node.as_str().bytes());
    bytes.extend(ttl_ms.to_le_bytes());
    bytes.extend((value.len() as u32).to_le_bytes());
    bytes.extend(value);
    Leaf(Sha256::digest(bytes).into())
}

/// Addition as at school, modulo 2^256.
fn plain_sum(leaves: &[Leaf]) -> [u8; 32] {
    let mut sum = [0; 32];
    for leaf in leaves {
        let mut carry = 0;
        for (byte, more) in sum.iter_mut().zip(leaf.0) {
            carry += u16::from(*byte) + u16::from(more);
            *byte = carry as u8;
            carry >>= 8;
        }
    }
    sum
}

fn leaf() -> impl Strategy<Value = Leaf> {
    prop_oneof![any::<[u8; 32]>(), Just([0xff; 32]), Just([0; 32])].prop_map(Leaf)
}

proptest! {
    #[test]
    fn a_prefix_is_the_first_digits(key: u128, other: u128, count in 0..=32_u8, digit in 0..16_u8) {
        let (path, other) = (Path(key), Path(other));
        let prefix = Prefix::new(path, count);
        let text = &digits(path)[..count.into()];
        prop_assert_eq!(prefix.to_string(), text);
        prop_assert_eq!(Prefix::parse(text), Some(prefix));
        prop_assert_eq!(prefix.digits(), count);
        prop_assert!(prefix.contains(path) && prefix.contains(prefix.first()));
        prop_assert!(prefix.contains(prefix.last()));
        prop_assert_eq!(prefix.contains(other), digits(other).starts_with(text));
        prop_assert_eq!(prefix.contains(other), (prefix.first()..=prefix.last()).contains(&other));
        let child = if count == 32 { text.to_owned() } else { format!("{text}{digit:x}") };
        prop_assert_eq!(prefix.child(digit).to_string(), child);
        prop_assert_eq!(Path::from_key(&path.to_key()), Some(path));
    }

    #[test]
    fn prefixes_are_ordered_as_their_digits(a: u128, b: u128, m in 0..=3_u8, n in 0..=3_u8) {
        let (a, b) = (Prefix::new(Path(a), m), Prefix::new(Path(b), n));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn other_texts_are_no_prefix(text in "[0-9a-gA-F]{0,34}|\\PC{0,4}") {
        let is_one = text.len() <= 32 && text.bytes().all(|b| b"0123456789abcdef".contains(&b));
        prop_assert_eq!(Prefix::parse(&text).is_some(), is_one);
    }

    #[test]
    fn a_path_and_a_hash_are_those_of_the_formula(record in record()) {
        let hash = Sha256::digest([&[2], record.key.as_bytes()].concat());
        prop_assert_eq!(&Path::of(&record.key).to_key()[..], &hash[..16]);
        prop_assert_eq!(hash_of(&record), plain_hash(&record));
        prop_assert_eq!(&hash_of(&record).short()[..], &plain_hash(&record).0[..8]);
    }

    #[test]
    fn sums_are_those_of_long_addition(leaves in vec(leaf(), 0..20), parts: prop::sample::Index) {
        let mut totals = Totals::default();
        leaves.iter().for_each(|leaf| totals.insert(leaf));
        prop_assert_eq!(totals.sum.to_bytes(), plain_sum(&leaves));
        prop_assert_eq!(totals.count, leaves.len() as u64);
        // In two parts, and one of them taken out again.
        let (some, others) = leaves.split_at(parts.index(leaves.len() + 1));
        let (mut left, mut right) = (Totals::default(), Totals::default());
        some.iter().for_each(|leaf| left.insert(leaf));
        others.iter().rev().for_each(|leaf| right.insert(leaf));
        let mut both = left;
        both.add(&right);
        prop_assert_eq!(both, totals);
        both.sub(&left);
        prop_assert_eq!(both, right);
        others.iter().for_each(|leaf| both.remove(leaf));
        prop_assert_eq!(both, Totals::default());
    }

    #[test]
    fn a_fingerprint_is_that_of_the_formula(leaf in leaf(), count: u64, shift in 0..64_u32) {
        let count = count >> shift;
        let totals = Totals { sum: Sum::from(&leaf), count };
        // Base 128, the high digits first; all but the last with their high bit.
        let mut varint = vec![(count & 0x7f) as u8];
        let mut rest = count >> 7;
        while rest > 0 {
            varint.insert(0, (rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        let hash = Sha256::digest([&leaf.0, &varint[..]].concat());
        prop_assert_eq!(&fingerprint(&totals)[..], &hash[..16]);
    }
}

#[test]
fn everything_a_record_says_is_in_its_hash() {
    let record = Record {
        key: "key".into(),
        kind: Kind::Put,
        hlc: Hlc::parse("7:1:node").unwrap(),
        ttl_ms: 5,
        value: "value".into(),
    };
    let hlc = |text| Hlc::parse(text).unwrap();
    let others = [
        Record { key: "kez".into(), ..record.clone() },
        Record { kind: Kind::Remove, ..record.clone() },
        Record { hlc: hlc("8:1:node"), ..record.clone() },
        Record { hlc: hlc("7:2:node"), ..record.clone() },
        Record { hlc: hlc("7:1:nodf"), ..record.clone() },
        Record { ttl_ms: 6, ..record.clone() },
        Record { value: "valuf".into(), ..record.clone() },
        // The parts cannot be moved over their ends.
        Record { key: "keyv".into(), value: "alue".into(), ..record.clone() },
    ];
    let hashes: Vec<Leaf> = others.iter().map(hash_of).chain([hash_of(&record)]).collect();
    for (at, hash) in hashes.iter().enumerate() {
        assert!(!hashes[..at].contains(hash), "{at}");
    }
}

#[test]
fn bytes_that_are_no_path() {
    assert_eq!(Path::from_key(&[0; 15]), None);
    assert_eq!(Path::from_key(&[0; 17]), None);
}
