//! The relay's state machines alone: decoding a submit, applying it to its room, making a message of a record.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::{convert::Infallible, hint::black_box, time::Duration};

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use syncline_protocol::{
    dialect::{
        Collections, Dialect, Effects, Framing, Handshake, Incoming, Member, Moment, Refused,
        Reply, Room, Session, Step, UnixMillis, Unreadable,
    },
    dialects::relay::{Command, Hello, Relay, binary, json},
};

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const CLIENT: &str = "01234567-89ab-4cde-8f01-23456789abcd";
const NAMES: [(Framing, &str); 2] = [(Framing::Binary, "binary"), (Framing::Text, "JSON")];

/// A room's log that only counts.
#[derive(Default)]
struct Counting {
    records: u64,
    bytes: u64,
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

    fn get(&self, _map: u64, _key: &[u8]) -> Result<Option<Bytes>, Unreadable> {
        Ok(None)
    }

    fn entries(&self, _map: u64, _each: impl FnMut(&[u8], &[u8])) -> Result<(), Unreadable> {
        Ok(())
    }

    fn put(&mut self, _map: u64, _key: &[u8], _value: &[u8]) {}

    fn remove(&mut self, _map: u64, _key: &[u8]) {}

    fn drop_map(&mut self, _map: u64) {}
}

/// Effects that go nowhere.
struct Nowhere;

impl Effects for Nowhere {
    type Answer = Infallible;
    type Notice = ();

    fn notify(&mut self, (): ()) {}

    fn publish_entry(&mut self, _: u64, _: &[u8], _: &[u8], _: Option<Member>) {}

    fn open(&mut self, _: Member, _: Bytes) {}

    fn resend(&mut self, _: Member, _: &[u8]) {}

    fn answer(&mut self, _: Infallible) {}

    fn publish(&mut self, seq: u64, record: &[u8], except: Option<Member>) {
        black_box((seq, record, except));
    }

    fn reply(&mut self, to: Member, reply: Reply<'_>) {
        black_box((to, reply));
    }

    fn refuse(&mut self, from: Member, why: Refused) {
        black_box((from, why));
    }
}

/// A message as the server has it: text or bytes.
enum Message {
    Text(String),
    Binary(Bytes),
}

impl Message {
    fn new(framing: Framing, bytes: Vec<u8>) -> Self {
        match framing {
            Framing::Text => Self::Text(String::from_utf8(bytes).unwrap()),
            Framing::Binary => Self::Binary(bytes.into()),
        }
    }

    fn incoming(&self) -> Incoming<'_> {
        match self {
            Self::Text(text) => Incoming::Text(text),
            Self::Binary(bytes) => Incoming::Binary(bytes.clone()),
        }
    }
}

/// A session that has joined.
fn session(relay: &Relay, framing: Framing) -> <Relay as Dialect>::Session {
    let subprotocols: &[&str] = match framing {
        Framing::Binary => &[binary::SUBPROTOCOL],
        Framing::Text => &[],
    };
    let handshake = Handshake { path: Relay::PATH, subprotocols };
    let mut session = relay.accept(&handshake).session;
    let hello = Hello::new(CLIENT.into(), KEY.into(), 0, true).expect("both names are in bounds");
    let mut message = Vec::new();
    match framing {
        Framing::Binary => binary::encode_hello(&hello, &mut message),
        Framing::Text => json::encode_hello(&hello, &mut message),
    }
    let step =
        session.receive(Message::new(framing, message).incoming(), Moment::default()).unwrap();
    assert!(matches!(step, Step::Join { .. }));
    session
}

fn submit(framing: Framing, id: u64, payload: &[u8]) -> Message {
    let mut message = Vec::new();
    match framing {
        Framing::Binary => binary::encode_submit(id, payload, &mut message),
        Framing::Text => json::encode_submit(KEY, payload, &mut message),
    }
    Message::new(framing, message)
}

fn command(session: &mut <Relay as Dialect>::Session, message: &Message) -> Command {
    match session.receive(message.incoming(), Moment::default()).unwrap() {
        Step::Command(command) => command,
        other => panic!("a submit is a command: {other:?}"),
    }
}

fn payloads() -> [Vec<u8>; 2] {
    [128, 1024].map(|bytes| (0..bytes).map(|i| i as u8).collect())
}

fn decode(criterion: &mut Criterion) {
    let relay = Relay::default();
    let mut group = criterion.benchmark_group("decode submit");
    for (framing, name) in NAMES {
        for payload in payloads() {
            let mut session = session(&relay, framing);
            let mut id = 0;
            group.throughput(Throughput::Bytes(payload.len() as u64));
            group.bench_function(BenchmarkId::new(name, payload.len()), |bencher| {
                bencher.iter_batched(
                    || {
                        id += 1;
                        submit(framing, id, &payload)
                    },
                    |message| command(&mut session, &message),
                    BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();
}

fn apply(criterion: &mut Criterion) {
    let relay = Relay::default();
    let mut group = criterion.benchmark_group("apply submit");
    for payload in payloads() {
        let mut session = session(&relay, Framing::Binary);
        let mut id = 0;
        let mut room = relay.room(KEY);
        let mut collections = Counting::default();
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("room", payload.len()), |bencher| {
            bencher.iter_batched(
                || {
                    id += 1;
                    command(&mut session, &submit(Framing::Binary, id, &payload))
                },
                |command| {
                    room.apply(Member(1), command, UnixMillis(1), &mut collections, &mut Nowhere)
                        .expect("nothing is read");
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn deliver(criterion: &mut Criterion) {
    let relay = Relay::default();
    let mut group = criterion.benchmark_group("deliver record");
    for (framing, name) in NAMES {
        for payload in payloads() {
            let mut record = Vec::new();
            binary::ChangeEncoder::new(CLIENT).encode(7, &payload, &mut record);
            let mut out = Vec::new();
            relay.deliver(framing, KEY, 7, &record, &mut out);
            assert!(out.len() > payload.len(), "the record is one of the dialect's");
            group.throughput(Throughput::Bytes(payload.len() as u64));
            group.bench_function(BenchmarkId::new(name, payload.len()), |bencher| {
                bencher.iter(|| {
                    out.clear();
                    relay.deliver(framing, KEY, 7, &record, &mut out);
                    black_box(&out);
                });
            });
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
    name = relay;
    config = short();
    targets = decode, apply, deliver
}
criterion_main!(relay);
