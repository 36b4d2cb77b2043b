//! The table of a segment: what the indexes need to know of its frames, without their payloads.
//!
//! Scanning a segment and reading its footer both end in a table. Knows frames and varints; nothing
//! of files or indexes.

use super::{
    check::KeyHash,
    frame::{Frame, Kind, padded},
    header::HEADER_BYTES,
    mark::MARK_BYTES,
    u64_at, varint,
};

const KIND_MASK: u8 = 0x0f;
/// In place of a kind: a varint of how many more appends like the last follow.
const REPEAT: u8 = 0x0f;
/// The collection is that of the entry before, and is left out.
const SAME_COLLECTION: u8 = 0x10;
/// The length is that of the entry before, and is left out.
const SAME_LENGTH: u8 = 0x20;
/// The sequence number is one more than that of the entry before, and is left out.
const NEXT_SEQ: u8 = 0x40;
/// Every bit that an entry's first byte may have.
const KNOWN: u8 = KIND_MASK | SAME_COLLECTION | SAME_LENGTH | NEXT_SEQ;

/// What an entry is relative to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Last {
    collection: u32,
    length: u32,
    seq: u64,
}

/// Builds a table frame by frame, in the order of the segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableBuilder {
    /// Bytes of frames before the first it tells of.
    skipped: u32,
    bytes: Vec<u8>,
    items: u64,
    last: Last,
    last_kind: Option<Kind>,
    /// Appends like the last one that are counted but not written.
    repeats: u64,
}

impl TableBuilder {
    /// A table that tells nothing of the first `bytes` of frames.
    pub(crate) fn skipping(bytes: u32) -> Self {
        Self { skipped: bytes, ..Self::default() }
    }

    pub(crate) fn push(&mut self, frame: &Frame<'_>, hash: KeyHash) {
        self.items += 1;
        let is_append = frame.kind == Kind::Append;
        let seq = if matches!(frame.kind, Kind::Append | Kind::Trim) { frame.seq() } else { 0 };
        let next = Last { collection: frame.collection, length: frame.length as u32, seq };
        let like_last = Last { seq: self.last.seq.wrapping_add(1), ..self.last };
        if is_append && self.last_kind == Some(Kind::Append) && next == like_last {
            self.repeats += 1;
            self.last = next;
            return;
        }
        self.settle();
        self.entry(frame, hash, next, is_append && next.seq == like_last.seq);
        self.last = next;
        self.last_kind = Some(frame.kind);
    }

    fn entry(&mut self, frame: &Frame<'_>, hash: KeyHash, next: Last, next_seq: bool) {
        let mut first = frame.kind as u8;
        let tag_at = self.bytes.len();
        self.bytes.push(0);
        if matches!(frame.kind, Kind::Flush | Kind::Close) {
            self.bytes[tag_at] = first;
            return;
        }
        if next.collection == self.last.collection {
            first |= SAME_COLLECTION;
        } else {
            varint::put(&mut self.bytes, next.collection.into());
        }
        if next.length == self.last.length {
            first |= SAME_LENGTH;
        } else {
            varint::put(&mut self.bytes, next.length.into());
        }
        match frame.kind {
            Kind::Append if next_seq => first |= NEXT_SEQ,
            Kind::Append | Kind::Trim => varint::put(&mut self.bytes, next.seq),
            Kind::Put | Kind::Remove => {
                self.bytes.extend_from_slice(&hash.hash(frame.key()).to_le_bytes());
            }
            Kind::Create => self.bytes.extend_from_slice(frame.fields()),
            _ => {}
        }
        self.bytes[tag_at] = first;
    }

    /// Remembers the table as it is now.
    pub(crate) fn save(&self) -> Saved {
        Saved {
            bytes: self.bytes.len(),
            items: self.items,
            last: self.last,
            last_kind: self.last_kind,
            repeats: self.repeats,
        }
    }

    /// Takes back what was pushed since `saved`.
    pub(crate) fn restore(&mut self, saved: &Saved) {
        self.bytes.truncate(saved.bytes);
        self.items = saved.items;
        self.last = saved.last;
        self.last_kind = saved.last_kind;
        self.repeats = saved.repeats;
    }

    fn settle(&mut self) {
        if self.repeats > 0 {
            self.bytes.push(REPEAT);
            varint::put(&mut self.bytes, self.repeats);
            self.repeats = 0;
        }
    }

