//! What was written and what was said of it, noted by one who stands beside: the writes that
//! survived, what the server promised, which timestamps went around. Knows no device and no room.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use syncline_engine::Position;
use syncline_protocol::dialects::maps::{
    Hlc, Kind, Limits, Record, Stored,
    memory::Coordinator,
    proto::{Ack, Envelope, ErrorCode, OperationMessage, envelope::Payload, op_result::Outcome},
};

use super::super::watch::{Event, Rejected};

/// A map and a key.
pub(super) type Place = (String, String);

/// One write of one device.
#[derive(Clone, Debug)]
pub(super) struct Op {
    device: usize,
    pub(super) record: Record,
    position: Position,
    /// The device lost it, or it was refused for good.
    gone: bool,
    refused: bool,
    /// It was sent as it is.
    sent: bool,
    /// The server found it too far ahead, and it was not sent since: unless something wins against it
    /// before, it will be, under another timestamp.
    ahead: bool,
    was_ahead: bool,
}

/// What is known of all writes.
#[derive(Default)]
pub(super) struct Ledger {
    ops: Vec<Op>,
    by_place: BTreeMap<Place, Vec<usize>>,
    /// Nodes of which there are several.
    clones: BTreeSet<String>,
    /// What a session was asked to take, by the request.
    asked: HashMap<(u64, String), Vec<(String, Record)>>,
    /// What the server said that it keeps.
    durable: BTreeMap<Place, Record>,
    /// What others were shown under a timestamp.
    shown: HashMap<Hlc, (String, Record)>,
    /// The server takes no timestamps above this.
    pub(super) taken_until_ms: u64,
    /// How often something happened that a run wants to see.
    pub(super) seen: Seen,
}

/// What a run has met.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) writes: u64,
    pub(super) lost_by_power_cut: u64,
    pub(super) stamped_anew: u64,
    pub(super) rejected: u64,
    pub(super) resets: u64,
    pub(super) repairs: u64,
    pub(super) in_memory: u64,
    pub(super) refused: u64,
}

impl Seen {
    pub(super) fn add(&mut self, other: Self) {
        self.writes += other.writes;
        self.lost_by_power_cut += other.lost_by_power_cut;
        self.stamped_anew += other.stamped_anew;
        self.rejected += other.rejected;
        self.resets += other.resets;
        self.repairs += other.repairs;
        self.in_memory += other.in_memory;
        self.refused += other.refused;
    }
}

fn record(op: &OperationMessage) -> Record {
    Record::from_op(op.clone(), &Limits::default()).unwrap()
}

fn place(map: &str, key: &str) -> Place {
    (map.to_owned(), key.to_owned())
}

impl Ledger {
    // What devices do.

    pub(super) fn wrote(&mut self, device: usize, map: &str, record: Record, position: Position) {
        self.seen.writes += 1;
        let place = place(map, &record.key);
        self.by_place.entry(place).or_default().push(self.ops.len());
        self.ops.push(Op {
            device,
            record,
            position,
            gone: false,
            refused: false,
            sent: false,
            ahead: false,
            was_ahead: false,
        });
    }

    /// There are several of this node: they may give one timestamp twice.
    pub(super) fn cloned(&mut self, node: &str) {
        self.clones.insert(node.to_owned());
    }

    /// A device has died; what it wrote up to here is still there.
    pub(super) fn died(&mut self, device: usize, found: Position) {
        for op in self.ops.iter_mut().filter(|op| op.device == device && op.position > found) {
            self.seen.lost_by_power_cut += u64::from(!op.gone);
            op.gone = true;
        }
    }

    /// A device was told something.
    pub(super) fn told(&mut self, device: usize, event: &Event) {
        match event {
            Event::Rejected(Rejected { map, key, .. }) => {
                self.seen.rejected += 1;
                for at in self.by_place.get(&place(map, key)).into_iter().flatten() {
                    let op = &mut self.ops[*at];
                    op.refused |= op.device == device && !op.gone;
                    op.gone |= op.refused;
                }
            }
            Event::Changed(_) | Event::ClockBehind { .. } => {}
            other => panic!("device {device} was told {other:?}"),
        }
    }

    // What goes over the wire.

