//! An open-addressing table of packed words, ordered by hash, that readers search without a lock.
//!
//! One writer at a time. Readers look at a version before and after, and try again when it moved.
//! Knows hashes and locations; no key is kept.

use crate::{
    location::{LOCATION_BITS, Location},
    sync::{
        atomic::{AtomicU64, AtomicUsize, Ordering, fence},
        hint,
    },
};

/// Hash bits kept beside a location; they also say where in the table it stands.
const PRINT_BITS: u32 = 64 - LOCATION_BITS;
const CAPACITY_MIN: usize = 8;
/// Words behind the last home, for what is pushed past it.
const SLACK_MAX: usize = 64;

/// The part of a hash that a table keeps: its top 24 bits.
pub(crate) fn print(hash: u64) -> u32 {
    (hash >> LOCATION_BITS) as u32
}

/// A table of words, each a hash print (24 bits) above a location (40 bits); 0 is free.
///
/// Words stand in the order of their prints, at or soon behind `print × capacity / 2²⁴`: any capacity
/// will do, so a table grows by a quarter and not by doubling, and without its keys.
#[derive(Debug)]
pub(crate) struct Table {
    /// Odd while the writer moves words.
    version: AtomicU64,
    pub(super) count: AtomicUsize,
    capacity: usize,
    pub(super) words: Box<[AtomicU64]>,
}

/// What was found under a print: nearly always none or one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matches {
    first: Option<Location>,
    rest: Vec<Location>,
}

impl Matches {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Location> {
        self.first.into_iter().chain(self.rest.iter().copied())
    }

    fn push(&mut self, location: Location) {
        if self.first.is_none() {
            self.first = Some(location);
        } else {
            self.rest.push(location);
        }
    }
}

/// The table has no room where the word belongs: it must grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crowded;

impl Table {
    pub(crate) fn new() -> Self {
        Self::with_capacity(CAPACITY_MIN)
    }

