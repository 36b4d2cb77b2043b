//! The oplog's parts alone: reading the body of a push, and applying it to its dataset.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::{collections::HashMap, hint::black_box, time::Duration};

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use syncline_protocol::{
    dialect::{
        Collections, Dialect, Effects, Member, Refused, Reply, Room, UnixMillis, Unreadable,
    },
    dialects::oplog::{Answer, Command, Oplog, Push, Request, Scopes},
};

const BATCHES: [u64; 2] = [1, 1000];

/// Collections that count the log's records and keep entries of maps.
#[derive(Default)]
struct Counting {
    records: u64,
    bytes: u64,
    entries: HashMap<(u64, Box<[u8]>), Bytes>,
    /// Whether entries are kept beyond those that say what the dataset is.
    keeps_all: bool,
}

impl Collections for Counting {
    fn last_seq(&self) -> u64 {
        self.records
    }

    fn log_records(&self) -> u64 {
        self.records
    }

    fn log_bytes(&self) -> u64 {
        self.bytes
    }

    fn append(&mut self, record: &[u8]) -> u64 {
        self.records += 1;
        self.bytes += black_box(record).len() as u64;
        self.records
    }

    fn trim(&mut self, _seq: u64) {}

    fn version(&self) -> u64 {
        0
    }

    fn next_version(&mut self) -> u64 {
        0
    }

    fn get(&self, map: u64, key: &[u8]) -> Result<Option<Bytes>, Unreadable> {
        if map == 0 || self.keeps_all {
            return Ok(self.entries.get(&(map, key.into())).cloned());
        }
        black_box(key);
        Ok(None)
    }

    fn entries(&self, _map: u64, _each: impl FnMut(&[u8], &[u8])) -> Result<(), Unreadable> {
        Ok(())
    }

    fn put(&mut self, map: u64, key: &[u8], value: &[u8]) {
        if map == 0 || self.keeps_all {
            self.entries.insert((map, key.into()), Bytes::copy_from_slice(value));
        }
        black_box((key, value));
    }

    fn remove(&mut self, _map: u64, _key: &[u8]) {}

    fn drop_map(&mut self, _map: u64) {}
}

/// Effects that go nowhere.
struct Nowhere;

impl Effects for Nowhere {
    type Answer = Answer;
    type Notice = ();

    fn notify(&mut self, (): ()) {}

    fn publish_entry(&mut self, _: u64, _: &[u8], _: &[u8], _: Option<Member>) {}

    fn open(&mut self, _: Member, _: Bytes) {}

    fn resend(&mut self, _: Member, _: &[u8]) {}

    fn answer(&mut self, answer: Answer) {
        black_box(answer);
    }

    fn publish(&mut self, _: u64, _: &[u8], _: Option<Member>) {}

    fn reply(&mut self, _: Member, _: Reply<'_>) {}

    fn refuse(&mut self, _: Member, why: Refused) {
        panic!("{why:?}");
    }
}

/// The body of a push of `count` operations of about 150 bytes from `clock` on.
fn body(clock: u64, count: u64) -> Bytes {
    let ops: Vec<String> = (clock..clock + count).map(op).collect();
    let start = r#"{"clientId":"actor-0123456789","datasetGenerationKey":"","ops":["#;
    Bytes::from(format!("{start}{}]}}", ops.join(",")))
}

fn op(clock: u64) -> String {
    let payload = format!(r#"{{"type":"update","itemId":"item-{clock:08}","text":"Buy milk"}}"#);
    format!(
        r#"{{"scope":"list","resourceId":"list-1","actor":"actor-0123456789","clock":{clock},"payload":{payload}}}"#
    )
}

fn push(body: &[u8]) -> Push {
    Push::decode(body, Scopes::Any).expect("a push")
}

fn apply_to(room: &mut <Oplog as Dialect>::Room, collections: &mut Counting, push: Push) {
    let command = Command::new(Request::Push(push), "a key");
    room.apply(Member::CALLER, command, UnixMillis(1), collections, &mut Nowhere)
        .expect("memory can be read");
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode push");
    for count in BATCHES {
        let body = body(1_000_000, count);
        group.throughput(Throughput::Elements(count));
        group.bench_function(BenchmarkId::new("compact", count), |bencher| {
            bencher.iter(|| push(&body));
        });
    }
    group.finish();
}

fn apply(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("apply push");
    for (name, keeps_all) in [("new", false), ("duplicates", true)] {
        for count in BATCHES {
            let mut room = Oplog::default().room("default");
            let mut collections = Counting { keeps_all, ..Counting::default() };
            let stored = push(&body(1_000_000, count));
            apply_to(&mut room, &mut collections, stored.clone());
            group.throughput(Throughput::Elements(count));
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter_batched(
                    || stored.clone(),
                    |push| apply_to(&mut room, &mut collections, push),
                    BatchSize::SmallInput,
                );
            });
            assert_eq!(collections.records == count, keeps_all, "duplicates are not stored");
        }
    }
    group.finish();
}

fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .sample_size(20)
}

criterion_group! {
    name = oplog;
    config = short();
    targets = decode, apply
}
criterion_main!(oplog);
