//! What a packet costs a participant of a peer room, and its route and its room the server: signatures, seals,
//! keys, routes, rooms, and a changeset of five megabytes in pieces. Without a server and without rows.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use syncline_protocol::dialect::{
    Dialect as _, Incoming, Member, Moment, Room as _, Session as _, Step, UnixMillis,
    memory::{Memory, Seen},
};
use syncline_protocol::dialects::peer::{
    Peer,
    chunks::{PIECE_BYTES_MAX, Pieces, Place, Reassembly, split},
    id::{PeerId, RequestId},
    keys::{RoomKeys, VerifyingKey},
    kind::RoomKind,
    now::Now,
    packet::{Kind, Packet},
    relay::{Answer, Command, Handshake, Notice, Room, Route, Session},
    seal::{Key, group_key, pairwise_key},
};

const ROOM: &str = "room-1";
const PAYLOAD_BYTES: [usize; 2] = [1 << 10, PIECE_BYTES_MAX];
const CHANGES_BYTES: usize = 5_000_000;

/// Deterministic, and like a hash.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Bytes that follow from a number. For benches only: they are no secret.
fn numbers(mut number: u64) -> impl FnMut(&mut [u8]) {
    move |out: &mut [u8]| {
        for chunk in out.chunks_mut(8) {
            number += 1;
            chunk.copy_from_slice(&mixed(number).to_le_bytes()[..chunk.len()]);
        }
    }
}

fn keys(number: u64) -> RoomKeys {
    RoomKeys::generate(&mut numbers(number << 32))
}

fn packet(payload_bytes: usize) -> Packet {
    let request = RequestId::random(&mut numbers(1));
    let sender = PeerId::new("user:0194f3a0-0000-7000-8000-000000000000").expect("a name");
    Packet {
        payload: Bytes::from(vec![7; payload_bytes]),
        target: PeerId::new("user:0194f3a0-0000-7000-8000-000000000001"),
        encrypted: true,
        physical_time: 1_700_000_000_000,
        logical_time: 7,
        ..Packet::new(Kind::DataChunk, request, sender)
    }
}

fn signatures(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("peer packets");
    let own = keys(1);
    let key = VerifyingKey::new(&own.public().sign).expect("a key");
    for bytes in PAYLOAD_BYTES {
        let mut packet = packet(bytes);
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("sign", bytes), |bencher| {
            bencher.iter(|| packet.sign(ROOM, &own));
        });
        group.bench_function(BenchmarkId::new("verify", bytes), |bencher| {
            bencher.iter(|| assert!(black_box(&packet).verify(ROOM, &key)));
        });
        let frame = packet.encode();
        group.bench_function(BenchmarkId::new("decode", bytes), |bencher| {
            bencher.iter(|| Packet::decode(black_box(frame.clone())));
        });
        group.bench_function(BenchmarkId::new("route", bytes), |bencher| {
            bencher.iter(|| Route::scan(black_box(&frame)).expect("a packet").kind);
        });
    }
    group.finish();
}

fn seals(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("peer seals");
    let (key, mut source) = (Key::new(&[1; 32]), numbers(2));
    for bytes in PAYLOAD_BYTES {
        let (bound, plaintext) = (packet(0).bound(ROOM), vec![7; bytes]);
        let sealed = key.seal(&mut source, &bound, &plaintext);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("seal", bytes), |bencher| {
            bencher.iter(|| key.seal(&mut source, &bound, black_box(&plaintext)));
        });
        group.bench_function(BenchmarkId::new("open", bytes), |bencher| {
            bencher.iter(|| key.open(&bound, black_box(&sealed)).expect("the same key"));
        });
    }
    let (own, other) = (keys(1), keys(2).public());
    group.throughput(Throughput::Elements(1));
    group.bench_function("key between two", |bencher| {
        bencher.iter(|| pairwise_key(ROOM, &own, black_box(&other)).expect("a secret"));
    });
    group.bench_function("key of a sender", |bencher| {
        bencher.iter(|| group_key(ROOM, &[1; 32], 5, black_box("user:alice")));
    });
    group.finish();
}