    /// The table as it stands; more may be pushed later.
    pub(crate) fn finish(&mut self) -> Table {
        self.settle();
        // A repeat may not follow a repeat: the next append writes an entry of its own.
        self.last_kind = None;
        Table { bytes: self.bytes.clone(), items: self.items, skipped: self.skipped }
    }
}

/// A table as it once was, to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saved {
    bytes: usize,
    items: u64,
    last: Last,
    last_kind: Option<Kind>,
    repeats: u64,
}

/// A finished table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) bytes: Vec<u8>,
    /// Frames it tells of.
    pub(crate) items: u64,
    /// Bytes of frames before the first of them; 0 in a footer.
    pub(crate) skipped: u32,
}

/// One frame as its table tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    pub(crate) kind: Kind,
    pub(crate) collection: u32,
    /// Where the frame begins, in bytes from the start of the segment.
    pub(crate) offset: u32,
    /// Its length without padding, in bytes.
    pub(crate) length: u32,
    /// The sequence number of an append or a trim, else 0.
    pub(crate) seq: u64,
    /// The key's hash of a put or remove, else 0.
    pub(crate) hash: u64,
    /// A create's fields, else empty.
    pub(crate) fields: &'a [u8],
}

/// Walks a table. Ends at its end, or with an error where it does not hold together.
#[derive(Debug)]
pub(crate) struct Items<'a> {
    rest: &'a [u8],
    offset: u64,
    last: Last,
    last_kind: Option<Kind>,
    repeats: u64,
}

/// The table does not hold together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadTable;

impl Table {
    pub(crate) fn items(&self) -> Items<'_> {
        Items {
            rest: &self.bytes,
            offset: HEADER_BYTES as u64 + u64::from(self.skipped),
            last: Last::default(),
            last_kind: None,
            repeats: 0,
        }
    }
}

