//! What can be wrong with a store's files, in types and in words.
//!
//! Knows names, offsets and kinds of damage; nothing of how they are found.

use std::{fmt, io::ErrorKind};

use crate::{collection::Kind, ids::Seq};

/// One damaged place of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The file's name in the store's directory.
    pub file: String,
    /// The id of the segment that the file is; `None` for a file that is no segment.
    pub segment: Option<u64>,
    /// Where the damage begins, in bytes from the start of the file. Of a damaged frame, where it
    /// begins.
    pub offset: u64,
    /// How many bytes cannot be trusted.
    pub bytes: u64,
    /// What is wrong.
    pub flaw: Flaw,
    /// What is lost by it and would still be of use; empty when nothing is.
    pub lost: Vec<Lost>,
}

/// What is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// There is no such file, though there is one after it.
    Missing,
    /// The header does not match its checksum. The frames behind it can be read all the same.
    Header,
    /// The header is that of another store: nothing in the file belongs to this one.
    OtherStore {
        /// The id of that store.
        store_id: u64,
    },
    /// The header is that of another segment of the store: the file has a wrong name.
    OtherSegment {
        /// The id in the header.
        id: u64,
    },
    /// The segment does not begin where the one before it ends.
    Base {
        /// The position where the one before ends.
        expected: u64,
        /// The position in the header.
        found: u64,
    },
    /// One frame does not match its checksum.
    Frame,
    /// Bytes that do not match any checksum, up to the next place that is known to begin a frame or
    /// to the end: how many frames there were is not known.
    Frames,
    /// A batch without its last frame, though something later says that it was durable.
    Unfinished,
    /// The file ends before its frames do.
    CutShort,
    /// The footer does not match its checksum.
    Footer,
    /// A frame matches its checksum but is not the one that the footer tells of.
    NotAsTold,
    /// Bytes that have to be zero are not.
    NotZero,
    /// A sound record that does not follow from those before it: records before it are missing, or it
    /// is of a collection that never was.
    Sequence,
    /// A snapshot's header, a piece of it or its end does not match its checksum, or they do not fit
    /// together. An opening takes the snapshot before it, or all of history.
    Snapshot,
    /// A snapshot's index points here, and there is no such record.
    NoRecord {
        /// The snapshot's id.
        snapshot: u64,
    },
    /// The disk does not give these bytes back.
    Unreadable {
        /// The disk's error.
        kind: ErrorKind,
    },
}

/// Something that a damage took.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lost {
    /// Records of a log.
    Records {
        /// The log's name; see [`Lost::nameless`] for one whose name is lost too.
        log: String,
        /// The first sequence number.
        first: Seq,
        /// The last sequence number.
        last: Seq,
    },
    /// A key's value. Which key is not known: it stood in the damaged frame.
    Value {
        /// The map's name.
        map: String,
    },
    /// The name of a collection.
    Name {
        /// What it was.
        kind: Kind,
        /// The name that stands for it, see [`Lost::nameless`].
        stand_in: String,
    },
    /// Perhaps more: what the bytes held is not told anywhere. A key that was changed there shows what
    /// it held before, and what was removed, trimmed or dropped there may be back.
    Unknown,
}

impl Lost {
    /// The name that stands for a collection whose own is lost: `lost/` and its id. With a `+`
    /// behind it for each collection that is really called so.
    #[must_use]
    pub fn nameless(id: u32) -> String {
        format!("lost/{id}")
    }
}

/// An end that is unfinished and not damaged: what was written last and never acknowledged. The next
/// opening cuts it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Torn {
    /// The file's name.
    pub file: String,
    /// The segment's id.
    pub segment: u64,
    /// Where it begins, in bytes from the start of the file.
    pub offset: u64,
    /// How many bytes are in use behind that, later segments included.
    pub bytes: u64,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the file is missing"),
            Self::Header => f.write_str("the header does not match its checksum"),
            Self::OtherStore { store_id } => {
                write!(f, "the file is of another store, {store_id:016x}")
            }
            Self::OtherSegment { id } => write!(f, "the file is segment {id} under a wrong name"),
            Self::Base { expected, found } => {
                write!(
                    f,
                    "the segment begins at position {found}, the one before ends at {expected}"
                )
            }
            Self::Frame => f.write_str("a frame does not match its checksum"),
            Self::Frames => f.write_str("frames do not match their checksums"),
            Self::Unfinished => f.write_str("a batch that was durable has no end"),
            Self::CutShort => f.write_str("the file ends too early"),
            Self::Footer => f.write_str("the footer does not match its checksum"),
            Self::NotAsTold => f.write_str("the frame is not the one that the footer tells of"),
            Self::NotZero => f.write_str("bytes that have to be zero are not"),
            Self::Sequence => f.write_str("the record does not follow from those before it"),
            Self::Snapshot => f.write_str("the snapshot does not match its checksum"),
            Self::NoRecord { snapshot } => {
                write!(f, "snapshot {snapshot} points here, and there is no such record")
            }
            Self::Unreadable { kind } => {
                write!(f, "the disk does not give the bytes back ({kind})")
            }
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records { log, first, last } if first == last => {
                write!(f, "record {first} of log {log:?}")
            }
            Self::Records { log, first, last } => {
                write!(f, "records {first} to {last} of log {log:?}")
            }
            Self::Value { map } => write!(f, "the value of a key of map {map:?}"),
            Self::Name { stand_in, .. } => write!(f, "the name of what is called {stand_in:?} now"),
            Self::Unknown => f.write_str("perhaps more that nothing tells of"),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} ({} bytes): {}", self.file, self.offset, self.bytes, self.flaw)?;
        for (nth, lost) in self.lost.iter().enumerate() {
            write!(f, "{}{lost}", if nth == 0 { "; lost: " } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, bytes, .. } = self;
        write!(
            f,
            "{file} at {offset}: an unfinished end of {bytes} bytes, which the next opening cuts"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damage_says_where_what_and_what_it_took() {
        let records = |first, last| Lost::Records { log: "doc".into(), first, last };
        let damage = Damage {
            file: "0000000000000007.seg".into(),
            segment: Some(7),
            offset: 96,
            bytes: 40,
            flaw: Flaw::Frame,
            lost: vec![records(Seq(3), Seq(3)), records(Seq(5), Seq(6)), Lost::Unknown],
        };
        assert_eq!(
            damage.to_string(),
            "0000000000000007.seg at 96 (40 bytes): a frame does not match its checksum; lost: \
             record 3 of log \"doc\", records 5 to 6 of log \"doc\", perhaps more that nothing tells of"
        );
    }
}
