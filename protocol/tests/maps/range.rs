//! Range reconciliation: with itself, and both ways with the reference implementation.

use std::collections::BTreeSet;

use negentropy::{Id, Negentropy, NegentropyStorageVector};
use proptest::prelude::*;
use syncline_protocol::dialects::maps::{
    Entry, Index, Leaf, Path,
    range::{BadRange, Initiator, RANGE_BYTES, answer},
};

use crate::sample::{self, mixed};

/// More rounds than any reconciliation here may take.
const ROUNDS_MAX: usize = 400;

type Set = BTreeSet<(u128, u8)>;

fn leaf(path: u128, value: u8) -> Leaf {
    sample::leaf(mixed(path as u64 ^ (path >> 64) as u64).wrapping_add(value.into()))
}

fn index(set: &Set) -> Index {
    // The same path twice would be one record: the higher value stays, as in `leaves`.
    let entries = set.iter().map(|(path, value)| Entry {
        path: Path(*path),
        leaf: leaf(*path, *value),
        seq: u64::from(*value) + 1,
        counted: true,
    });
    Index::from_entries(entries.collect())
}

fn entries(index: &Index) -> impl Iterator<Item = Entry> {
    index.counted_between(Path(0), Path(u128::MAX))
}

fn leaves(index: &Index) -> BTreeSet<Leaf> {
    entries(index).map(|entry| entry.leaf).collect()
}

fn reference(index: &Index) -> NegentropyStorageVector {
    let mut storage = NegentropyStorageVector::new();
    for entry in entries(index) {
        let time = ((entry.path.0 >> 64) as u64).min(u64::MAX - 1);
        storage.insert(time, Id::from_byte_array(entry.leaf.0)).expect("not sealed");
    }
    storage.seal().expect("not sealed");
    storage
}

/// What both ends came to know, and what it cost.
#[derive(Debug, Default)]
struct Outcome {
    have: Vec<Leaf>,
    need: Vec<Leaf>,
    lacking: BTreeSet<Leaf>,
    wanted: BTreeSet<Leaf>,
    rounds: usize,
    bytes: usize,
}

impl Outcome {
    /// Our end answers.
    fn answer(&mut self, theirs: &Index, message: &[u8], bytes_max: usize) -> Vec<u8> {
        let answered = answer(theirs, message, bytes_max).expect("a message");
        assert!(answered.message.len() <= bytes_max, "{} bytes", answered.message.len());
        let leaf = |path: &Path| theirs.get(*path).expect("our own").leaf;
        self.lacking.extend(answered.lacking.iter().map(leaf));
        self.wanted.extend(answered.wanted);
        self.exchanged(message, &answered.message);
        answered.message
    }

    fn exchanged(&mut self, message: &[u8], answer: &[u8]) {
        self.rounds += 1;
        self.bytes += message.len() + answer.len();
        assert!(self.rounds < ROUNDS_MAX, "it does not end");
    }

    /// Each difference once, none that is not.
    fn check(&self, ours: &Index, theirs: &Index) {
        let (ours, theirs) = (leaves(ours), leaves(theirs));
        let mut have = self.have.clone();
        have.sort_unstable();
        assert_eq!(have, ours.difference(&theirs).copied().collect::<Vec<_>>());
        let mut need = self.need.clone();
        need.sort_unstable();
        assert_eq!(need, theirs.difference(&ours).copied().collect::<Vec<_>>());
        assert!(self.lacking.is_subset(&need.into_iter().collect()));
        assert!(self.wanted.is_subset(&have.into_iter().collect()));
    }
}

fn ours_with(
    ours: &Index,
    bytes_max: usize,
    mut other: impl FnMut(&[u8], &mut Outcome) -> Vec<u8>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut initiator, mut message) = Initiator::start(ours, bytes_max);
    loop {
        assert!(message.len() <= bytes_max, "{} bytes", message.len());
        let answer = other(&message, &mut outcome);
        let stepped = initiator.step(ours, &answer).expect("an answer");
        outcome.have.extend(stepped.have.iter().map(|path| ours.get(*path).expect("ours").leaf));
        outcome.need.extend(stepped.need);
        match stepped.next {
            Some(next) => message = next,
            None => return outcome,
        }
    }
}

fn ours_with_ours(ours: &Index, theirs: &Index, bytes_max: usize) -> Outcome {
    ours_with(ours, bytes_max, |message, outcome| outcome.answer(theirs, message, bytes_max))
}