impl<'a> Items<'a> {
    fn entry(&mut self) -> Option<Item<'a>> {
        if self.repeats > 0 {
            self.repeats -= 1;
            self.last.seq += 1;
            return self.item(Kind::Append, self.last.length, self.last.seq, 0, &[]);
        }
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        if first & KIND_MASK == REPEAT {
            let likes = varint::take(&mut self.rest)?;
            self.repeats = likes.checked_sub(1)?;
            self.last.seq = self.last.seq.checked_add(likes)? - self.repeats;
            let sound = first == REPEAT && self.last_kind == Some(Kind::Append);
            return if sound {
                self.item(Kind::Append, self.last.length, self.last.seq, 0, &[])
            } else {
                None
            };
        }
        let kind = Kind::from_byte(first & KIND_MASK).filter(|_| first & !KNOWN == 0)?;
        if matches!(kind, Kind::Piece | Kind::SnapshotEnd) {
            return None;
        }
        self.last_kind = Some(kind);
        if matches!(kind, Kind::Flush | Kind::Close) {
            self.last = Last { collection: 0, length: MARK_BYTES as u32, seq: 0 };
            return self.item(kind, MARK_BYTES as u32, 0, 0, &[]);
        }
        if first & SAME_COLLECTION == 0 {
            self.last.collection = varint::take(&mut self.rest)?.try_into().ok()?;
        }
        if first & SAME_LENGTH == 0 {
            self.last.length = varint::take(&mut self.rest)?.try_into().ok()?;
        }
        self.tail(kind, first)
    }

    fn tail(&mut self, kind: Kind, first: u8) -> Option<Item<'a>> {
        let (mut hash, mut fields) = (0, &[][..]);
        self.last.seq = match kind {
            Kind::Append if first & NEXT_SEQ != 0 => self.last.seq.checked_add(1)?,
            Kind::Append | Kind::Trim => varint::take(&mut self.rest)?,
            _ => 0,
        };
        match kind {
            Kind::Put | Kind::Remove => hash = u64_at(self.bytes(8)?, 0),
            Kind::Create => {
                fields =
                    self.bytes((self.last.length as usize).checked_sub(super::frame::HEAD_BYTES)?)?;
            }
            _ => {}
        }
        self.item(kind, self.last.length, self.last.seq, hash, fields)
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn item(
        &mut self,
        kind: Kind,
        length: u32,
        seq: u64,
        hash: u64,
        fields: &'a [u8],
    ) -> Option<Item<'a>> {
        let offset = u32::try_from(self.offset).ok()?;
        self.offset += padded(length as usize) as u64;
        Some(Item { kind, collection: self.last.collection, offset, length, seq, hash, fields })
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, BadTable>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.repeats == 0 && self.rest.is_empty() {
            return None;
        }
        let entry = self.entry();
        if entry.is_none() {
            (self.rest, self.repeats) = (&[], 0);
        }
        Some(entry.ok_or(BadTable))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::{check::Salt, frame, mark};

    /// Kind, collection, key, payload, seq.
    type Made = (u8, u32, Vec<u8>, Vec<u8>, u64);

    fn segment(made: &[Made]) -> Vec<u8> {
        let salt = Salt::new(1, 1);
        let mut out = vec![0; HEADER_BYTES];
        for (kind, collection, key, payload, seq) in made {
            let at = out.len();
            let here = at as u32;
            let key_bytes = key.len() as u16;
            match kind % 7 {
                0 => frame::encode(&mut out, Kind::Create, *collection, key_bytes, &[&[1], key]),
                1 => frame::encode(&mut out, Kind::Drop, *collection, 0, &[]),
                2 => frame::encode(&mut out, Kind::Trim, *collection, 0, &[&seq.to_le_bytes()]),
                3 => frame::encode(&mut out, Kind::Put, *collection, key_bytes, &[key, payload]),
                4 => frame::encode(&mut out, Kind::Remove, *collection, key_bytes, &[key]),
                5 => out.extend(mark::encode(Kind::Flush, salt, here, *seq)),
                _ => frame::encode(&mut out, Kind::Append, *collection, 0, &[payload]),
            }
            if kind % 7 != 5 {
                let seq = if kind % 7 == 6 { *seq } else { 0 };
                frame::place(&mut out[at..], salt, here, seq);
            }
        }
        out
    }

    fn check(made: &[Made]) {
        let (bytes, salt, hash) = (segment(made), Salt::new(1, 1), KeyHash::new(5));
        let mut builder = TableBuilder::default();
        let (mut at, mut expected) = (HEADER_BYTES, Vec::new());
        while at < bytes.len() {
            let frame = Frame::check(&bytes[at..], salt, at as u32).unwrap();
            builder.push(&frame, hash);
            let has_seq = matches!(frame.kind, Kind::Append | Kind::Trim);
            let has_key = matches!(frame.kind, Kind::Put | Kind::Remove);
            expected.push((
                (frame.kind, frame.collection, at as u32, frame.length as u32),
                if has_seq { frame.seq() } else { 0 },
                if has_key { hash.hash(frame.key()) } else { 0 },
                if frame.kind == Kind::Create { frame.fields().to_vec() } else { Vec::new() },
            ));
            at += padded(frame.length);
        }
        let table = builder.finish();
        assert_eq!(table.items as usize, expected.len());
        let items: Vec<_> = table.items().map(Result::unwrap).collect();
        assert_eq!(items.len(), expected.len());
        for (item, (head, seq, key_hash, fields)) in items.iter().zip(expected) {
            assert_eq!((item.kind, item.collection, item.offset, item.length), head);
            assert_eq!((item.seq, item.hash, item.fields), (seq, key_hash, &fields[..]));
        }
    }

    fn made() -> impl Strategy<Value = Made> {
        let bytes = |from, to| prop::collection::vec(any::<u8>(), from..to);
        (0u8..10, 0u32..3, bytes(1, 4), bytes(0, 12), prop_oneof![0u64..4, any::<u64>()])
    }

    proptest! {
        #[test]
        fn a_table_tells_what_the_segment_holds(made in prop::collection::vec(made(), 0..60)) {
            check(&made);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let table = Table { bytes, ..Table::default() };
            // A repeat of many is as long as it says: look at its beginning only.
            prop_assert!(table.items().take(1000).count() <= 1000);
        }
    }

    #[test]
    fn a_run_of_appends_is_one_repeat() {
        let made: Vec<Made> = (1..=1000).map(|seq| (6, 4, vec![], vec![7; 10], seq)).collect();
        check(&made);
        let bytes = segment(&made);
        let mut builder = TableBuilder::default();
        let mut at = HEADER_BYTES;
        while at < bytes.len() {
            let frame = Frame::check(&bytes[at..], Salt::new(1, 1), at as u32).unwrap();
            builder.push(&frame, KeyHash::new(5));
            at += padded(frame.length);
        }
        assert!(builder.finish().bytes.len() < 10);
    }
}
