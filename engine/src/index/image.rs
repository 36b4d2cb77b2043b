//! The indexes' words as a snapshot keeps them: taken out page by page, and put back.
//!
//! Knows words; nothing of files, or of how an image is encoded.

use super::{
    log::LogIndex,
    map::{CHILDREN, MapIndex},
    table::{Table, pack, print_of},
    words::{Large, Run, Words},
};
use crate::{
    format::header::HEADER_BYTES,
    location::Location,
    sync::{Arc, RwLock, atomic::Ordering},
};

/// The segment that a word points into.
pub(crate) fn slot_of(word: u64) -> u16 {
    Location::unpack(word).slot
}

/// Whether a word points behind the header of a segment.
fn is_place(word: u64) -> bool {
    Location::unpack(word).offset as usize >= HEADER_BYTES
}

impl LogIndex {
    /// Puts the words of the records from `seq` to before `end` into `out`, at most `count_max` of
    /// them. Returns the first and the last sequence number they are about, the last one excluded;
    /// the first is above `seq` when what was before it has been trimmed.
    pub(crate) fn page(
        &self,
        seq: u64,
        end: u64,
        count_max: usize,
        out: &mut Vec<u64>,
    ) -> (u64, u64) {
        out.clear();
        let (mut from, mut to) = (end, end);
        self.words.walk(seq, self.base, self.next, |run, base| {
            if base >= end || out.len() == count_max {
                return false;
            }
            // A run that has grown since is cut where the image ends.
            let count = run.count().min((end - base) as usize);
            from = from.min(base);
            to = base + count as u64;
            out.push(run.with_count(count).0);
            true
        });
        (from, to)
    }

    /// The index of the records from `first` to before `next`, given its pages: each with the sequence
    /// number of its first record. One that does not go on from the page before it replaces all
    /// before; no records at all are no pages, whatever was copied before they were trimmed. `None`
    /// when they do not fit together.
    pub(crate) fn from_pages<W: Iterator<Item = u64>>(
        first: u64,
        next: u64,
        pages: impl Iterator<Item = (u64, W)>,
    ) -> Option<Self> {
        if first == next {
            return (first > 0).then(|| Self::starting_at(next));
        }
        let (mut base, mut from, mut at) = (first, first, first);
        let (mut large, mut last): (Option<Large>, Vec<u64>) = (None, Vec::new());
        for (seq, page) in pages {
            if seq != at || last.is_empty() {
                (base, large) = (seq, None);
            } else {
                large.get_or_insert_default().extend(&last, from);
            }
            last.clear();
            last.extend(page);
            from = seq;
            at = last.iter().try_fold(seq, |at, word| {
                let count = Some(Run(*word).count() as u64);
                let count = count.filter(|count| *count > 0 && is_place(*word))?;
                at.checked_add(count)
            })?;
        }
        let words = match large {
            None => Words::of(&last, base),
            Some(mut large) => {
                large.extend(&last, from);
                Words::Large(Box::new(large))
            }
        };
        let is_sound = at == next && first >= base && first <= next && first > 0;
        is_sound.then_some(Self { base, first, next, words })
    }
}

impl MapIndex {
    /// In how many tables it is: one, until it is split for good.
    pub(crate) fn tables(&self) -> usize {
        self.split.get().map_or(1, |_| CHILDREN)
    }

    /// About `count_max` words of table `nth` with prints from `from` on, in order, and the print to go
    /// on from. `None` when it is not in that many tables any more.
    pub(crate) fn words(
        &self,
        tables: usize,
        nth: usize,
        from: u32,
        count_max: usize,
    ) -> Option<(Vec<u64>, Option<u32>)> {
        let (page, next) = if tables == 1 {
            let root = self.root.read();
            if self.split.get().is_some() {
                return None;
            }
            root.page(from, count_max)
        } else {
            let table = Arc::clone(&self.split.get()?[0].read()[nth]);
            table.page(from, count_max)
        };
        let words = page.into_iter().map(|(print, location)| pack(print, location));
        Some((words.collect(), next))
    }

    /// The map of these tables; `None` when there cannot be so many.
    pub(crate) fn from_tables(mut tables: Vec<Table>) -> Option<Self> {
        let index = Self::new();
        match tables.len() {
            1 => {
                let root = RwLock::new(Arc::new(tables.pop()?));
                Some(Self { root, ..index })
            }
            CHILDREN => {
                index.set_children(tables);
                Some(index)
            }
            _ => None,
        }
    }
}

impl Table {
    /// A table of these words; `None` when they are not in the order of their prints.
    pub(crate) fn from_words(words: &[u64]) -> Option<Self> {
        let is_in_order = words.is_sorted_by_key(|word| print_of(*word));
        if !is_in_order || !words.iter().all(|word| is_place(*word)) {
            return None;
        }
        let mut capacity = words.len() + words.len() / 4 + 1;
        // No table that was filled key by key is nearly as sparse: words that fit no sooner were not.
        while capacity <= words.len().saturating_mul(8).saturating_add(1024) {
            let table = Self::with_capacity(capacity);
            if table.put_all(words) {
                return Some(table);
            }
            capacity += capacity / 4 + 1;
        }
        None
    }