fn ours_with_reference(ours: &Index, theirs: &Index, bytes_max: usize) -> Outcome {
    let storage = reference(theirs);
    let mut responder = Negentropy::borrowed(&storage, bytes_max as u64).expect("a good limit");
    ours_with(ours, bytes_max, |message, outcome| {
        let answer = responder.reconcile(message).expect("a message");
        outcome.exchanged(message, &answer);
        answer
    })
}

fn reference_with_ours(ours: &Index, theirs: &Index, bytes_max: usize) -> Outcome {
    let storage = reference(ours);
    let mut initiator = Negentropy::borrowed(&storage, bytes_max as u64).expect("a good limit");
    let (mut outcome, mut message) = (Outcome::default(), initiator.initiate().expect("the first"));
    let (mut have, mut need) = (Vec::new(), Vec::new());
    loop {
        let answer = outcome.answer(theirs, &message, bytes_max);
        match initiator.reconcile_with_ids(&answer, &mut have, &mut need).expect("an answer") {
            Some(next) => message = next,
            None => break,
        }
    }
    // It may name one id twice when a list was cut.
    let leaves = |ids: Vec<Id>| -> Vec<Leaf> {
        let ids: BTreeSet<Leaf> = ids.into_iter().map(|id| Leaf(id.to_bytes())).collect();
        ids.into_iter().collect()
    };
    Outcome { have: leaves(have), need: leaves(need), ..outcome }
}

fn all_ways(ours: &Index, theirs: &Index, bytes_max: usize) {
    let outcome = ours_with_ours(ours, theirs, bytes_max);
    outcome.check(ours, theirs);
    // All that the asking end needs the answering end saw: it can send the records in its answers.
    let need: BTreeSet<Leaf> = outcome.need.iter().copied().collect();
    assert_eq!(outcome.lacking, need);
    ours_with_reference(ours, theirs, bytes_max).check(ours, theirs);
    reference_with_ours(ours, theirs, bytes_max).check(ours, theirs);
}

/// Paths like hashes, of which some share their first half, the highest among them.
fn path() -> impl Strategy<Value = u128> {
    let spread = (0u64..4000).prop_map(|number| u128::from(mixed(number)) << 64 | 7);
    let together = (0u64..3, 0u64..30)
        .prop_map(|(high, low)| u128::from(u64::MAX - high) << 64 | u128::from(mixed(low)));
    prop_oneof![8 => spread, 1 => together]
}

fn set() -> impl Strategy<Value = Set> {
    prop::collection::btree_set((path(), 0u8..2), 0..700)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn both_ends_find_what_differs(
        common in set(), ours in set(), theirs in set(), close: bool, narrow: bool,
    ) {
        let few = |set: Set| set.into_iter().take(if close { 3 } else { 700 });
        let ours = index(&common.iter().copied().chain(few(ours)).collect());
        let theirs = index(&common.into_iter().chain(few(theirs)).collect());
        all_ways(&ours, &theirs, if narrow { 4096 } else { RANGE_BYTES });
    }

    #[test]
    fn foreign_bytes_do_no_harm(set in set(), message in prop::collection::vec(any::<u8>(), 0..300)) {
        let index = index(&set);
        let message = [&[0x61][..], &message].concat();
        if let Ok(answered) = answer(&index, &message, 4096) {
            prop_assert!(answered.message.len() <= 4096);
        }
        let (mut initiator, _) = Initiator::start(&index, 4096);
        if let Ok(stepped) = initiator.step(&index, &message) {
            prop_assert!(stepped.next.unwrap_or_default().len() <= 4096);
        }
    }
}

#[test]
fn empty_and_equal_sets_take_one_round() {
    let some = index(&(0..300).map(|n| (u128::from(mixed(n)) << 64, 0)).collect());
    let none = Index::default();
    for (ours, theirs) in [(&none, &none), (&some, &some), (&some, &none), (&none, &some)] {
        all_ways(ours, theirs, RANGE_BYTES);
        assert_eq!(ours_with_ours(ours, theirs, RANGE_BYTES).rounds, 1);
    }
}

#[test]
fn large_differences_end_within_narrow_frames() {
    let ours = index(&(0..3000).map(|n| (u128::from(mixed(n)) << 64, 0)).collect());
    let theirs = index(&(1500..5000).map(|n| (u128::from(mixed(n)) << 64, 0)).collect());
    all_ways(&ours, &theirs, 4096);
    all_ways(&ours, &Index::default(), 4096);
    all_ways(&Index::default(), &theirs, 4096);
}

