//! A map against a plain model of it, over restarts, sweeps and time; with peers that pull now and then.

use std::{cmp::Ordering, collections::BTreeMap};

use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::select};
use syncline_protocol::{
    dialect::{Collections as _, Room as _},
    dialects::maps::{
        Hlc, Index, Kind, Record, Stored, fingerprint,
        proto::{SyncRequest, op_result::Outcome, sync_request::Type, sync_response::Status},
    },
};

use crate::{
    double::{NOW, Space, at, request},
    peer::Peer,
    trees::cases,
};

/// How long tombstones are kept here, in milliseconds; a thirtieth of it is late.
const RETENTION: u64 = 3000;

/// A map as somebody would keep it in a notebook.
#[derive(Default)]
struct Model {
    /// The records, and tombstones with the time from which they are kept.
    records: BTreeMap<Box<str>, (Record, u64)>,
    watermark_ms: u64,
}

impl Model {
    fn write(&mut self, record: Record, now: u64) -> Outcome {
        let own_ms = record.hlc.millis;
        if let Some((old, _)) = self.records.get(&record.key) {
            let end =
                (old.kind == Kind::Put && old.ttl_ms > 0).then(|| old.hlc.millis + old.ttl_ms);
            let old = match end {
                Some(end) if end < now => ended(old, end),
                _ => old.clone(),
            };
            match record.compare(&old) {
                Ordering::Less => return Outcome::Stale,
                Ordering::Equal => return Outcome::Duplicate,
                Ordering::Greater => {}
            }
        } else if own_ms < self.watermark_ms {
            return Outcome::Rejected;
        }
        self.put(record, now);
        Outcome::Applied
    }

    fn put(&mut self, record: Record, now: u64) {
        let own_ms = record.hlc.millis;
        let is_late = own_ms < self.watermark_ms || own_ms + RETENTION / 30 < now;
        let kept_from = if is_late { now } else { own_ms };
        self.records.insert(record.key.clone(), (record, kept_from));
    }

    fn sweep(&mut self, now: u64) {
        let is_over = |record: &Record| {
            let end = record.hlc.millis + record.ttl_ms;
            (record.kind == Kind::Put && record.ttl_ms > 0 && end < now).then(|| ended(record, end))
        };
        let over: Vec<_> = self.records.values().filter_map(|(it, _)| is_over(it)).collect();
        over.into_iter().for_each(|tombstone| self.put(tombstone, now));
        let before = now - RETENTION;
        let is_old = |record: &&Record| record.kind == Kind::Remove && record.hlc.millis < before;
        let old = self.records.values().map(|(record, _)| record).filter(is_old);
        let highest = old.map(|record| record.hlc.millis + 1).max();
        self.watermark_ms = self.watermark_ms.max(highest.unwrap_or(0));
        let watermark_ms = self.watermark_ms;
        self.records.retain(|_, (record, kept_from)| {
            let is_below = record.kind == Kind::Remove && record.hlc.millis < watermark_ms;
            !(is_below && *kept_from < before)
        });
    }

    /// All of it as a peer has it.
    fn peer(&self) -> Peer {
        let records = self.records.iter().map(|(key, (record, _))| (key.clone(), record.clone()));
        let watermark = format!("{}:0:-", self.watermark_ms).parse().ok();
        Peer { records: records.collect(), watermark, ..Peer::default() }
    }
}

fn ended(record: &Record, end: u64) -> Record {
    let hlc = Hlc { millis: end, ..record.hlc.clone() };
    Record { kind: Kind::Remove, hlc, ttl_ms: 0, value: Bytes::new(), ..record.clone() }
}

