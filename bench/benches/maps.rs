//! The maps' index alone, with a million records: writes, loading, the questions that finding a
//! difference asks, and ranges answered. And a push taken by a session and its map, without a server.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::{collections::HashMap, hint::black_box, sync::Arc, time::Duration};

use bytes::Bytes;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use syncline_protocol::{
    dialect::{
        Act, Dialect, Incoming, Member, Moment, Room as _, Session as _, Step, UnixMillis,
        memory::{Effect, Memory, Seen},
    },
    dialects::maps::{
        Entry, Handshake, Index, Leaf, Maps, Path, Prefix, Room, Session, fingerprint,
        memory::Tokens,
        proto::{
            AuthRequest, Envelope, OperationMessage, SyncRequest, envelope::Payload,
            sync_request::Type,
        },
        range::{Initiator, RANGE_BYTES, answer},
        wire,
    },
};

const RECORDS: u64 = 1_000_000;

/// Deterministic, and like a hash.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The record of a number, as it was changed with a seq.
fn entry(number: u64, seq: u64) -> Entry {
    let path = Path(u128::from(mixed(number)) << 64 | u128::from(mixed(!number)));
    let mut leaf = [0; 32];
    for (at, chunk) in (0..).zip(leaf.chunks_exact_mut(8)) {
        chunk.copy_from_slice(&mixed((number ^ seq << 32) * 4 + at).to_le_bytes());
    }
    Entry { path, leaf: Leaf(leaf), seq, counted: true }
}

fn entries() -> Vec<Entry> {
    (1..=RECORDS).map(|seq| entry(seq, seq)).collect()
}

fn writes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("maps index");
    let mut index = Index::from_entries(entries());
    let mut seq = RECORDS;
    group.throughput(Throughput::Elements(1));
    group.bench_function("update", |bencher| {
        bencher.iter(|| {
            seq += 1;
            index.insert(entry(mixed(seq) % RECORDS + 1, seq))
        });
    });
    group.bench_function("remove and insert", |bencher| {
        bencher.iter(|| {
            seq += 1;
            let entry = entry(mixed(seq) % RECORDS + 1, seq);
            index.remove(entry.path);
            index.insert(entry)
        });
    });
    group.finish();
}

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("maps index");
    let entries = entries();
    group.sample_size(10).throughput(Throughput::Elements(RECORDS));
    group.bench_function("bulk build", |bencher| {
        bencher.iter_batched(|| entries.clone(), Index::from_entries, BatchSize::PerIteration);
    });
    group.finish();
}

fn questions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("maps index");
    let index = Index::from_entries(entries());
    group.bench_function("root hash", |bencher| {
        bencher.iter(|| fingerprint(&black_box(&index).root()));
    });
    for levels in 1..=3 {
        group.bench_function(BenchmarkId::new("children of the root", levels), |bencher| {
            bencher.iter(|| index.children(&Prefix::ROOT, levels));
        });
    }
    let mut number = 0;
    group.bench_function("sums below a path", |bencher| {
        bencher.iter(|| {
            number += 1;
            index.totals_below(Path(u128::from(mixed(number)) << 64))
        });
    });
    group.throughput(Throughput::Elements(1000));
    group.bench_function("a thousand changes", |bencher| {
        bencher.iter(|| {
            number += 1;
            let after = mixed(number) % (RECORDS - 1000);
            index.changes(after).take(1000).map(|(seq, _)| seq).sum::<u64>()
        });
    });
    group.finish();
}

/// The messages of a client that missed some changes.
fn messages(server: &Index, differing: u64) -> Vec<Vec<u8>> {
    let mut client = server.clone();
    for number in 1..=differing {
        client.insert(entry(number, RECORDS + number));
    }
    let (mut initiator, first) = Initiator::start(&client, RANGE_BYTES);
    let mut messages = vec![first];
    loop {
        let last = messages.last().expect("the first at least");
        let answered = answer(server, last, RANGE_BYTES).expect("a message");
        match initiator.step(&client, &answered.message).expect("an answer").next {
            Some(next) => messages.push(next),
            None => return messages,
        }
    }
}