    /// A device said something.
    pub(super) fn said(&mut self, device: usize, session: u64, node: &str, said: &Envelope) {
        let ops = match &said.payload {
            Some(Payload::SyncReq(request)) => &request.ops[..],
            Some(Payload::Op(op)) => std::slice::from_ref(op),
            _ => return,
        };
        let ops: Vec<_> = ops.iter().map(|op| (op.map_name.clone(), record(op))).collect();
        for (map, record) in &ops {
            if record.hlc.node.as_str() == node {
                self.find_stamped_anew(device, map, record);
            }
        }
        if !ops.is_empty() {
            self.asked.insert((session, said.correlation_id.clone()), ops);
        }
    }

    /// A write may be under way with another timestamp than it was made with.
    fn find_stamped_anew(&mut self, device: usize, map: &str, sent: &Record) {
        let Some(found) = self.by_place.get(&place(map, &sent.key)) else { return };
        let mut is_known = false;
        for at in found {
            let op = &mut self.ops[*at];
            let is_end = op.record.tombstone_of_expiry().as_ref() == Some(sent);
            op.sent |= op.record == *sent && sent.hlc.millis <= self.taken_until_ms;
            is_known |= op.record == *sent || is_end;
        }
        if is_known {
            return;
        }
        self.seen.stamped_anew += 1;
        let own = |at: &&usize| self.ops[**at].device == device && !self.ops[**at].gone;
        let own = found.iter().rev().find(own).copied();
        if own.is_none() && self.clones.contains(sent.hlc.node.as_str()) {
            // What it has from the other of its name.
            return self.wrote(device, map, sent.clone(), Position(0));
        }
        let op = own.map(|at| &mut self.ops[at]);
        let op = op.unwrap_or_else(|| panic!("device {device} made up {sent:?}"));
        let same = (op.record.kind, &op.record.value, op.record.ttl_ms);
        assert_eq!(same, (sent.kind, &sent.value, sent.ttl_ms), "device {device}: {:?}", op.record);
        op.record.hlc = sent.hlc.clone();
        (op.ahead, op.sent) = (false, true);
    }

    /// The server said something.
    pub(super) fn answered(&mut self, session: u64, said: &Envelope) {
        use syncline_protocol::dialects::maps::proto::{sync_request::Type, sync_response::Status};
        match &said.payload {
            Some(Payload::Ack(ack)) => {
                let asked = self.asked.remove(&(session, said.correlation_id.clone()));
                self.acknowledged(asked.unwrap_or_default(), ack);
            }
            Some(Payload::SyncResp(response)) => {
                self.seen.resets += u64::from(response.status() == Status::ResetRequired);
                let is_repair = matches!(response.r#type(), Type::Range | Type::BucketKeys);
                self.seen.repairs += u64::from(is_repair);
                response.ops.iter().for_each(|op| self.showed(op));
            }
            Some(Payload::Batch(batch)) => batch.ops.iter().for_each(|op| self.showed(op)),
            Some(Payload::Op(op)) => self.showed(op),
            Some(Payload::Error(_)) => self.seen.refused += 1,
            _ => {}
        }
    }

    fn acknowledged(&mut self, ops: Vec<(String, Record)>, ack: &Ack) {
        self.seen.in_memory += u64::from(!ack.durable);
        for (at, (map, record)) in ops.into_iter().enumerate() {
            let mut results = ack.results.iter();
            let result = results.find(|result| result.index as usize == at);
            let refused = result.is_some_and(|result| result.outcome() == Outcome::Rejected);
            let ahead = result.is_some_and(|result| result.code() == ErrorCode::ClockDrift);
            self.mark_ahead(&map, &record, ahead);
            if !ack.durable || refused {
                continue;
            }
            let place = place(&map, &record.key);
            let lower = |known: &Record| record.compare(known).is_gt();
            if self.durable.get(&place).is_none_or(lower) {
                self.durable.insert(place, record);
            }
        }
    }

    fn mark_ahead(&mut self, map: &str, record: &Record, ahead: bool) {
        for at in self.by_place.get(&place(map, &record.key)).into_iter().flatten() {
            let op = &mut self.ops[*at];
            if op.record == *record {
                op.ahead = ahead;
                op.was_ahead |= ahead;
            }
        }
    }

    /// One timestamp stands for one write.
    fn showed(&mut self, op: &OperationMessage) {
        let record = record(op);
        if self.clones.contains(record.hlc.node.as_str()) || record.kind == Kind::Remove {
            // The removal at the end of a life has a timestamp that nobody gave.
            return;
        }
        let what = (op.map_name.clone(), record.clone());
        let known = self.shown.entry(record.hlc).or_insert_with(|| what.clone());
        assert_eq!(*known, what, "one timestamp for two writes");
    }

    // What must be.

    /// What the server said that it keeps is on its device, or something newer, or it was forgotten as
    /// removed.
    pub(super) fn check_durable(&self, coordinator: &Coordinator) {
        let mut kept = BTreeMap::new();
        for ((map, key), promised) in &self.durable {
            let map = kept.entry(map).or_insert_with(|| on_device(coordinator, map));
            match map.records.get(key) {
                Some(found) => {
                    assert!(found.compare(promised).is_ge(), "lost {promised:?}, is {found:?}");
                }
                None => assert!(promised.hlc.millis < map.watermark_ms, "lost {promised:?}"),
            }
        }
    }

    /// Where anything was written.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.by_place.keys()
    }

