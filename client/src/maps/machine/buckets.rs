//! Finds where two replicas differ by the tree of buckets: which questions to ask, and what follows
//! from the answers. Pure: knows the index of this end; nothing of stores, maps or connections.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use syncline_protocol::dialects::maps::{Index, Path, Prefix, Totals, fingerprint, proto::Bucket};

/// Buckets that one answer holds at most, as far as we ask.
const BUCKETS_MAX: usize = 1 << 15;
/// Buckets whose keys are asked for at once.
const PATHS_MAX: usize = 4096;
/// Leaves that are listed at once.
const LEAVES_MAX: usize = 1 << 14;
/// Records that are fetched at once.
const KEYS_MAX: usize = 1000;
/// Bytes of their keys, beside one of any length.
const KEY_BYTES_MAX: usize = 256 << 10;
/// More buckets that differ are not followed: then everything is read.
const OPEN_MAX: usize = 1 << 16;
/// The deepest bucket that may be asked for, and the least deep bound that is asked with.
const DEPTHS: (u8, u8) = (3, 8);

/// The next question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// For the buckets so many levels below these.
    Tree { paths: Vec<Prefix>, depth: u8, levels: u8 },
    /// For what differs in these buckets, of whose records here these are the short leaves.
    Leaves { paths: Vec<Prefix>, leaves: Bytes },
    /// For the keys in these buckets.
    Keys { paths: Vec<Prefix> },
    /// For these records.
    Records { keys: Vec<String> },
    /// Nothing more: all that was found is on its way.
    Nothing,
    /// Too much differs.
    TooMuch,
}

/// The server's answer is none to the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Foreign(pub(super) &'static str);

/// What a walk keeps to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Levels asked for at once, at most.
    pub(super) levels_max: u8,
    /// A bucket of more records is asked for its parts.
    pub(super) records_max: u64,
    /// Questions, at most.
    pub(super) rounds_max: u32,
    /// The server knows levels and lists of leaves.
    pub(super) compact: bool,
}

/// A walk down the tree.
#[derive(Debug)]
pub(super) struct Buckets {
    manner: Manner,
    depth: u8,
    rounds: u32,
    /// Buckets that differ and are asked for their parts, with how many records they have.
    open: VecDeque<(Prefix, u64)>,
    /// Buckets that differ and are asked for their keys.
    small: VecDeque<Prefix>,
    /// Records to fetch.
    fetch: VecDeque<String>,
    /// What was asked last, and for how many levels.
    form: Form,
    asked: BTreeSet<Prefix>,
    levels: u8,
    /// What has come of the answer.
    came: Vec<Bucket>,
    listed: BTreeSet<Path>,
}

/// What was asked for last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Tree,
    Leaves,
    Keys,
    Records,
}

impl Buckets {
    /// A walk over maps of up to so many records.
    pub(super) fn new(manner: Manner, records: u64) -> Self {
        let fits = |depth: u8| records >> (4 * depth) <= manner.records_max / 2;
        let depth = (DEPTHS.0..DEPTHS.1).find(|depth| fits(*depth)).unwrap_or(DEPTHS.1);
        let depth = if manner.compact { depth } else { DEPTHS.0 };
        Self {
            manner,
            depth,
            rounds: 0,
            open: [(Prefix::ROOT, records)].into(),
            small: VecDeque::new(),
            fetch: VecDeque::new(),
            form: Form::Tree,
            asked: BTreeSet::new(),
            levels: 0,
            came: Vec::new(),
            listed: BTreeSet::new(),
        }
    }

    /// Whether a path lies in the buckets that the last question was about.
    pub(super) fn covers(&self, path: Path) -> bool {
        (0..=self.depth).any(|digits| self.asked.contains(&Prefix::new(path, digits)))
    }

    /// The next question.
    pub(super) fn ask(&mut self, index: &Index) -> Ask {
        let rest = self.open.len() + self.small.len();
        let ask = if rest > OPEN_MAX || self.rounds >= self.manner.rounds_max {
            let over = rest + self.fetch.len() == 0;
            return if over { Ask::Nothing } else { Ask::TooMuch };
        } else if !self.open.is_empty() {
            self.ask_tree()
        } else if !self.small.is_empty() {
            self.ask_keys(index)
        } else if !self.fetch.is_empty() {
            let mut bytes = 0;
            let fits = |key: &&String| {
                bytes += key.len();
                bytes <= KEY_BYTES_MAX
            };
            let count = self.fetch.iter().take(KEYS_MAX).take_while(fits).count().max(1);
            // Keys lie anywhere.
            self.asked = [Prefix::ROOT].into();
            self.form = Form::Records;
            Ask::Records { keys: self.fetch.drain(..count).collect() }
        } else {
            return Ask::Nothing;
        };
        self.rounds += 1;
        ask
    }

    fn ask_tree(&mut self) -> Ask {
        let digits = self.open.front().map_or(0, |(prefix, _)| prefix.digits());
        let largest = self.open.iter().map(|(_, records)| *records).max().unwrap_or(0);
        let wide = largest / 16 > self.manner.records_max;
        let levels = if wide { self.manner.levels_max.clamp(1, 3) } else { 1 };
        self.levels = levels.min(self.depth - digits);
        let most = PATHS_MAX.min(BUCKETS_MAX >> (4 * self.levels));
        self.asked.clear();
        while self.asked.len() < most
            && let Some((prefix, _)) = self.open.front().filter(|(p, _)| p.digits() == digits)
        {
            self.asked.insert(*prefix);
            self.open.pop_front();
        }
        self.came.clear();
        self.form = Form::Tree;
        // The root is asked for without naming it.
        let paths = self.asked.iter().filter(|p| p.digits() > 0).copied().collect();
        Ask::Tree { paths, depth: self.depth, levels: self.levels }
    }

