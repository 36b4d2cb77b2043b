//! A replica on the other side, as simple as can be: records by key, and the ways to compare them.

use std::{cmp::Ordering, collections::BTreeMap};

use syncline_protocol::dialects::maps::{
    Entry, Hlc, Index, Kind, Limits, Path, Prefix, Record, fingerprint, hash_of,
    proto::{
        KeyDigest, OperationMessage, SyncRequest, SyncResponse, sync_request::Type,
        sync_response::Status,
    },
    range::{Initiator, RANGE_BYTES},
};

use crate::double::{Space, request};

/// A replica.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    pub(crate) records: BTreeMap<Box<str>, Record>,
    pub(crate) watermark: Option<Hlc>,
    /// What reconciling has cost, in records and digests that came.
    pub(crate) ops: usize,
    pub(crate) digests: usize,
    pub(crate) paths: usize,
}

impl Peer {
    /// Takes a record in, if it wins.
    pub(crate) fn merge(&mut self, record: Record) {
        let loses = |mine: &Record| record.compare(mine) != Ordering::Greater;
        if !self.records.get(&record.key).is_some_and(loses) {
            self.records.insert(record.key.clone(), record);
        }
    }

    fn is_counted(&self, record: &Record) -> bool {
        let is_below = self.watermark.as_ref().is_some_and(|watermark| record.hlc < *watermark);
        record.kind == Kind::Put || !is_below
    }

    pub(crate) fn counted(&self) -> impl Iterator<Item = &Record> {
        self.records.values().filter(|record| self.is_counted(record))
    }

    pub(crate) fn index(&self) -> Index {
        let entry = |(record, seq): (&Record, u64)| Entry {
            path: Path::of(&record.key),
            leaf: hash_of(record),
            seq,
            counted: true,
        };
        Index::from_entries(self.counted().zip(1..).map(entry).collect())
    }

    pub(crate) fn root(&self) -> [u8; 16] {
        fingerprint(&self.index().root())
    }

    /// Takes what an answer says of every map's state, and its operations.
    pub(crate) fn take(&mut self, response: &SyncResponse) {
        self.watermark = Some(response.gc_watermark.parse().unwrap());
        self.ops += response.ops.len();
        for op in &response.ops {
            self.merge(record_of(op));
        }
        for key in &response.missing_keys {
            self.records.remove(&**key);
        }
    }

    /// Sends records; those that are refused go.
    fn push(&mut self, space: &mut Space, records: Vec<Record>) {
        for part in records.chunks(1000) {
            for result in space.write(part.to_vec()).results {
                if result.code != 0 {
                    self.records.remove(&part[result.index as usize].key);
                }
            }
        }
    }

    fn inside(&self, paths: &[String]) -> Vec<Record> {
        let prefixes: Vec<_> = paths.iter().map(|path| Prefix::parse(path).unwrap()).collect();
        let is_inside =
            |record: &&Record| prefixes.iter().any(|prefix| prefix.contains(Path::of(&record.key)));
        self.counted().filter(is_inside).cloned().collect()
    }

    /// Finds what differs from the top down, and asks for that.
    pub(crate) fn reconcile_by_buckets(&mut self, space: &mut Space, how: How, levels: u32) {
        for _ in 0..16 {
            if self.one_drill(space, how, levels) {
                return;
            }
        }
        panic!("sixteen rounds are enough");
    }

    /// One way down; whether the roots were equal.
    fn one_drill(&mut self, space: &mut Space, how: How, levels: u32) -> bool {
        let (mut paths, mut found) = (vec![String::new()], Vec::new());
        let mut digits = 0;
        while !paths.is_empty() {
            let root_hash = self.root().to_vec().into();
            let ask = SyncRequest {
                root_hash,
                levels,
                depth: 8,
                paths: paths.clone(),
                ..request(Type::MerkleHashReq)
            };
            let response = space.response(ask);
            self.take(&response);
            if response.status() == Status::InSync {
                assert!(response.buckets.is_empty());
                return true;
            }
            self.paths += paths.len();
            digits = (digits + levels).min(8);
            let (deeper, resolved) = self.differing(&paths, &response, digits as u8);
            (paths, found) = (deeper, [found, resolved].concat());
        }
        self.resolve(space, how, found);
        false
    }