    /// Of each device the last write of a key that survived. One that was found too far ahead, and
    /// was beaten before it was sent under another timestamp, leaves what was sent before it.
    fn lasts(&self, place: &Place) -> BTreeMap<usize, &Op> {
        let last: BTreeMap<usize, &Op> = self.surviving(place).map(|op| (op.device, op)).collect();
        let is_last = |op: &&Op| std::ptr::eq(*op, last[&op.device]);
        let counts = |op: &&Op| !op.ahead && (op.sent || is_last(op));
        self.surviving(place).filter(counts).map(|op| (op.device, op)).collect()
    }

    /// Of each device and key the last write that survived and was not refused.
    pub(super) fn newest(&self) -> impl Iterator<Item = (usize, &Place, &Record)> {
        let of = |place| self.lasts(place).into_iter().map(move |(at, op)| (at, place, &op.record));
        self.by_place.keys().flat_map(of)
    }

    /// What all writes of a key come to that survived: of each device the last, of those the winner.
    pub(super) fn winner(&self, place: &Place) -> Option<&Record> {
        let records = self.lasts(place).into_values().map(|op| &op.record);
        records.max_by(|a, b| a.compare(b))
    }

    /// Whether a write of this device was once too far ahead: it may have passed over what came then.
    pub(super) fn was_ahead(&self, device: usize, place: &Place) -> bool {
        let mut ops = self.by_place.get(place).into_iter().flatten().map(|at| &self.ops[*at]);
        ops.any(|op| op.device == device && op.was_ahead)
    }

    /// The writes of a key that were refused for good.
    pub(super) fn refused(&self, place: &Place) -> impl Iterator<Item = &Record> {
        let ops = self.by_place.get(place).into_iter().flatten().map(|at| &self.ops[*at]);
        ops.filter(|op| op.refused).map(|op| &op.record)
    }

    pub(super) fn surviving(&self, place: &Place) -> impl Iterator<Item = &Op> {
        let ops = self.by_place.get(place).into_iter().flatten().map(|at| &self.ops[*at]);
        ops.filter(|op| !op.gone)
    }
}

/// What a map has on the server's device.
#[derive(Default)]
pub(super) struct OnDevice {
    pub(super) records: BTreeMap<String, Record>,
    /// The number of the last change of each key.
    pub(super) seqs: BTreeMap<String, u64>,
    pub(super) generation: u64,
    pub(super) watermark_ms: u64,
}

/// What a map has on the server's device, read as a stranger would.
pub(super) fn on_device(coordinator: &Coordinator, map: &str) -> OnDevice {
    let mut found = OnDevice::default();
    let Some(memory) = coordinator.device(map) else { return found };
    for bytes in memory.maps.get(&0).into_iter().flat_map(|map| map.values()) {
        let Stored { seq, record } = Stored::decode(bytes.clone().into()).unwrap();
        found.seqs.insert(record.key.to_string(), seq);
        found.records.insert(record.key.to_string(), record);
    }
    if let Some(meta) = memory.maps.get(&1).and_then(|map| map.get(&b"meta"[..])) {
        let number = |at: usize| u64::from_le_bytes(meta[at..at + 8].try_into().unwrap());
        (found.generation, found.watermark_ms) = (number(1), number(17));
    }
    found
}
