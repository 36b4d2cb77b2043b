//! The workspace's state machines alone: decoding an operation, applying it to its room, opening.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::{collections::HashMap, hint::black_box, time::Duration};

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use syncline_protocol::{
    dialect::{
        Collections, Dialect, Effects, Framing, Incoming, Member, Moment, Refused, Reply, Room,
        Session, Step, UnixMillis, Unreadable,
    },
    dialects::workspace::{
        Answer, Command, Handshake, Room as WorkspaceRoom, Session as WorkspaceSession, Workspace,
    },
};

const NAME: &str = "0123456789abcdef";
const KEYS: u64 = 1_000;

/// A room's entries in a hash map.
#[derive(Default)]
struct Entries {
    map: HashMap<Vec<u8>, Bytes>,
    version: u64,
}

impl Collections for Entries {
    fn last_seq(&self) -> u64 {
        0
    }

    fn log_records(&self) -> u64 {
        0
    }

    fn log_bytes(&self) -> u64 {
        0
    }

    fn append(&mut self, _record: &[u8]) -> u64 {
        unreachable!("a workspace has no log")
    }

    fn trim(&mut self, _seq: u64) {}

    fn version(&self) -> u64 {
        self.version
    }

    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn get(&self, _map: u64, key: &[u8]) -> Result<Option<Bytes>, Unreadable> {
        Ok(self.map.get(key).cloned())
    }

    fn entries(&self, _map: u64, mut each: impl FnMut(&[u8], &[u8])) -> Result<(), Unreadable> {
        self.map.iter().for_each(|(key, value)| each(key, value));
        Ok(())
    }

    fn put(&mut self, _map: u64, key: &[u8], value: &[u8]) {
        let value = Bytes::copy_from_slice(value);
        match self.map.get_mut(key) {
            Some(entry) => *entry = value,
            None => drop(self.map.insert(key.to_vec(), value)),
        }
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

    fn publish(&mut self, _: u64, _: &[u8], _: Option<Member>) {}

    fn publish_entry(&mut self, version: u64, key: &[u8], record: &[u8], except: Option<Member>) {
        black_box((version, key, record, except));
    }

    fn open(&mut self, to: Member, message: Bytes) {
        black_box((to, message));
    }

    fn resend(&mut self, to: Member, key: &[u8]) {
        black_box((to, key));
    }

    fn reply(&mut self, to: Member, reply: Reply<'_>) {
        black_box((to, reply));
    }

    fn answer(&mut self, answer: Answer) {
        black_box(answer);
    }

    fn refuse(&mut self, from: Member, why: Refused) {
        black_box((from, why));
    }
}

/// A room whose first session was opened, and that session.
struct World {
    room: WorkspaceRoom,
    entries: Entries,
    session: WorkspaceSession,
}

impl World {
    fn new() -> Self {
        let dialect = Workspace::default();
        let session = dialect.accept(&Handshake {
            workspace: NAME,
            connected: UnixMillis(1_700_000_000_000),
            may_write: true,
            expires: None,
            pongs_at_once: false,
        });
        let room = dialect.room(NAME);
        let mut world = Self { room, entries: Entries::default(), session };
        let Step::Open { opening, .. } = world.session.start() else { panic!("no opening") };
        world.apply(opening);
        world
    }

    fn command(&mut self, message: &str) -> Command {
        let now = UnixMillis(1_700_000_000_100);
        let moment = Moment { now, opened: now, ..Moment::default() };
        match self.session.receive(Incoming::Text(message), moment) {
            Ok(Step::Command(command)) => command,
            other => panic!("an operation is a command: {other:?}"),
        }
    }

    fn apply(&mut self, command: Command) {
        let now = UnixMillis(1_700_000_000_100);
        self.room
            .apply(Member(1), command, now, &mut self.entries, &mut Nowhere)
            .expect("memory can be read");
    }
}

/// An operation as the JavaScript client writes it, with a value of about so many bytes.
fn op(number: u64, value_bytes: usize) -> String {
    let text = "x".repeat(value_bytes.saturating_sub(30));
    let (key, timestamp) = (number % KEYS, 1_700_000_000_000_000 + number);
    format!(
        r#"{{"type":"op","payload":{{"key":"shape:{key}","value":{{"x":12.5,"y":-3,"t":"{text}"}},"timestamp":{timestamp}}}}}"#
    )
}

const SIZES: [usize; 3] = [40, 128, 1024];

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode op");
    for bytes in SIZES {
        let mut world = World::new();
        let message = op(7, bytes);
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("JSON", bytes), |bencher| {
            bencher.iter(|| world.command(black_box(&message)));
        });
    }
    group.finish();
}

fn apply(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("apply op");
    for bytes in SIZES {
        let mut world = World::new();
        let mut number = 0;
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("decoded and applied", bytes), |bencher| {
            bencher.iter_batched(
                || {
                    number += 1;
                    op(number, bytes)
                },
                |message| {
                    let command = world.command(&message);
                    world.apply(command);
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn open(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("open");
    let mut world = World::new();
    for number in 0..KEYS {
        let command = world.command(&op(number, 128));
        world.apply(command);
    }
    group.throughput(Throughput::Elements(KEYS));
    group.bench_function("a thousand keys", |bencher| {
        bencher.iter(|| {
            let opening = world.session.start();
            let Step::Open { opening, .. } = opening else { panic!("no opening") };
            world.apply(opening);
        });
    });
    group.finish();
}

fn deliver(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("deliver entry");
    for bytes in SIZES {
        let mut world = World::new();
        let command = world.command(&op(7, bytes));
        world.apply(command);
        let stored = world.entries.map[&b"shape:7"[..]].clone();
        let (dialect, mut out) = (Workspace::default(), Vec::new());
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("JSON", bytes), |bencher| {
            bencher.iter(|| {
                out.clear();
                let version = dialect.deliver_entry(Framing::Text, b"shape:7", &stored, &mut out);
                black_box((version, &out));
            });
        });
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
    name = workspace;
    config = short();
    targets = decode, apply, open, deliver
}
criterion_main!(workspace);
