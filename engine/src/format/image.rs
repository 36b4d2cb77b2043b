//! What a snapshot's image tells: each collection with the packed words of its index.
//!
//! A run of bytes, cut into pieces elsewhere. Knows how it is written and taken apart; nothing of
//! what a word means.

use super::{frame::padded, u16_at, u32_at, u64_at};

/// Length of what a collection begins with, and of what each of its pages begins with, in bytes.
const HEAD_BYTES: usize = 8;
const PAGE_BYTES: usize = 16;
/// Length of what a log ends with, in bytes, behind its last page.
const LOG_END_BYTES: usize = 16;
/// Length of a word, in bytes.
pub(crate) const WORD_BYTES: usize = 8;

/// A log's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogEnd {
    /// Sequence number of the first record kept.
    pub(crate) first: u64,
    /// Sequence number that the next record gets.
    pub(crate) next: u64,
    /// Payload bytes of the records from `first` to before `next`.
    pub(crate) payload_bytes: u64,
}

/// What the pages of a collection are followed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Log(LogEnd),
    /// In how many tables the map is, each by itself in order.
    Map {
        tables: u64,
    },
}

/// Begins a collection: its kind's byte, id and name.
pub(crate) fn put_head(out: &mut Vec<u8>, kind: u8, id: u32, name: &str) {
    out.extend_from_slice(&[kind, 0]);
    // Names are at most 1,024 bytes.
    out.extend_from_slice(&(name.len() as u16).to_le_bytes());
    out.extend_from_slice(&id.to_le_bytes());
    out.extend_from_slice(name.as_bytes());
    out.resize(out.len() + padded(name.len()) - name.len(), 0);
}

/// Adds some words. `tag` is the sequence number of the first one's first record, or the number of the
/// map's table. No words are no page.
pub(crate) fn put_page(out: &mut Vec<u8>, tag: u64, words: &[u64]) {
    if !words.is_empty() {
        put_words(out, tag, words);
    }
}

fn put_words(out: &mut Vec<u8>, tag: u64, words: &[u64]) {
    out.extend_from_slice(&tag.to_le_bytes());
    out.extend_from_slice(&(words.len() as u64).to_le_bytes());
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

/// Ends a collection.
pub(crate) fn put_end(out: &mut Vec<u8>, end: End) {
    match end {
        End::Log(log) => {
            put_words(out, log.next, &[]);
            out.extend_from_slice(&log.first.to_le_bytes());
            out.extend_from_slice(&log.payload_bytes.to_le_bytes());
        }
        End::Map { tables } => put_words(out, tables, &[]),
    }
}

/// The image does not hold together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadImage;

/// One collection of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Imaged<'a> {
    pub(crate) id: u32,
    pub(crate) name: &'a str,
    pub(crate) end: End,
    pages: &'a [u8],
}

impl<'a> Imaged<'a> {
    /// Length of its words, in bytes; a little more.
    pub(crate) fn bytes(&self) -> usize {
        self.pages.len()
    }

    /// Its pages, in order: each one's tag, and the bytes of its words.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (u64, &'a [u8])> {
        let mut rest = self.pages;
        std::iter::from_fn(move || take_page(&mut rest))
    }
}

/// The words of a page's bytes.
pub(crate) fn words(bytes: &[u8]) -> impl ExactSizeIterator<Item = u64> + Clone {
    bytes.chunks_exact(WORD_BYTES).map(|word| u64_at(word, 0))
}

/// Takes a page off the front; `None` when there is none or it is cut short. The last one of a
/// collection has no words.
fn take_page<'a>(rest: &mut &'a [u8]) -> Option<(u64, &'a [u8])> {
    let (head, behind) = rest.split_at_checked(PAGE_BYTES)?;
    let bytes = usize::try_from(u64_at(head, 8)).ok()?.checked_mul(WORD_BYTES)?;
    let (words, behind) = behind.split_at_checked(bytes)?;
    *rest = behind;
    Some((u64_at(head, 0), words))
}

