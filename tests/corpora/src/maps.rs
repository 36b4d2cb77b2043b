//! The bytes of the maps dialect: what is understood is written and understood again, within the bounds,
//! and is what a plain reading of the rules makes of it.

use std::{cmp::Ordering, sync::LazyLock};

use bytes::Bytes;
use serde_json::Value;
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{
        Clock, Cursor, CursorFault, Entry, Grants, Hlc, Index, Kind, Leaf, Limits, MILLIS_MAX,
        NodeId, Op, Path, Prefix, Record, Stored, StoredRef, hash_of, is_map_name,
        proto::{Envelope, OperationMessage, envelope::Payload, operation_message::OpType},
        range::{self, Initiator, RANGE_BYTES_MIN},
        wire::{BadEnvelope, decode, encode},
    },
};

use crate::input::Input;

const MAP: &str = "todos";

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 8 {
        0 => envelope(input.0),
        1 => stored(input.0),
        2 => cursor(input),
        3 => text(&String::from_utf8_lossy(input.0)),
        4 => clock(input),
        5 => claim(input.0),
        6 => asked(input.0),
        _ => answered(input.0),
    }
}

/// Small enough that an input goes beyond them.
fn limits() -> Limits {
    Limits {
        batch_ops_max: 4,
        batch_bytes_max: 200,
        paths_max: 4,
        items_max: 4,
        key_bytes_max: 20,
        value_bytes_max: 40,
        ..Limits::default()
    }
}

fn envelope(bytes: &[u8]) {
    let limits = limits();
    let bytes = Bytes::copy_from_slice(bytes);
    let envelope = match decode(bytes.clone(), &limits) {
        Ok(envelope) => envelope,
        Err(BadEnvelope::TooMuch { correlation_id, .. }) => {
            assert!(correlation_id.len() <= 64);
            // It is the amount alone that is wrong with it, or it is no envelope either.
            let most = Limits { batch_ops_max: 1 << 20, batch_bytes_max: 1 << 20, ..limits };
            let most = Limits { paths_max: 1 << 20, items_max: 1 << 20, ..most };
            if let Ok(envelope) = decode(bytes, &most) {
                assert!(correlation_id.is_empty() || envelope.correlation_id == correlation_id);
            }
            return;
        }
        Err(_) => return,
    };
    // Not the bytes: a peer may write an envelope in other ways than we do.
    assert_eq!(decode(encode(&envelope), &Limits::default()).as_ref(), Ok(&envelope));
    let ops = ops(&envelope);
    assert!(ops.len() <= 4);
    let records: Vec<Record> = ops.iter().filter_map(|op| operation(op, &limits)).collect();
    for a in &records {
        for b in &records {
            is_ordered(a, b);
        }
    }
}

fn ops(envelope: &Envelope) -> &[OperationMessage] {
    match &envelope.payload {
        Some(Payload::Op(op)) => std::slice::from_ref(op),
        Some(Payload::SyncReq(request)) => &request.ops,
        Some(Payload::SyncResp(response)) => &response.ops,
        Some(Payload::Batch(batch)) => &batch.ops,
        _ => &[],
    }
}