#[test]
fn what_is_not_counted_is_not_reconciled() {
    let mut ours = index(&(0..50).map(|n| (u128::from(mixed(n)) << 64, 0)).collect());
    let theirs = ours.clone();
    for n in 100..400 {
        let path = Path(u128::from(mixed(n)) << 64);
        ours.insert(Entry { path, leaf: leaf(path.0, 1), seq: n, counted: false });
    }
    let outcome = ours_with_ours(&ours, &theirs, RANGE_BYTES);
    assert_eq!((outcome.rounds, outcome.have.len()), (1, 0));
    assert_eq!(ours_with_ours(&theirs, &ours, RANGE_BYTES).need.len(), 0);
}

#[test]
fn a_message_in_another_version_is_answered_with_ours() {
    let index = index(&Set::from([(9, 0)]));
    for version in [0x60, 0x62, 0x6f] {
        let answered = answer(&index, &[version, 1, 2, 3], RANGE_BYTES).expect("a version");
        assert_eq!(answered.message, [0x61]);
        let (mut initiator, _) = Initiator::start(&index, RANGE_BYTES);
        assert_eq!(initiator.step(&index, &[version]), Err(BadRange::Version(version)));
    }
    for foreign in [&[][..], &[0x5f], &[0x70, 0], &[0]] {
        assert_eq!(answer(&index, foreign, RANGE_BYTES), Err(BadRange::Foreign));
        let (mut initiator, _) = Initiator::start(&index, RANGE_BYTES);
        assert_eq!(initiator.step(&index, foreign), Err(BadRange::Foreign));
    }
}

#[test]
fn a_bad_range_is_named() {
    let index = index(&Set::from([(9, 0)]));
    let bad = |ranges: &[u8]| {
        let message = [&[0x61], ranges].concat();
        answer(&index, &message, RANGE_BYTES).expect_err("a bad range")
    };
    assert_eq!(bad(&[0]), BadRange::Truncated);
    assert_eq!(bad(&[0x80]), BadRange::Truncated);
    assert_eq!(bad(&[0, 0, 1, 7, 7]), BadRange::Truncated);
    assert_eq!(bad(&[0, 0, 3]), BadRange::Mode(3));
    assert_eq!(bad(&[0, 33, 1]), BadRange::Bound);
    assert_eq!(bad(&[5, 1, 9, 0, 1, 1, 8, 0]), BadRange::Bound);
    assert_eq!(bad(&[0xff; 11]), BadRange::Number);
    // As many ids as no message can hold.
    assert_eq!(bad(&[0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1]), BadRange::Truncated);
    assert_eq!(
        bad(&[0, 0, 2, 0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        BadRange::Truncated
    );
    // A fault behind good ranges: nothing is answered.
    assert_eq!(bad(&[9, 0, 2, 0, 0, 0, 9]), BadRange::Mode(9));
}

#[test]
fn a_hostile_message_costs_what_its_bytes_and_the_answer_cost() {
    let index = index(&(0..20_000).map(|n| (u128::from(mixed(n)) << 64, 0)).collect());
    let message = |range: &[u8], times: usize| [&[0x61][..], &range.repeat(times)].concat();
    // Wrong fingerprints and empty lists, of everything, of a tenth and of next to nothing.
    let times: [&[u8]; 3] = [&[0], &[0x83, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0], &[0x7f]];
    for time in times {
        for said in [&[1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9][..], &[2, 0]] {
            for times in [1, 10, 3000] {
                let message = message(&[time, &[0], said].concat(), times);
                let answered = answer(&index, &message, RANGE_BYTES).expect("ranges");
                assert!(answered.message.len() <= RANGE_BYTES);
                assert!(answered.lacking.len() <= RANGE_BYTES / 32);
                assert_eq!(answered.wanted.len(), 0);
            }
        }
    }
    // One id many times, which nobody has.
    let ids = [&[0, 0, 2, 0x87, 0x68][..], &[5; 32 * 1000]].concat();
    let answered = answer(&index, &message(&ids, 1), 1 << 20).expect("a list");
    assert_eq!((answered.wanted.len(), answered.lacking.len()), (1, 20_000));
    assert_eq!(answer(&index, &message(&ids, 1), 4096).expect("a list").wanted, []);
}