fn ranges(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("maps ranges");
    let index = Index::from_entries(entries());
    for differing in [1, 10, 100] {
        let messages = messages(&index, differing);
        group.bench_function(BenchmarkId::new("all answers, differing", differing), |bencher| {
            bencher.iter(|| {
                for message in &messages {
                    black_box(answer(&index, message, RANGE_BYTES)).expect("a message");
                }
            });
        });
    }
    group.finish();
}

/// A client that was let in, and the rooms that it asks, in memory.
struct World {
    maps: Maps,
    session: Session,
    rooms: HashMap<String, (Room, Memory)>,
    said: Option<Bytes>,
}

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn moment() -> Moment {
    Moment { now: NOW, ..Moment::default() }
}

impl World {
    fn new() -> Self {
        let (maps, tokens) = (Maps::default(), Tokens::default());
        tokens.allow("token", "bench", UnixMillis(u64::MAX));
        let (connected, host) = (NOW, Arc::new(tokens));
        let session = maps.accept(Handshake { number: 1, connected, host, principal: None });
        let mut world = Self { maps, session, rooms: HashMap::new(), said: None };
        let (token, node_id) = ("token".into(), "bench".into());
        let auth = AuthRequest { token, node_id, protocol_version: 1, ..AuthRequest::default() };
        world.says(message(Payload::Auth(auth)));
        world
    }

    /// Takes a message and does everything that follows: the last thing that the session said.
    fn says(&mut self, message: Bytes) -> Option<Bytes> {
        self.said = None;
        match self.session.receive(Incoming::Binary(message), moment()) {
            Ok(Step::Acts(acts)) => self.act(acts),
            other => panic!("a session acts: {other:?}"),
        }
        self.said.take()
    }

    fn act(&mut self, acts: Vec<Act<<Maps as Dialect>::Command>>) {
        for act in acts {
            match act {
                Act::Send(message) => self.said = Some(message),
                Act::Ask { ticket, room: name, command } => {
                    if !self.rooms.contains_key(&name) {
                        let room = (self.maps.room(&name), Memory::default());
                        self.rooms.insert(name.clone(), room);
                    }
                    let (room, memory) = self.rooms.get_mut(&name).expect("it is there");
                    let mut seen = Seen::default();
                    room.apply(Member(1), command, NOW, memory, &mut seen).expect("memory");
                    for effect in seen.0 {
                        if let Effect::Answer(answer) = effect {
                            let acts = self.session.answered(ticket, Ok(answer), moment());
                            self.act(acts);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

fn message(payload: Payload) -> Bytes {
    wire::encode(&Envelope { correlation_id: "1".into(), payload: Some(payload) })
}

/// A push of so many operations, each newer than those of the push before.
fn push(number: u64, ops: u64) -> Bytes {
    let op = |at| OperationMessage {
        map_name: "bench-map".into(),
        key: format!("key-{:017}", (number * ops + at) % 1000),
        value: vec![7; 128].into(),
        timestamp: format!("1700000000000:{}:bench", number * ops + at),
        ..OperationMessage::default()
    };
    let (r#type, ops) = (Type::Push.into(), (0..ops).map(op).collect());
    message(Payload::SyncReq(SyncRequest { r#type, ops, ..SyncRequest::default() }))
}

fn pushes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("maps push");
    for ops in [1, 10, 1000] {
        let (mut world, mut number) = (World::new(), 0);
        (0..1000).step_by(ops).for_each(|_| {
            number += 1;
            world.says(push(number, ops as u64));
        });
        group.throughput(Throughput::Elements(ops as u64));
        group.bench_function(BenchmarkId::new("decoded, applied, answered", ops), |bencher| {
            bencher.iter_batched(
                || {
                    number += 1;
                    push(number, ops as u64)
                },
                |push| world.says(push).expect("an acknowledgement"),
                BatchSize::SmallInput,
            );
        });
        let bytes = push(1, ops as u64);
        let limits = Maps::default().settings().limits;
        group.bench_function(BenchmarkId::new("decoded", ops), |bencher| {
            bencher.iter(|| wire::decode(black_box(bytes.clone()), &limits));
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
    name = maps;
    config = short();
    targets = writes, load, questions, ranges, pushes
}
criterion_main!(maps);