    /// Puts the words, which are in order, where they belong; `false` when there is no room.
    fn put_all(&self, words: &[u64]) -> bool {
        let mut free = 0;
        for word in words {
            let at = free.max(self.home(print_of(*word)));
            let Some(place) = self.words.get(at) else { return false };
            place.store(*word, Ordering::Relaxed);
            free = at + 1;
        }
        self.count.store(words.len(), Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(n: u64) -> Location {
        Location { slot: (n % 5) as u16, offset: 64 + n as u32 * 8 }
    }

    fn pages_of(index: &LogIndex, from: u64, end: u64, count: usize) -> Vec<(u64, Vec<u64>)> {
        let (mut at, mut pages) = (from, Vec::new());
        while at < end {
            let mut words = Vec::new();
            let (base, next) = index.page(at, end, count, &mut words);
            pages.push((base, words));
            at = next;
        }
        pages
    }

    fn load(first: u64, next: u64, pages: &[(u64, Vec<u64>)]) -> Option<LogIndex> {
        let pages = pages.iter().map(|(base, words)| (*base, words.iter().copied()));
        LogIndex::from_pages(first, next, pages)
    }

    #[test]
    fn a_log_comes_back_from_its_pages_and_goes_on() {
        let mut index = LogIndex::new();
        for run in 0..400u32 {
            for nth in 0..1 + run % 7 {
                index.push(Location { slot: run as u16, offset: 64 + nth * 16 }, 16, nth > 0);
            }
        }
        index.trim(701);
        let end = index.next() - 3;
        let pages = pages_of(&index, index.first(), end, 50);
        let mut loaded = load(701, end, &pages).unwrap();
        for seq in 700..end + 2 {
            let expected = index.find(seq).filter(|_| seq < end);
            let place = |found: crate::index::log::Stretch| (found.seq, found.location);
            assert_eq!(loaded.find(seq).map(place), expected.map(place), "{seq}");
        }
        loaded.push(place(7), 16, false);
        assert_eq!(loaded.find(end).unwrap().location, place(7));
        assert!(load(701, end + 1, &pages).is_none(), "a record is missing");
        assert!(load(701, end, &pages[..2]).is_none(), "a page is missing");
        assert!(load(1, end, &pages).is_none(), "what was trimmed is not there");
    }

    #[test]
    fn pages_behind_a_gap_replace_those_before() {
        let mut index = LogIndex::new();
        for seq in 1..=1000 {
            index.push(place(seq), 16, false);
        }
        let mut pages = pages_of(&index, 1, 301, 100);
        pages.extend(pages_of(&index, 501, 1001, 100));
        let loaded = load(501, 1001, &pages).unwrap();
        assert_eq!((loaded.first(), loaded.next()), (501, 1001));
        assert_eq!(loaded.find(777).unwrap().location, place(777));
        assert!(load(9, 9, &[]).unwrap().find(9).is_none(), "an empty one");
        pages.truncate(3);
        let emptied = load(1001, 1001, &pages).unwrap();
        assert_eq!((emptied.first(), emptied.next()), (1001, 1001), "trimmed while it was copied");
    }

    #[test]
    fn maps_come_back_in_one_table_and_in_many() {
        let hash = |n: u64| (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let index = MapIndex::new();
        for count in [0, 1000, 3000] {
            for n in index.len() as u64..count {
                index.insert(hash(n), place(n));
            }
            if index.wants_split() {
                assert!(index.words(64, 0, 0, 9).is_none());
                index.split(|at| Ok::<_, ()>(hash(u64::from((at.offset - 64) / 8)))).unwrap();
                assert!(index.words(1, 0, 0, 9).is_none());
            }
            let mut tables = Vec::new();
            for nth in 0..index.tables() {
                let (mut words, mut from) = (Vec::new(), Some(0));
                while let Some(print) = from {
                    let (page, next) = index.words(index.tables(), nth, print, 100).unwrap();
                    words.extend(page);
                    from = next;
                }
                tables.push(Table::from_words(&words).unwrap());
            }
            let loaded = MapIndex::from_tables(tables).unwrap();
            assert_eq!(loaded.len() as u64, count);
            for n in 0..count {
                assert!(loaded.matches(hash(n)).iter().any(|at| at == place(n)), "{n}");
            }
            loaded.insert(hash(count), place(count));
            assert_eq!(loaded.len() as u64, count + 1);
        }
        assert!(MapIndex::from_tables(vec![Table::new(), Table::new()]).is_none());
        assert!(Table::from_words(&[2 << 40 | 8, 1 << 40 | 8]).is_none(), "no order");
        assert!(Table::from_words(&[7]).is_none(), "within a header");
        let same = |count: u64| (8..8 + count).map(|at| 0xff_ffff << 40 | at).collect::<Vec<u64>>();
        assert!(Table::from_words(&same(50)).is_some());
        assert!(Table::from_words(&same(70)).is_none(), "no table ever has room for them");
    }
}