    fn ask_keys(&mut self, index: &Index) -> Ask {
        let (mut paths, mut leaves) = (Vec::new(), Vec::new());
        while let Some(prefix) = self.small.pop_front() {
            paths.push(prefix);
            let counted = index.entries(&prefix).filter(|entry| entry.counted);
            leaves.extend(counted.flat_map(|entry| entry.leaf.short()));
            if paths.len() >= PATHS_MAX || leaves.len() >= 8 * LEAVES_MAX {
                break;
            }
        }
        self.asked = paths.iter().copied().collect();
        // Without leaves the two questions look alike on the wire.
        self.listed.clear();
        self.form = Form::Keys;
        if self.manner.compact && !leaves.is_empty() {
            self.form = Form::Leaves;
            Ask::Leaves { paths, leaves: leaves.into() }
        } else {
            Ask::Keys { paths }
        }
    }

    /// Takes a part of an answer with buckets.
    pub(super) fn buckets(&mut self, came: Vec<Bucket>) -> Result<(), Foreign> {
        let most = self.asked.len() << (4 * self.levels);
        if self.came.len() + came.len() > most {
            return Err(Foreign("more buckets than were asked for"));
        }
        self.came.extend(came);
        Ok(())
    }

    /// All buckets of the answer have come: those that differ are followed.
    pub(super) fn compare(&mut self, index: &Index) -> Result<(), Foreign> {
        let base = self.asked.first().map_or(0, Prefix::digits);
        let mut theirs = BTreeMap::new();
        for bucket in std::mem::take(&mut self.came) {
            let prefix = Prefix::parse(&bucket.path).ok_or(Foreign("a bucket's path"))?;
            theirs.insert(prefix, (bucket.hash, bucket.count));
        }
        // Who does not know levels answers with one.
        let deepest = theirs.keys().map(Prefix::digits).max().unwrap_or(base + self.levels);
        let levels = deepest.saturating_sub(base).clamp(1, self.levels.max(1));
        for asked in std::mem::take(&mut self.asked) {
            let ours = index.children(&asked, levels).into_iter().collect::<BTreeMap<_, _>>();
            let end = |path| Prefix::new(path, base + levels);
            let below = theirs.range(end(asked.first())..=end(asked.last())).map(|(p, _)| p);
            let below = below.filter(|prefix| prefix.digits() == base + levels);
            let both: BTreeSet<Prefix> = ours.keys().chain(below).copied().collect();
            for prefix in both {
                self.follow(prefix, ours.get(&prefix), theirs.get(&prefix));
            }
        }
        Ok(())
    }

    fn follow(&mut self, prefix: Prefix, ours: Option<&Totals>, theirs: Option<&(Bytes, u64)>) {
        let ours = ours.copied().unwrap_or_default();
        let (hash, count) = theirs.map_or((&[][..], 0), |(hash, count)| (&hash[..], *count));
        let same = if count == 0 { ours.count == 0 } else { hash == fingerprint(&ours) };
        let records = ours.count.max(count);
        let parts = records > self.manner.records_max && prefix.digits() < self.depth;
        match (same, parts) {
            (true, _) => {}
            (false, true) => self.open.push_back((prefix, records)),
            (false, false) => self.small.push_back(prefix),
        }
    }

    /// These records are fetched later.
    pub(super) fn fetch(&mut self, keys: impl IntoIterator<Item = String>) -> Result<(), Foreign> {
        self.fetch.extend(keys);
        if self.fetch.len() > OPEN_MAX { Err(Foreign("too many keys")) } else { Ok(()) }
    }

    /// Whether buckets were asked for.
    pub(super) fn asks_tree(&self) -> bool {
        self.form == Form::Tree
    }

    /// Whether all keys of buckets were asked for.
    pub(super) fn asks_keys(&self) -> bool {
        self.form == Form::Keys
    }

    /// Which records of the asked buckets have one of these short leaves, each of eight bytes.
    pub(super) fn with_leaves(&self, index: &Index, leaves: &[u8]) -> Vec<Path> {
        if self.form != Form::Leaves || leaves.is_empty() {
            return Vec::new();
        }
        let wanted: BTreeSet<&[u8]> = leaves.chunks_exact(8).collect();
        let entries = self.entries(index).filter(|(_, leaf)| wanted.contains(&leaf[..]));
        entries.map(|(path, _)| path).collect()
    }

    /// The server has listed a key. False when it lies in no bucket that was asked for.
    pub(super) fn lists(&mut self, path: Path) -> bool {
        self.covers(path) && self.listed.insert(path)
    }

    /// The counted records of the asked buckets that the server has not listed.
    pub(super) fn unlisted(&self, index: &Index) -> Vec<Path> {
        let paths = self.entries(index).map(|(path, _)| path);
        paths.filter(|path| !self.listed.contains(path)).collect()
    }

    /// The counted records of the asked buckets, with their short leaves.
    fn entries(&self, index: &Index) -> impl Iterator<Item = (Path, [u8; 8])> {
        let entries = self.asked.iter().flat_map(|prefix| index.entries(prefix));
        entries.filter(|entry| entry.counted).map(|entry| (entry.path, entry.leaf.short()))
    }
}