    /// Of the prefixes so long those that differ: to be gone into, and to be resolved.
    fn differing(
        &self,
        paths: &[String],
        response: &SyncResponse,
        digits: u8,
    ) -> (Vec<String>, Vec<String>) {
        let index = self.index();
        let mut differing = BTreeMap::new();
        for path in paths {
            let prefix = Prefix::parse(path).unwrap();
            for (prefix, totals) in index.children(&prefix, digits - prefix.digits()) {
                differing.insert(prefix.to_string(), (fingerprint(&totals).to_vec(), totals.count));
            }
        }
        for bucket in &response.buckets {
            assert_eq!(bucket.path.len(), usize::from(digits));
            match differing.get_mut(&bucket.path) {
                Some((hash, _)) if *hash == *bucket.hash => drop(differing.remove(&bucket.path)),
                Some((_, count)) => *count += bucket.count,
                None => drop(differing.insert(bucket.path.clone(), (Vec::new(), bucket.count))),
            }
        }
        let (resolved, deeper): (Vec<_>, Vec<_>) =
            differing.into_iter().partition(|(_, (_, count))| *count <= 64 || digits == 8);
        let names = |of: Vec<(String, _)>| of.into_iter().map(|(path, _)| path).collect();
        (names(deeper), names(resolved))
    }

    /// Asks for what differs in buckets.
    fn resolve(&mut self, space: &mut Space, how: How, paths: Vec<String>) {
        let mine = self.inside(&paths);
        let ask = SyncRequest { paths, ..request(Type::BucketKeys) };
        // Who has nothing there says nothing, and so asks what there is.
        let how = if mine.is_empty() { How::Asking } else { how };
        match how {
            How::Digests => {
                self.resolve_by_digests(space, SyncRequest { have: digests(&mine), ..ask });
            }
            How::Leaves => {
                let short = |record: &Record| hash_of(record).short();
                let have_leaves: Vec<u8> = mine.iter().flat_map(short).collect();
                let response =
                    space.response(SyncRequest { have_leaves: have_leaves.into(), ..ask });
                self.take(&response);
                let wanted: Vec<_> = response.want_leaves.chunks(8).map(<[u8]>::to_vec).collect();
                let is_wanted = |record: &Record| wanted.contains(&short(record).to_vec());
                let is_current = |record: &Record| self.records.get(&record.key) == Some(record);
                let pushed =
                    mine.into_iter().filter(|it| is_wanted(it) && is_current(it)).collect();
                self.push(space, pushed);
            }
            How::Asking => self.resolve_by_asking(space, ask, &mine),
        }
    }

    fn resolve_by_digests(&mut self, space: &mut Space, ask: SyncRequest) {
        let response = space.response(ask);
        self.take(&response);
        let wanted = response.want_keys.iter();
        self.push(space, wanted.filter_map(|key| self.records.get(&**key).cloned()).collect());
    }

    /// As the specification has it: which keys are there, then those that differ.
    fn resolve_by_asking(&mut self, space: &mut Space, ask: SyncRequest, mine: &[Record]) {
        let theirs = space.response(ask).keys;
        self.digests += theirs.len();
        let own: BTreeMap<_, _> =
            digests(mine).into_iter().map(|it| (it.key.clone(), it)).collect();
        let differs = |it: &&KeyDigest| own.get(&it.key) != Some(it);
        let keys: Vec<_> = theirs.iter().filter(differs).map(|it| it.key.clone()).collect();
        for keys in keys.chunks(1000) {
            let response =
                space.response(SyncRequest { keys: keys.to_vec(), ..request(Type::Get) });
            self.take(&response);
        }
        let is_theirs = |record: &Record| {
            let digest = digests(std::slice::from_ref(record)).remove(0);
            theirs.contains(&digest)
        };
        let pushed = mine.iter().filter(|record| !is_theirs(record)).cloned().collect();
        self.push(space, pushed);
    }

    /// Finds what differs by ranges; says how many messages that took.
    pub(crate) fn reconcile_by_ranges(&mut self, space: &mut Space) -> usize {
        for messages in (1..).take(50) {
            let index = self.index();
            let (mut initiator, mut message) = Initiator::start(&index, RANGE_BYTES);
            let mut have = Vec::new();
            for turns in 0..50 {
                let ask = SyncRequest { range_message: message.into(), ..request(Type::Range) };
                let response = space.response(ask);
                self.take(&response);
                let stepped = initiator.step(&index, &response.range_message).unwrap();
                have.extend(stepped.have);
                let Some(next) = stepped.next else {
                    if turns == 0 && have.is_empty() && stepped.need.is_empty() {
                        return messages;
                    }
                    break;
                };
                message = next;
            }
            let have: std::collections::HashSet<_> = have.into_iter().collect();
            let mine = self.records.values().filter(|it| have.contains(&Path::of(&it.key)));
            let mine = mine.cloned().collect();
            self.push(space, mine);
        }
        panic!("ranges come to an end");
    }
}

/// How buckets are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Digests,
    Leaves,
    Asking,
}

pub(crate) fn record_of(op: &OperationMessage) -> Record {
    Record::from_op(op.clone(), &Limits::default()).unwrap()
}

fn digests(records: &[Record]) -> Vec<KeyDigest> {
    let digest = |record: &Record| KeyDigest {
        key: record.key.to_string(),
        timestamp: record.hlc.to_string(),
        hash: hash_of(record).short().to_vec().into(),
    };
    records.iter().map(digest).collect()
}