    pub(super) fn with_capacity(capacity: usize) -> Self {
        let slack = (capacity / 8).clamp(CAPACITY_MIN, SLACK_MAX);
        Self {
            version: AtomicU64::new(0),
            count: AtomicUsize::new(0),
            capacity,
            words: (0..capacity + slack).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn home(&self, print: u32) -> usize {
        ((u64::from(print) * self.capacity as u64) >> PRINT_BITS) as usize
    }

    fn word(&self, at: usize) -> u64 {
        self.words.get(at).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// Where the first word of a print is, or would be inserted.
    fn seek(&self, print: u32) -> usize {
        let mut at = self.home(print);
        loop {
            let word = self.word(at);
            if word == 0 || print_of(word) >= print {
                return at;
            }
            at += 1;
        }
    }

    /// Runs `look` until the writer did not move words meanwhile.
    fn steady<T>(&self, mut look: impl FnMut() -> T) -> T {
        loop {
            let before = self.version.load(Ordering::Acquire);
            if before.is_multiple_of(2) {
                let seen = look();
                fence(Ordering::Acquire);
                if self.version.load(Ordering::Relaxed) == before {
                    return seen;
                }
            }
            hint::spin_loop();
        }
    }

    /// The locations under a hash's print.
    pub(crate) fn matches(&self, hash: u64) -> Matches {
        let print = print(hash);
        self.steady(|| {
            let (mut at, mut found) = (self.seek(print), Matches::default());
            loop {
                let word = self.word(at);
                if word == 0 || print_of(word) != print {
                    return found;
                }
                found.push(Location::unpack(word));
                at += 1;
            }
        })
    }

    /// Up to about `count_max` words with prints from `from` on, whole prints only, and the print to
    /// go on from; none after the last.
    pub(crate) fn page(&self, from: u32, count_max: usize) -> (Vec<(u32, Location)>, Option<u32>) {
        self.steady(|| {
            let (mut at, mut page) = (self.seek(from), Vec::new());
            while at < self.words.len() {
                let word = self.word(at);
                at += 1;
                if word == 0 {
                    continue;
                }
                let print = print_of(word);
                let is_new = page.last().is_none_or(|(last, _)| *last != print);
                if is_new && page.len() >= count_max {
                    return (page, Some(print));
                }
                page.push((print, Location::unpack(word)));
            }
            (page, None)
        })
    }

    /// Changes words while readers look again. Writer only.
    fn change<T>(&self, change: impl FnOnce() -> T) -> T {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        let done = change();
        self.version.store(version + 2, Ordering::Release);
        done
    }

    /// Adds a word. Writer only.
    pub(crate) fn insert(&self, hash: u64, location: Location) -> Result<(), Crowded> {
        if self.len() * 20 >= self.capacity * 17 {
            return Err(Crowded);
        }
        let at = self.seek(print(hash));
        let mut free = at;
        while self.word(free) != 0 {
            free += 1;
        }
        if free >= self.words.len() {
            return Err(Crowded);
        }
        let mut word = pack(print(hash), location);
        self.change(|| {
            for slot in &self.words[at..=free] {
                let moved = slot.load(Ordering::Relaxed);
                slot.store(word, Ordering::Relaxed);
                word = moved;
            }
        });
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn find(&self, hash: u64, location: Location) -> Option<usize> {
        let wanted = pack(print(hash), location);
        let mut at = self.seek(print(hash));
        loop {
            let word = self.word(at);
            if word == wanted {
                return Some(at);
            }
            if word == 0 || print_of(word) != print(hash) {
                return None;
            }
            at += 1;
        }
    }

    /// Points an entry to a new location; `false` when there is none at `old`. Writer only.
    pub(crate) fn replace(&self, hash: u64, old: Location, new: Location) -> bool {
        let Some(at) = self.find(hash, old) else { return false };
        // One store: a reader sees the old or the new, no version needed. Whoever sees the new one also
        // sees the segment that it is in, which may have just begun.
        self.words[at].store(pack(print(hash), new), Ordering::Release);
        true
    }

    /// Removes an entry; `false` when there is none. Writer only.
    pub(crate) fn remove(&self, hash: u64, location: Location) -> bool {
        let Some(mut at) = self.find(hash, location) else { return false };
        self.change(|| {
            loop {
                let next = self.word(at + 1);
                if next == 0 || self.home(print_of(next)) > at {
                    break;
                }
                self.words[at].store(next, Ordering::Relaxed);
                at += 1;
            }
            self.words[at].store(0, Ordering::Relaxed);
        });
        self.count.fetch_sub(1, Ordering::Relaxed);
        true
    }

    /// A table a quarter larger with the same words.
    pub(crate) fn grown(&self) -> Self {
        let mut capacity = self.capacity + self.capacity / 4 + CAPACITY_MIN;
        loop {
            let table = Self::with_capacity(capacity);
            if table.fill(self).is_ok() {
                return table;
            }
            capacity += capacity / 4;
        }
    }

    /// Puts the other's words, which are in order, where they belong.
    fn fill(&self, other: &Self) -> Result<(), Crowded> {
        let mut free = 0;
        for word in other.words.iter().map(|word| word.load(Ordering::Relaxed)) {
            if word != 0 {
                let at = free.max(self.home(print_of(word)));
                self.words.get(at).ok_or(Crowded)?.store(word, Ordering::Relaxed);
                free = at + 1;
            }
        }
        self.count.store(other.len(), Ordering::Relaxed);
        Ok(())
    }
}

pub(super) fn pack(print: u32, location: Location) -> u64 {
    u64::from(print) << LOCATION_BITS | location.pack()
}

pub(super) fn print_of(word: u64) -> u32 {
    (word >> LOCATION_BITS) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn place(n: u64) -> Location {
        Location { slot: (n % 7) as u16, offset: 64 + n as u32 * 8 }
    }

    fn insert(table: &mut Table, hash: u64, location: Location) {
        while table.insert(hash, location).is_err() {
            *table = table.grown();
        }
    }

    proptest! {
        #[test]
        fn a_table_is_a_set_of_prints_and_locations(
            steps in prop::collection::vec((0u8..4, 0u64..40, 0u64..4), 0..400),
            spread in prop_oneof![Just(1u64 << 40), Just(0x0123_4567_89ab_cdef_u64)],
        ) {
            let (mut table, mut model) = (Table::new(), BTreeMap::<(u32, u64), Location>::new());
            for (what, key, place_of) in steps {
                let (hash, location) = (key.wrapping_mul(spread), place(key * 4 + place_of));
                let known = model.get(&(print(hash), key)).copied();
                match (what, known) {
                    (0 | 1, None) => {
                        insert(&mut table, hash, location);
                        model.insert((print(hash), key), location);
                    }
                    (0 | 1, Some(old)) => {
                        prop_assert!(table.replace(hash, old, location));
                        model.insert((print(hash), key), location);
                    }
                    (_, Some(old)) => {
                        prop_assert!(table.remove(hash, old));
                        model.remove(&(print(hash), key));
                    }
                    (_, None) => prop_assert!(!table.remove(hash, location)),
                }
                prop_assert_eq!(table.len(), model.len());
            }
            let (mut seen, mut from) = (Vec::new(), Some(0));
            while let Some(print) = from {
                let (page, next) = table.page(print, 3);
                seen.extend(page);
                from = next;
            }
            let prints: Vec<_> = seen.iter().map(|(print, _)| *print).collect();
            prop_assert!(prints.is_sorted());
            prop_assert_eq!(seen.len(), model.len());
            for ((print, key), location) in &model {
                prop_assert!(seen.contains(&(*print, *location)));
                let matches = table.matches(key.wrapping_mul(spread));
                prop_assert!(matches.iter().any(|found| found == *location));
            }
        }
    }

    #[test]
    fn a_large_table_stays_within_twelve_bytes_a_key() {
        let mut table = Table::new();
        for n in 1..=100_000u64 {
            insert(&mut table, n.wrapping_mul(0x9e37_79b9_7f4a_7c15), place(n));
            let bytes = table.words.len() * 8;
            assert!(n < 5000 || bytes <= n as usize * 12, "{bytes} bytes for {n} keys");
        }
    }

    #[test]
    fn readers_see_every_settled_key_while_a_writer_moves_words() {
        let table = Table::with_capacity(4096);
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for n in 0..1000 {
            table.insert(hash(n), place(n)).unwrap();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in (1000..3000).chain(1000..3000) {
                    if !table.remove(hash(n), place(n)) {
                        table.insert(hash(n), place(n)).unwrap();
                    }
                }
            });
            for n in (0..1000).cycle().take(50_000) {
                assert!(table.matches(hash(n)).iter().any(|found| found == place(n)), "{n}");
            }
        });
    }
}