/// An operation is taken exactly when the rules say so, and says the same wherever it is kept.
fn operation(op: &OperationMessage, limits: &Limits) -> Option<Record> {
    let kind = OpType::try_from(op.r#type).ok();
    let is_sound = is_map_name(&op.map_name)
        && (1..=limits.key_bytes_max).contains(&op.key.len())
        && op.value.len() <= limits.value_bytes_max
        && kind.is_some();
    let hlc = plain_timestamp(&op.timestamp).filter(|_| is_sound);
    let record = Record::from_op(op.clone(), limits).ok();
    assert_eq!(record.is_some(), hlc.is_some(), "{op:?}");
    let record = record?;
    assert_eq!(Some(&record.hlc), hlc.as_ref());
    let value = if kind == Some(OpType::Put) { &op.value[..] } else { &[] };
    assert_eq!(record.value, value);
    let again = Record::from_op(record.to_op(&op.map_name), limits);
    assert_eq!(again.as_ref(), Ok(&record));
    let bytes = Bytes::from(Stored { seq: 7, record: record.clone() }.encode());
    assert_eq!(hash_of(StoredRef::decode(&bytes)?.record), hash_of(&record));
    let stored = Stored::decode(bytes);
    assert_eq!(stored.map(|stored| (stored.seq, stored.record)), Some((7, record.clone())));
    if let Some(tombstone) = record.tombstone_of_expiry() {
        assert_eq!(tombstone.compare(&record), Ordering::Greater);
    }
    Some(record)
}

/// The rules of who wins, in plain types.
fn is_ordered(a: &Record, b: &Record) {
    let rank = |record: &Record| {
        let Record { kind, hlc, ttl_ms, value, .. } = record.clone();
        let node = hlc.node.as_str().to_owned();
        (hlc.millis, hlc.counter, node, kind == Kind::Remove, value.to_vec(), ttl_ms)
    };
    assert_eq!(a.compare(b), rank(a).cmp(&rank(b)), "{a:?} and {b:?}");
    let is_same = a.key == b.key && a.compare(b) == Ordering::Equal;
    assert_eq!(is_same, hash_of(a) == hash_of(b), "{a:?} and {b:?}");
}

/// What is read as a stored record is the only form of what it says.
fn stored(bytes: &[u8]) {
    let read = StoredRef::decode(bytes);
    let owned = Stored::decode(Bytes::copy_from_slice(bytes));
    assert_eq!(read.is_some(), owned.is_some());
    let (Some(read), Some(owned)) = (read, owned) else { return };
    assert_eq!((read.encode(), owned.encode()), (bytes.to_vec(), bytes.to_vec()));
    assert_eq!(
        Path::from_key(&Path::of(read.record.key).to_key()),
        Some(Path::of(read.record.key))
    );
}

/// A cursor, damaged in up to three places, or any bytes.
fn cursor(mut input: Input<'_>) {
    let (generation, seq, base) = (input.number(8), input.number(8), input.number(8));
    let cursor = Cursor::new(generation, seq, base);
    let sound = cursor.to_bytes(MAP);
    let mut bytes = sound.clone();
    for _ in 0..input.below(4) {
        let at = input.below(bytes.len());
        bytes[at] ^= input.byte();
    }
    bytes.truncate(bytes.len() - input.below(2));
    let expected = if bytes == sound { Ok(cursor) } else { Err(CursorFault::Invalid) };
    assert_eq!(Cursor::parse(MAP, &bytes), expected);
    assert_eq!(Cursor::parse("others", &sound), Err(CursorFault::Foreign));
    if let Ok(cursor) = Cursor::parse(MAP, input.0) {
        assert_eq!(cursor.to_bytes(MAP), input.0);
    }
}

fn plain_timestamp(text: &str) -> Option<Hlc> {
    let [millis, counter, node] = text.split(':').collect::<Vec<_>>().try_into().ok()?;
    let is_number = |s: &str| !s.is_empty() && s.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = (1..=64).contains(&node.len())
        && node.chars().all(|c| c.is_ascii_alphanumeric() || "._@~-".contains(c));
    if !is_number(millis) || !is_number(counter) || !is_name {
        return None;
    }
    let millis = millis.parse().ok().filter(|millis| *millis <= MILLIS_MAX)?;
    Some(Hlc { millis, counter: counter.parse().ok()?, node: NodeId::new(node)? })
}

/// Two lines: timestamps, and prefixes.
fn text(text: &str) {
    let mut lines = text.splitn(2, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (a, b) = (next(), next());
    let read = [a, b].map(|text| Hlc::parse(text).ok());
    assert_eq!(read, [a, b].map(plain_timestamp), "{text:?}");
    if let [Some(a), Some(b)] = &read {
        let rank = |hlc: &Hlc| (hlc.millis, hlc.counter, hlc.node.as_str().to_owned());
        assert_eq!(a.cmp(b), rank(a).cmp(&rank(b)));
        assert_eq!(a == b, a.to_string() == b.to_string());
        assert_eq!(Hlc::parse(&a.to_string()).as_ref(), Ok(a));
    }
    for text in [a, b] {
        let digits = |text: &str| text.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
        let prefix = Prefix::parse(text);
        assert_eq!(prefix.is_some(), text.len() <= 32 && digits(text), "{text:?}");
        assert!(prefix.is_none_or(|prefix| prefix.to_string() == text), "{text:?}");
    }
    if let [Some(prefix), Some(other)] = [a, b].map(Prefix::parse) {
        assert_eq!(prefix.cmp(&other), a.cmp(b));
        let is_inside = prefix.contains(other.first()) && prefix.digits() <= other.digits();
        assert_eq!(is_inside, b.starts_with(a), "{text:?}");
    }
}

/// A clock that sees and gives timestamps; it must go up until the end of time.
fn clock(mut input: Input<'_>) {
    let node = |name| NodeId::new(name).expect("a name");
    let mut clock = Clock::new(node("n"));
    while !input.is_empty() {
        let last = clock.last().clone();
        let wall = UnixMillis(input.number(4));
        let given = match input.byte() % 2 {
            0 => clock.now(wall),
            _ => {
                let (millis, counter) = (input.number(7) & MILLIS_MAX, input.number(4) as u32);
                let seen = Hlc { millis, counter, node: node("r") };
                let given = clock.update(&seen, wall);
                let is_end = given.millis == MILLIS_MAX && given.counter == u32::MAX;
                assert!((given.millis, given.counter) > (millis, counter) || is_end);
                given
            }
        };
        let is_end = given.millis == MILLIS_MAX && given.counter == u32::MAX;
        assert!(given > last || is_end, "{given} after {last}");
        assert!(given.millis >= wall.0);
    }
}

/// A claim grants nothing, or what its entries say one by one.
fn claim(bytes: &[u8]) {
    let Ok(claim) = serde_json::from_slice::<Value>(bytes) else { return };
    let Ok(grants) = Grants::from_claim(&claim) else { return };
    assert_eq!(Grants::from_claim(&grants.to_claim()).as_ref(), Ok(&grants));
    let entries = claim.as_array().expect("no other is a claim");
    for name in ["a", "todos", "todos:1", "~", ""] {
        for op in Op::ALL {
            let may = entries.iter().any(|entry| {
                let pattern = entry["map"].as_str().expect("a pattern");
                let ops = entry["ops"].as_array().expect("operations");
                ops.contains(&op.name().into()) && is_match(pattern, name)
            });
            assert_eq!(grants.may(name, op), may && is_map_name(name), "{claim} {name} {op:?}");
        }
    }
}

fn is_match(pattern: &str, name: &str) -> bool {
    let Some((start, end)) = pattern.split_once('*') else { return pattern == name };
    start.len() + end.len() <= name.len() && name.starts_with(start) && name.ends_with(end)
}

/// A map of a few hundred keys.
static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let entries = (0..300_u64).map(|seq| {
        let path = Path::of(&seq.to_string());
        let mut leaf = [0; 32];
        leaf[..16].copy_from_slice(&path.to_key());
        Entry { path, leaf: Leaf(leaf), seq, counted: seq % 7 != 0 }
    });
    Index::from_entries(entries.collect())
});

/// Any message of a peer that asks what differs.
fn asked(message: &[u8]) {
    let Ok(answered) = range::answer(&INDEX, message, RANGE_BYTES_MIN) else { return };
    assert!(answered.message.len() <= RANGE_BYTES_MIN);
    assert!(answered.lacking.iter().all(|path| INDEX.get(*path).is_some()));
    // Whoever wants a leaf was told of it.
    assert!(answered.wanted.len() <= message.len() / 32);
}

/// Any answers to our question what differs, each behind its length in a byte.
fn answered(answers: &[u8]) {
    let (mut initiator, _) = Initiator::start(&INDEX, RANGE_BYTES_MIN);
    let mut input = Input(answers);
    while !input.is_empty() {
        let len = input.below(256);
        let answer = input.bytes(len);
        let Ok(stepped) = initiator.step(&INDEX, answer) else { return };
        assert!(stepped.next.is_none_or(|next| next.len() <= RANGE_BYTES_MIN));
        assert!(stepped.have.iter().all(|path| INDEX.get(*path).is_some()));
        assert!(stepped.need.len() <= answer.len() / 32);
    }
}