/// Walks an image. Ends at its end, or with an error where it does not hold together.
#[derive(Debug)]
pub(crate) struct Image<'a> {
    rest: &'a [u8],
}

impl<'a> Image<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn collection(&mut self) -> Option<Imaged<'a>> {
        let (head, rest) = self.rest.split_at_checked(HEAD_BYTES)?;
        let name_bytes = usize::from(u16_at(head, 2));
        let (name, mut rest) = rest.split_at_checked(padded(name_bytes))?;
        let (name, fill) = name.split_at(name_bytes);
        let pages = rest;
        let tag = loop {
            let (tag, words) = take_page(&mut rest)?;
            if words.is_empty() {
                break tag;
            }
        };
        let pages = &pages[..pages.len() - rest.len() - PAGE_BYTES];
        let end = match head[0] {
            1 => {
                let (end, behind) = rest.split_at_checked(LOG_END_BYTES)?;
                rest = behind;
                let (first, payload_bytes) = (u64_at(end, 0), u64_at(end, 8));
                End::Log(LogEnd { first, next: tag, payload_bytes })
            }
            2 => End::Map { tables: tag },
            _ => return None,
        };
        self.rest = rest;
        let is_clear = head[1] == 0 && fill.iter().all(|byte| *byte == 0);
        let name = std::str::from_utf8(name).ok().filter(|name| is_clear && !name.is_empty())?;
        Some(Imaged { id: u32_at(head, 4), name, end, pages })
    }
}

impl<'a> Iterator for Image<'a> {
    type Item = Result<Imaged<'a>, BadImage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let taken = self.collection();
        if taken.is_none() {
            self.rest = &[];
        }
        Some(taken.ok_or(BadImage))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image() -> Vec<u8> {
        let mut out = Vec::new();
        put_head(&mut out, 1, 4, "a log");
        put_page(&mut out, 7, &[1, 2, 3]);
        put_page(&mut out, 10, &[4]);
        put_end(&mut out, End::Log(LogEnd { first: 8, next: 11, payload_bytes: 90 }));
        put_head(&mut out, 2, 5, "a map 16 bytes..");
        put_page(&mut out, 0, &[]);
        put_page(&mut out, 3, &[u64::MAX]);
        put_end(&mut out, End::Map { tables: 64 });
        out
    }

    #[test]
    fn collections_come_back() {
        let bytes = image();
        let all: Vec<_> = Image::new(&bytes).map(Result::unwrap).collect();
        let pages = |nth: usize| {
            let pages = all[nth].pages().map(|(tag, bytes)| (tag, words(bytes).collect()));
            pages.collect::<Vec<(u64, Vec<u64>)>>()
        };
        assert_eq!((all.len(), all[0].id, all[0].name), (2, 4, "a log"));
        let end = LogEnd { first: 8, next: 11, payload_bytes: 90 };
        assert_eq!(
            (all[0].end, pages(0)),
            (End::Log(end), vec![(7, vec![1, 2, 3]), (10, vec![4])])
        );
        assert_eq!((all[1].id, all[1].name), (5, "a map 16 bytes.."));
        assert_eq!((all[1].end, pages(1)), (End::Map { tables: 64 }, vec![(3, vec![u64::MAX])]));
    }

    #[test]
    fn an_image_cut_anywhere_but_between_collections_is_none() {
        let bytes = image();
        let first = bytes.len() - Image::new(&bytes).nth(1).unwrap().unwrap().bytes();
        let between = first - 8 - 16 - 16;
        for length in 1..bytes.len() {
            let is_whole = Image::new(&bytes[..length]).all(|one| one.is_ok());
            assert_eq!(is_whole, length == between, "cut to {length}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for one in Image::new(&bytes).flatten() {
                prop_assert!(one.pages().count() <= bytes.len());
            }
        }
    }
}
