//! How what a client keeps is written in its store: the one place that knows.
//! Knows bytes; nothing of collections.

use bytes::{Buf, Bytes};
use serde::{Deserialize, Serialize};

use crate::kept::StateError;

use super::{
    machine::{Cause, Dataset, Entry, Reset},
    op,
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DatasetForm {
    generation: String,
    cursor: u64,
    own_from: u64,
}

#[derive(Serialize, Deserialize)]
struct ResetForm {
    generation: String,
    outbox: u64,
    inbox: u64,
}

/// Two clocks, 8 bytes each, little-endian: the last one issued or seen, and the last one issued.
pub(super) fn clocks(clock: u64, issued: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&clock.to_le_bytes());
    bytes[8..].copy_from_slice(&issued.to_le_bytes());
    bytes
}

pub(super) fn read_clocks(bytes: &[u8]) -> Result<(u64, u64), StateError> {
    let (clock, issued) = bytes.split_at_checked(8).ok_or_else(StateError::foreign)?;
    let read = |part: &[u8]| part.try_into().map(u64::from_le_bytes);
    Ok((
        read(clock).map_err(|_| StateError::foreign())?,
        read(issued).map_err(|_| StateError::foreign())?,
    ))
}

pub(super) fn dataset(dataset: &Dataset) -> Vec<u8> {
    let Dataset { generation, cursor, own_from } = dataset.clone();
    json(&DatasetForm { generation, cursor, own_from })
}

pub(super) fn read_dataset(bytes: &[u8]) -> Result<Dataset, StateError> {
    let form = serde_json::from_slice(bytes).map_err(|_| StateError::foreign())?;
    let DatasetForm { generation, cursor, own_from } = form;
    Ok(Dataset { generation, cursor, own_from })
}

pub(super) fn reset(reset: &Reset) -> Vec<u8> {
    let Reset { generation, outbox, inbox } = reset.clone();
    json(&ResetForm { generation, outbox, inbox })
}

pub(super) fn read_reset(bytes: &[u8]) -> Result<Reset, StateError> {
    let form = serde_json::from_slice(bytes).map_err(|_| StateError::foreign())?;
    let ResetForm { generation, outbox, inbox } = form;
    Ok(Reset { generation, outbox, inbox })
}

fn json(form: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(form).expect("strings and numbers have a JSON")
}

/// A record of the inbox: a letter, then what it says.
pub(super) fn entry(entry: &Entry) -> Vec<u8> {
    match entry {
        Entry::Op(json) => [b"o", &json[..]].concat(),
        Entry::Dropped(json) => [b"x", &json[..]].concat(),
        Entry::Refused { status, json } => [b"r", &status.to_le_bytes()[..], json].concat(),
        Entry::ResetRefused { status } => [b"n", &status.to_le_bytes()[..]].concat(),
        Entry::Dataset { generation, cause, snapshot } => {
            let cause = match cause {
                Cause::First => b'f',
                Cause::Replaced => b'r',
                Cause::Rewound => b'w',
            };
            let length = (generation.len() as u64).to_le_bytes();
            [&[b'd', cause], &length[..], generation.as_bytes(), snapshot.as_bytes()].concat()
        }
    }
}

pub(super) fn read_entry(mut bytes: Bytes) -> Result<Entry, StateError> {
    let foreign = |_| StateError::foreign();
    Ok(match bytes.try_get_u8().map_err(|_| StateError::foreign())? {
        b'o' => Entry::Op(bytes),
        b'x' => Entry::Dropped(bytes),
        b'r' => Entry::Refused { status: bytes.try_get_u16_le().map_err(foreign)?, json: bytes },
        b'n' => Entry::ResetRefused { status: bytes.try_get_u16_le().map_err(foreign)? },
        b'd' => read_dataset_entry(bytes)?,
        _ => return Err(StateError::foreign()),
    })
}

fn read_dataset_entry(mut bytes: Bytes) -> Result<Entry, StateError> {
    let cause = match bytes.try_get_u8().map_err(|_| StateError::foreign())? {
        b'f' => Cause::First,
        b'r' => Cause::Replaced,
        b'w' => Cause::Rewound,
        _ => return Err(StateError::foreign()),
    };
    let length = bytes.try_get_u64_le().map_err(|_| StateError::foreign())?;
    let length = usize::try_from(length).map_err(|_| StateError::foreign())?;
    let (generation, snapshot) = bytes.split_at_checked(length).ok_or_else(StateError::foreign)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| StateError::foreign());
    Ok(Entry::Dataset { generation: text(generation)?, cause, snapshot: text(snapshot)? })
}

/// An operation that we have read or written before.
pub(super) fn read_op(json: &[u8]) -> Result<op::Op, StateError> {
    op::decode(json).map_err(|_| StateError::foreign())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_its_golden_bytes_and_read_back() {
        let json = Bytes::from("{}");
        let (generation, snapshot) = ("g".to_owned(), "S\0".to_owned());
        let begins = Entry::Dataset { generation, cause: Cause::Replaced, snapshot };
        let forms: [(Entry, &[u8]); 5] = [
            (Entry::Op(json.clone()), b"o{}"),
            (Entry::Dropped(json.clone()), b"x{}"),
            (Entry::Refused { status: 400, json }, b"r\x90\x01{}"),
            (Entry::ResetRefused { status: 413 }, b"n\x9d\x01"),
            (begins, b"dr\x01\0\0\0\0\0\0\0gS\0"),
        ];
        for (form, bytes) in forms {
            assert_eq!(entry(&form), bytes);
            assert_eq!(read_entry(Bytes::from_static(bytes)).unwrap(), form);
        }
        let ours = Dataset { generation: "g".into(), cursor: 7, own_from: 3 };
        assert_eq!(dataset(&ours), br#"{"generation":"g","cursor":7,"ownFrom":3}"#);
        assert_eq!(read_dataset(&dataset(&ours)).unwrap(), ours);
        let ours = Reset { generation: "g".into(), outbox: 7, inbox: 3 };
        assert_eq!(reset(&ours), br#"{"generation":"g","outbox":7,"inbox":3}"#);
        assert_eq!(read_reset(&reset(&ours)).unwrap(), ours);
        assert_eq!(clocks(258, 1), *b"\x02\x01\0\0\0\0\0\0\x01\0\0\0\0\0\0\0");
        assert_eq!(read_clocks(&clocks(9, 7)).unwrap(), (9, 7));
    }

    #[test]
    fn what_a_newer_client_wrote_is_refused() {
        for bytes in [&b""[..], b"?", b"r\0", b"d", b"dr\xff\0\0\0\0\0\0\0g", b"d?\0\0\0\0\0\0\0\0"]
        {
            assert!(read_entry(bytes.into()).is_err(), "{bytes:?}");
        }
        assert!(read_clocks(&[0; 15]).is_err() && read_clocks(&[0; 17]).is_err());
        assert!(read_dataset(b"{}").is_err() && read_reset(b"1").is_err());
    }
}
