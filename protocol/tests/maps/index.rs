//! The index against a plain map of entries: sums, children, ranges, ranks and the feed, whatever was
//! done before and in which order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use syncline_protocol::dialects::maps::{Entry, Index, Leaf, Path, Prefix, Totals};

/// One thing done to an index.
#[derive(Clone, Debug)]
enum Step {
    Put { path: u128, leaf: u8, counted: bool },
    Remove { path: u128 },
}

/// Paths that meet: few of them, and most below a few long prefixes.
fn path() -> impl Strategy<Value = u128> {
    let crowded = (0u128..3, 0u128..400, prop::sample::select(vec![0u32, 4, 60, 100, 119]))
        .prop_map(|(high, low, shift)| (high << 126) | (low << shift));
    prop_oneof![3 => crowded, 1 => any::<u128>(), 1 => prop::sample::select(vec![0, u128::MAX])]
}

fn step() -> impl Strategy<Value = Step> {
    let put = (path(), any::<u8>(), prop::bool::weighted(0.8))
        .prop_map(|(path, leaf, counted)| Step::Put { path, leaf, counted });
    prop_oneof![3 => put, 1 => path().prop_map(|path| Step::Remove { path })]
}

fn leaf(of: u8) -> Leaf {
    Leaf([of.wrapping_mul(151) | 128; 32])
}

#[derive(Default)]
struct Model {
    entries: BTreeMap<u128, Entry>,
    seq: u64,
}

impl Model {
    fn totals(&self, first: u128, last: u128) -> Totals {
        let mut totals = Totals::default();
        let within = self.entries.range(first..=last).map(|(_, entry)| entry);
        within.filter(|entry| entry.counted).for_each(|entry| totals.insert(&entry.leaf));
        totals
    }

    fn children(&self, prefix: &Prefix, digits: u8) -> Vec<(Prefix, Totals)> {
        let mut found: BTreeMap<Prefix, Totals> = BTreeMap::new();
        for entry in self.entries.values().filter(|e| e.counted && prefix.contains(e.path)) {
            found.entry(Prefix::new(entry.path, digits)).or_default().insert(&entry.leaf);
        }
        found.into_iter().collect()
    }

    fn changes(&self, after: u64) -> Vec<(u64, Path)> {
        let mut all: Vec<_> = self.entries.values().map(|e| (e.seq, e.path)).collect();
        all.retain(|(seq, _)| *seq > after);
        all.sort_unstable();
        all
    }
}

fn run(steps: &[Step]) -> (Index, Model) {
    let (mut index, mut model) = (Index::default(), Model::default());
    for step in steps {
        match *step {
            Step::Put { path, leaf: of, counted } => {
                model.seq += 1;
                let entry = Entry { path: Path(path), leaf: leaf(of), seq: model.seq, counted };
                assert_eq!(index.insert(entry), model.entries.insert(path, entry));
            }
            Step::Remove { path } => {
                assert_eq!(index.remove(Path(path)), model.entries.remove(&path));
            }
        }
    }
    (index, model)
}

/// Everything an index can be asked at a few places.
fn compare(index: &Index, model: &Model, paths: &[u128]) {
    assert_eq!(index.len(), model.entries.len());
    assert_eq!(index.is_empty(), model.entries.is_empty());
    assert_eq!(index.root(), model.totals(0, u128::MAX));
    assert_eq!(index.last_seq(), model.seq);
    let entries: Vec<Entry> = index.entries(&Prefix::ROOT).collect();
    assert_eq!(entries, model.entries.values().copied().collect::<Vec<_>>());
    let counted = entries.iter().filter(|entry| entry.counted).map(|entry| entry.path);
    let ranked: Vec<Path> = (0..).map_while(|rank| index.nth(rank)).collect();
    assert_eq!(ranked, counted.collect::<Vec<_>>());
    for after in [0, 1, model.seq / 2, model.seq, u64::MAX] {
        assert_eq!(index.changes(after).collect::<Vec<_>>(), model.changes(after));
    }
    for (at, path) in paths.iter().enumerate() {
        assert_eq!(index.get(Path(*path)), model.entries.get(path).copied());
        let below = path.checked_sub(1).map_or_else(Totals::default, |last| model.totals(0, last));
        assert_eq!(index.totals_below(Path(*path)), below);
        for digits in [0, 1, 2, 3, 5, 8, 17, 31, 32] {
            compare_below(index, model, &Prefix::new(Path(*path), digits));
        }
        let (first, last) = (paths[at / 2].min(*path), paths[at / 2].max(*path));
        let between: Vec<Entry> = index.entries_between(Path(first), Path(last)).collect();
        assert_eq!(between, model.entries.range(first..=last).map(|e| *e.1).collect::<Vec<_>>());
    }
}

fn compare_below(index: &Index, model: &Model, prefix: &Prefix) {
    let (first, last) = (prefix.first().0, prefix.last().0);
    assert_eq!(index.totals(prefix), model.totals(first, last));
    let entries: Vec<Entry> = index.entries(prefix).collect();
    assert_eq!(entries, model.entries.range(first..=last).map(|e| *e.1).collect::<Vec<_>>());
    for levels in 0..=3 {
        let digits = (prefix.digits() + levels).min(32);
        assert_eq!(index.children(prefix, levels), model.children(prefix, digits));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn an_index_is_what_was_done_to_it(
        steps in prop::collection::vec(step(), 0..900),
        paths in prop::collection::vec(path(), 8),
    ) {
        let (index, model) = run(&steps);
        compare(&index, &model, &paths);
        let mut entries: Vec<Entry> = model.entries.values().copied().collect();
        entries.sort_by_key(|entry| entry.leaf);
        let mut built = Index::from_entries(entries.clone());
        compare(&built, &Model { seq: built.last_seq(), ..model }, &paths);
        // Whatever the history, one set has one root; and it is empty when all is gone.
        prop_assert_eq!(built.root(), index.root());
        for entry in entries {
            prop_assert_eq!(built.remove(entry.path), Some(entry));
        }
        compare(&built, &Model { seq: built.last_seq(), ..Model::default() }, &paths);
        prop_assert_eq!(built.root(), Totals::default());
    }
}