#[derive(Clone, Debug)]
enum Step {
    /// Records of one batch: key, age in milliseconds, node, value, whether it sets, and its life.
    Write(Vec<(u8, i64, &'static str, u8, bool, u64)>),
    /// The first again.
    Again,
    Wait(u64),
    Sweep,
    Restart(bool),
    /// A peer pulls, in pages of so many.
    Pull(usize, u32),
    /// A peer pulls one page.
    Peep(usize, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let age = prop_oneof![4 => 0..50_i64, 2 => 0..400_i64, 1 => 0..8000_i64];
    let life = prop_oneof![3 => Just(0), 1 => 1..2000_u64];
    let record = (0..12_u8, age, select(vec!["A", "B"]), 0..3_u8, any::<bool>(), life);
    prop_oneof![
        6 => vec(record, 1..5).prop_map(Step::Write),
        1 => Just(Step::Again),
        3 => prop_oneof![0..100_u64, 0..5000_u64].prop_map(Step::Wait),
        3 => Just(Step::Sweep),
        1 => any::<bool>().prop_map(Step::Restart),
        2 => (0..3_usize, 1..6_u32).prop_map(|(peer, items)| Step::Pull(peer, items)),
        2 => (0..3_usize, 1..6_u32).prop_map(|(peer, items)| Step::Peep(peer, items)),
    ]
}

struct World {
    space: Space,
    model: Model,
    peers: [(Peer, Bytes); 3],
    first: Option<Record>,
}

impl World {
    fn new() -> Self {
        let space = Space::limited(|limits| limits.tombstone_retention_ms = RETENTION);
        let mut world =
            Self { space, model: Model::default(), peers: Default::default(), first: None };
        world.space.now = NOW + 10_000;
        world
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Write(records) => {
                let now = self.space.now;
                let age = |ms: i64| now as i64 - NOW as i64 - ms;
                let record =
                    |(key, ms, node, value, sets, ttl_ms): (u8, i64, &str, u8, bool, u64)| Record {
                        key: format!("k{key}").into(),
                        kind: if sets { Kind::Put } else { Kind::Remove },
                        hlc: at(age(ms), node),
                        ttl_ms,
                        value: if sets { vec![value].into() } else { Bytes::new() },
                    };
                let records: Vec<_> = records.into_iter().map(record).collect();
                self.first.get_or_insert_with(|| records[0].clone());
                self.write(records);
            }
            Step::Again => {
                let again = self.first.iter().cloned().collect();
                self.write(again);
            }
            Step::Wait(ms) => self.space.now += ms,
            Step::Sweep => {
                self.space.sweep();
                self.model.sweep(self.space.now);
            }
            Step::Restart(prepared) => self.space.restart(prepared),
            Step::Pull(peer, items) => self.pull_all(peer, items),
            Step::Peep(peer, items) => drop(self.pull(peer, items)),
        }
    }

    fn write(&mut self, records: Vec<Record>) {
        let now = self.space.now;
        let expected: Vec<_> = records.iter().map(|it| self.model.write(it.clone(), now)).collect();
        let written = self.space.write(records);
        let mut outcomes = vec![Outcome::Applied; expected.len()];
        for result in &written.results {
            outcomes[result.index as usize] = result.outcome();
        }
        assert_eq!(outcomes, expected);
        let applied = outcomes.iter().filter(|it| **it == Outcome::Applied).count();
        assert_eq!(written.applied as usize, applied);
    }

    /// All pages for a peer.
    fn pull_all(&mut self, at: usize, max_items: u32) {
        assert!((0..100).any(|_| !self.pull(at, max_items)), "pages come to an end");
    }

    /// One page for a peer; whether there are more.
    fn pull(&mut self, at: usize, max_items: u32) -> bool {
        let (peer, cursor) = &mut self.peers[at];
        let ask = SyncRequest { cursor: cursor.clone(), max_items, ..request(Type::PullSince) };
        let response = self.space.response(ask);
        if response.status() == Status::ResetRequired {
            (*peer, *cursor) = Default::default();
            return true;
        }
        peer.take(&response);
        *cursor = response.cursor.clone();
        if !response.more {
            assert_eq!(response.root_hash, peer.root().to_vec(), "the root proves what was pulled");
            assert_eq!(response.count, peer.counted().count() as u64);
        }
        response.more
    }

    fn check(&mut self) {
        let kept: BTreeMap<_, _> = self
            .space
            .memory
            .maps
            .get(&0)
            .into_iter()
            .flatten()
            .map(|(_, value)| Stored::decode(value.clone().into()).unwrap().record)
            .map(|record| (record.key.clone(), record))
            .collect();
        let model = self.model.peer();
        assert_eq!(kept, model.records);
        let (cursor, root, count) = self.space.position();
        assert_eq!((root, count), (model.root(), model.counted().count() as u64));
        // A room made anew is where this one is.
        let mut other = Space {
            memory: self.space.memory.clone(),
            ..Space::limited(|limits| {
                limits.tombstone_retention_ms = RETENTION;
            })
        };
        other.now = self.space.now;
        other.restart(true);
        assert_eq!(other.position(), (cursor, root, count));
        let due = |space: &Space| {
            space.room.due(syncline_protocol::dialect::UnixMillis(space.now)).is_some()
        };
        if self.space.room.memory_bytes() > 0 {
            assert_eq!(due(&other), due(&self.space));
        }
        let late = other.memory.maps.get(&1).map_or(0, BTreeMap::len);
        assert!(late <= 1 + kept.values().filter(|it| it.kind == Kind::Remove).count());
        assert_eq!(other.memory.version(), self.space.memory.version() + 1000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(60)))]

    #[test]
    fn a_map_does_what_its_model_does(steps in vec(step(), 1..60)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            world.check();
        }
        for peer in 0..3 {
            world.pull_all(peer, 3);
            prop_assert_eq!(world.peers[peer].0.root(), world.model.peer().root());
        }
    }

    /// The order in which records come does not matter, nor what was there before them.
    #[test]
    fn the_order_of_records_does_not_matter(
        records in vec((0..8_u8, 0..4_i64, select(vec!["A", "B"]), 0..2_u8, any::<bool>()), 1..30)
            .prop_map(|records| records.into_iter().map(|(key, ms, node, value, sets)| Record {
                key: format!("k{key}").into(),
                kind: if sets { Kind::Put } else { Kind::Remove },
                hlc: at(ms, node),
                ttl_ms: 0,
                value: if sets { vec![value].into() } else { Bytes::new() },
            }).collect::<Vec<_>>()),
        shuffled in any::<u64>(),
    ) {
        let mut order: Vec<usize> = (0..records.len()).collect();
        order.sort_by_key(|at| (*at as u64 + 1).wrapping_mul(shuffled | 1).rotate_left(17));
        let (mut one, mut other, mut all) = (Space::default(), Space::default(), Peer::default());
        one.write(records.clone());
        for at in order {
            other.set(records[at].clone());
            other.restart(at % 2 == 0);
        }
        records.into_iter().for_each(|record| all.merge(record));
        let expected = (fingerprint(&Index::root(&all.index())), all.records.len() as u64);
        for space in [&mut one, &mut other] {
            let (_, root, count) = space.position();
            prop_assert_eq!((root, count), expected);
        }
    }
}