/// Rows as an application has them, or numbers that nothing makes smaller.
fn changes() -> [(&'static str, Vec<u8>); 2] {
    let mut rows = Vec::with_capacity(CHANGES_BYTES + 256);
    let mut row = 0;
    while rows.len() < CHANGES_BYTES {
        let (id, done) = (mixed(row), row % 3 == 0);
        let text = format!(
            r#"{{"id":"{id:016x}","value":"{{\"title\":\"task {row}\",\"done\":{done}}}"}},"#
        );
        rows.extend_from_slice(text.as_bytes());
        row += 1;
    }
    rows.truncate(CHANGES_BYTES);
    let mut noise = vec![0; CHANGES_BYTES];
    numbers(3)(&mut noise);
    [("rows", rows), ("noise", noise)]
}

fn reassembled(cut: &Pieces, request: &RequestId) -> Vec<u8> {
    let count = cut.pieces.len() as u32;
    let mut reassembly = Reassembly::default();
    let mut whole = None;
    for (index, piece) in (0..count as i32).zip(&cut.pieces).rev() {
        let uncompressed_size = cut.uncompressed_size;
        let is_last = index + 1 == count as i32;
        let place = Place { index, count, is_last, uncompressed_size, epoch: 1 };
        let taken = reassembly.take(&[1; 32], request, place, piece, Now::default());
        whole = taken.expect("a piece").or(whole);
    }
    whole.expect("all pieces")
}

fn pieces(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("peer pieces");
    let request = RequestId::random(&mut numbers(1));
    group.sample_size(20).throughput(Throughput::Bytes(CHANGES_BYTES as u64));
    for (name, json) in changes() {
        group.bench_function(BenchmarkId::new("split", name), |bencher| {
            bencher.iter(|| split(json.clone(), PIECE_BYTES_MAX).expect("it fits"));
        });
        let cut = split(json.clone(), PIECE_BYTES_MAX).expect("it fits");
        assert!(reassembled(&cut, &request) == json);
        group.bench_function(BenchmarkId::new("reassemble", name), |bencher| {
            bencher.iter(|| reassembled(black_box(&cut), &request));
        });
    }
    group.finish();
}

/// A room of 100, and the session of the first in it.
fn full_room(memory: &mut Memory) -> (Room, Session) {
    let peer = Peer::default();
    let mut room = peer.room(ROOM);
    let mut sessions = (0..100).map(|number| {
        let mut session = peer.accept(Handshake {
            identity: PeerId::new(&format!("user:{number:036}")).expect("a name"),
            room: ROOM.into(),
            kind: RoomKind::Data,
            may_publish: true,
            may_read_history: false,
            since_seq: None,
            expires: UnixMillis(u64::MAX),
        });
        let Step::Open { opening, .. } = session.start() else { unreachable!("it comes in") };
        apply(&mut room, Member(number), opening, memory, &mut Seen::default());
        session
    });
    let first = sessions.next().expect("there are some");
    sessions.for_each(drop);
    (room, first)
}

fn apply(
    room: &mut Room,
    from: Member,
    command: Command,
    memory: &mut Memory,
    seen: &mut Seen<Answer, Notice>,
) {
    room.apply(from, command, UnixMillis(1), memory, seen).expect("nothing is read");
}

fn rooms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("peer room");
    let (mut memory, mut seen) = (Memory::default(), Seen::default());
    let (mut room, mut session) = full_room(&mut memory);
    group.throughput(Throughput::Elements(1));
    for (name, target) in [("for all", None), ("for one", Some(7))] {
        let sender = PeerId::new(&format!("user:{:036}", 0)).expect("a name");
        let target = target.and_then(|number| PeerId::new(&format!("user:{number:036}")));
        let kind = Kind::UnicastReq;
        let request = RequestId::random(&mut numbers(1));
        let packet =
            Packet { payload: vec![7; 128].into(), target, ..Packet::new(kind, request, sender) };
        let frame = packet.encode();
        group.bench_function(BenchmarkId::new("take", name), |bencher| {
            bencher.iter(|| {
                let message = Incoming::Binary(black_box(&frame).clone());
                let Ok(Step::Command(command)) = session.receive(message, Moment::default()) else {
                    unreachable!("it is its own packet")
                };
                seen.0.clear();
                apply(&mut room, Member(0), command, &mut memory, &mut seen);
                assert_eq!(seen.0.len(), 1, "it is passed on");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, signatures, seals, pieces, rooms);
criterion_main!(benches);
