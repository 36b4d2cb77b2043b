//! The stored form of a record, whole, cut and damaged.

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};
use syncline_protocol::dialects::maps::{Hlc, Kind, Record, Stored, StoredRef};

use crate::any::record;

/// What is read from any bytes is written as these bytes: there is no second form of anything.
fn is_none_or_exact(bytes: &[u8]) -> Result<(), TestCaseError> {
    let read = StoredRef::decode(bytes);
    if let Some(stored) = &read {
        prop_assert_eq!(&stored.encode(), bytes);
    }
    let owned = Stored::decode(Bytes::copy_from_slice(bytes));
    prop_assert_eq!(owned.is_some(), read.is_some());
    if let (Some(owned), Some(read)) = (owned, read) {
        prop_assert_eq!(owned.seq, read.seq);
        prop_assert_eq!(owned.record.as_ref(), read.record);
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_record_reads_back_and_none_of_its_parts_does(record in record(), seq: u64) {
        let stored = Stored { seq, record };
        let bytes = Bytes::from(stored.encode());
        prop_assert_eq!(Stored::decode(bytes.clone()), Some(stored));
        for cut in 0..bytes.len() {
            prop_assert_eq!(StoredRef::decode(&bytes[..cut]), None);
        }
        let longer = [&bytes[..], &[0]].concat();
        prop_assert_eq!(StoredRef::decode(&longer), None);
    }

    #[test]
    fn a_damaged_record_does_no_harm(record in record(), seq: u64, at: prop::sample::Index, bit in 0..8_u8) {
        let mut bytes = Stored { seq, record }.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        is_none_or_exact(&bytes)?;
    }

    #[test]
    fn any_bytes_do_no_harm(mut bytes in vec(any::<u8>(), 0..60), small in vec(0..4_u8, 0..60)) {
        is_none_or_exact(&bytes)?;
        is_none_or_exact(&small)?;
        if let [form, kind, ..] = &mut bytes[..] {
            (*form, *kind) = (1, *kind & 1);
        }
        is_none_or_exact(&bytes)?;
    }
}

/// On disk: whoever changes a byte of it needs another first byte.
#[test]
fn the_bytes_themselves() {
    let record = Record {
        key: "k\u{e9}".into(),
        kind: Kind::Put,
        hlc: Hlc::parse("300:2:n-1").unwrap(),
        ttl_ms: 1,
        value: Bytes::from_static(b"value"),
    };
    let stored = Stored { seq: 129, record: record.clone() };
    let head = [1, 0, 0x81, 0x01, 0xac, 0x02, 2, 1, 3];
    let bytes = [&head[..], b"n-1", &[3], "k\u{e9}".as_bytes(), &[5], b"value"].concat();
    assert_eq!(stored.encode(), bytes);
    let tombstone = Record { kind: Kind::Remove, value: Bytes::new(), ttl_ms: 0, ..record };
    let head = [1, 1, 0, 0xac, 0x02, 2, 0, 3];
    let bytes = [&head[..], b"n-1", &[3], "k\u{e9}".as_bytes(), &[0]].concat();
    assert_eq!(Stored { seq: 0, record: tombstone }.encode(), bytes);
}

#[test]
fn what_no_record_can_be_is_none() {
    let sound = [1, 0, 0, 5, 0, 0, 1, b'n', 1, b'k', 1, b'v'];
    assert!(StoredRef::decode(&sound).is_some());
    let with = |at: usize, byte| {
        let mut bytes = sound;
        bytes[at] = byte;
        StoredRef::decode(&bytes).is_some()
    };
    assert!(!with(0, 2), "another form");
    assert!(!with(1, 2), "no kind");
    assert!(!with(1, 1), "a removal with a value");
    assert!(!with(7, b'!'), "no node");
    assert!(!with(9, 0xff), "no UTF-8");
    assert!(StoredRef::decode(&[1, 0, 0, 5, 0, 0, 0, 1, b'k', 0]).is_none(), "an empty node");
    assert!(StoredRef::decode(&[1, 0, 0, 5, 0, 0, 1, b'n', 0, 0]).is_none(), "an empty key");
}

#[test]
fn the_value_is_a_slice_of_the_bytes() {
    let bytes = Bytes::from_static(&[1, 0, 0, 5, 0, 0, 1, b'n', 1, b'k', 1, b'v']);
    let stored = Stored::decode(bytes.clone()).unwrap();
    assert_eq!(stored.record.value.as_ptr(), bytes[11..].as_ptr());
}
