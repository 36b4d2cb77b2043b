//! What two clients send a coordinator of maps, in whatever order, over days and restarts: every answer is an
//! envelope of the receiver's version, and at the end a third client gets records whose root is the one told.

use bytes::Bytes;
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{
        Hlc, Kind, Limits, Record, Settings, Totals, fingerprint, hash_of,
        memory::{Coordinator, Delays, Out, Sent},
        proto::{
            AuthRequest, Envelope, OperationMessage, Subscribe, SyncRequest, SyncResponse,
            envelope::Payload, sync_request::Type, sync_response::Status,
        },
        wire::{decode, encode},
    },
};

use crate::input::Input;

const MAP: &str = "m";
const NOW: u64 = 1_700_000_000_000;
const DAY: u64 = 24 * 60 * 60 * 1000;
/// A year, in which no token ends.
const END: UnixMillis = UnixMillis(NOW + 4000 * DAY);

pub(crate) fn run(data: &[u8]) {
    let mut play = Play::new();
    let mut input = Input(data);
    while !input.is_empty() {
        let what = input.byte();
        let client = usize::from(what & 1);
        match (what >> 1) % 8 {
            0 | 1 => {
                let len = input.below(256);
                let message = Bytes::copy_from_slice(input.bytes(len));
                play.receive(client, message);
            }
            2 => {
                let request = sync(&mut input);
                play.say(client, Payload::SyncReq(request));
            }
            3 => {
                let op = op(&mut input, play.now);
                play.say(client, Payload::Op(op));
            }
            4 => {
                let ops = (0..input.below(4)).map(|_| op(&mut input, play.now)).collect();
                let r#type = Type::Push.into();
                play.say(
                    client,
                    Payload::SyncReq(SyncRequest { r#type, ops, ..Default::default() }),
                );
            }
            5 => {
                let key_prefix = ["", "k"][input.below(2)].into();
                let subscribe =
                    Subscribe { map_name: MAP.into(), key_prefix, cursor: Bytes::new() };
                play.say(client, Payload::Subscribe(subscribe));
            }
            6 => play.wait(input.number(2)),
            _ => play.event(client, input.byte()),
        }
    }
    play.end();
}

/// An operation on one of a few keys, near the time given.
fn op(input: &mut Input<'_>, now: u64) -> OperationMessage {
    let bits = input.byte();
    let millis = (now + 5).saturating_sub(input.number(1));
    OperationMessage {
        map_name: MAP.into(),
        key: ["k", "kk", "l", "\u{e9}"][usize::from(bits & 3)].into(),
        value: Bytes::copy_from_slice(input.bytes(usize::from(bits >> 5))),
        timestamp: format!("{millis}:{}:n{}", bits >> 4 & 1, bits >> 3 & 1),
        r#type: i32::from(bits >> 2 & 1),
        ttl_ms: if bits & 0x80 == 0 { 0 } else { input.number(2) },
    }
}

/// A request whose small fields are what the input says.
fn sync(input: &mut Input<'_>) -> SyncRequest {
    let text = |input: &mut Input<'_>| {
        let len = input.below(5);
        String::from_utf8_lossy(input.bytes(len)).into_owned()
    };
    let long = |input: &mut Input<'_>| {
        let len = input.below(64);
        Bytes::copy_from_slice(input.bytes(len))
    };
    SyncRequest {
        r#type: i32::from(input.byte() % 8),
        map_name: if input.byte() == 0 { String::new() } else { MAP.into() },
        depth: input.byte().into(),
        levels: input.byte().into(),
        max_items: input.byte().into(),
        max_bytes: input.number(2) as u32,
        paths: (0..input.below(3)).map(|_| text(input)).collect(),
        keys: (0..input.below(3)).map(|_| text(input)).collect(),
        key_prefix: text(input),
        range_message: long(input),
        have_leaves: long(input),
        cursor: long(input),
        ..SyncRequest::default()
    }
}

/// A coordinator and two clients; the second one is of version 0.
struct Play {
    coordinator: Coordinator,
    now: u64,
    sessions: [u64; 2],
    is_slow: [bool; 2],
    /// The second client may have authenticated again, as one of another version.
    is_new: bool,
}

impl Play {
    fn new() -> Self {
        let limits =
            Limits { requests_per_second: 1000, requests_burst: 1000, ..Limits::default() };
        let settings = Settings { limits, ..Settings::default() };
        let coordinator = Coordinator::new(settings, Delays::default());
        coordinator.tokens().allow("token", "user", END);
        let mut play =
            Self { coordinator, now: NOW, sessions: [0; 2], is_slow: [false; 2], is_new: false };
        play.connect();
        play
    }

    fn connect(&mut self) {
        self.is_new = false;
        for client in 0..2 {
            let session = self.coordinator.connect(UnixMillis(self.now));
            (self.sessions[client], self.is_slow[client]) = (session, false);
            let protocol_version = if client == 0 { 1 } else { 0 };
            let token = "token".into();
            let auth = AuthRequest { token, protocol_version, ..AuthRequest::default() };
            self.say(client, Payload::Auth(auth));
        }
    }

    fn say(&mut self, client: usize, payload: Payload) {
        let envelope = Envelope { correlation_id: "c".into(), payload: Some(payload) };
        self.receive(client, encode(&envelope));
    }

    fn receive(&mut self, client: usize, message: Bytes) {
        let session = self.sessions[client];
        if let Ok(Envelope { payload: Some(Payload::Auth(auth)), .. }) =
            decode(message.clone(), &Limits::default())
        {
            self.is_new |= client == 1 && auth.protocol_version > 0;
        }
        if self.coordinator.is_connected(session) {
            let out = self.coordinator.receive(session, message, UnixMillis(self.now));
            self.look(&out);
        }
    }

    fn wait(&mut self, millis: u64) {
        self.now += millis;
        let out = self.coordinator.tick(UnixMillis(self.now));
        self.look(&out);
    }

    fn event(&mut self, client: usize, what: u8) {
        match what % 4 {
            0 => {
                self.coordinator.restart();
                self.connect();
            }
            1 => {
                self.coordinator.power_cut();
                self.connect();
            }
            2 => self.wait(u64::from(what) * DAY / 4),
            _ => {
                self.is_slow[client] = !self.is_slow[client];
                let (session, slow) = (self.sessions[client], self.is_slow[client]);
                if self.coordinator.is_connected(session) {
                    let now = UnixMillis(self.now);
                    let out = self.coordinator.set_slow(session, slow, now);
                    self.look(&out);
                }
            }
        }
    }

    /// Every message is an envelope within the bounds, and one that its receiver can know.
    fn look(&self, out: &[Out]) {
        for Out { to, what, .. } in out {
            let Sent::Message(message) = what else { continue };
            let envelope = decode(message.clone(), &Limits::default()).expect("an envelope");
            let payload = envelope.payload.expect("a payload");
            let is_old = matches!(
                payload,
                Payload::Op(_) | Payload::SyncResp(_) | Payload::Ack(_) | Payload::AuthResp(_)
            );
            assert!(is_old || *to != self.sessions[1] || self.is_new, "{payload:?}");
        }
    }

    /// A third client pulls all there is, and counts it together.
    fn end(mut self) {
        self.wait(1000);
        self.connect();
        let mut cursor = Bytes::new();
        let mut records = Vec::new();
        loop {
            let response = self.pull(cursor);
            assert_eq!(response.status(), Status::Ok);
            let limits = Limits::default();
            records.extend(
                response
                    .ops
                    .iter()
                    .map(|op| Record::from_op(op.clone(), &limits).expect("a record")),
            );
            cursor = response.cursor.clone();
            if !response.more {
                return is_root(&records, &response);
            }
        }
    }

    fn pull(&mut self, cursor: Bytes) -> SyncResponse {
        let request = SyncRequest {
            r#type: Type::PullSince.into(),
            map_name: MAP.into(),
            max_items: 3,
            cursor,
            ..SyncRequest::default()
        };
        let envelope =
            Envelope { correlation_id: "p".into(), payload: Some(Payload::SyncReq(request)) };
        let mut out =
            self.coordinator.receive(self.sessions[0], encode(&envelope), UnixMillis(self.now));
        out.extend(self.coordinator.tick(UnixMillis(self.now)));
        let answers = out.iter().filter_map(|out| match &out.what {
            Sent::Message(message) => decode(message.clone(), &Limits::default()).ok(),
            _ => None,
        });
        let answer = answers.into_iter().find(|envelope| envelope.correlation_id == "p");
        match answer.and_then(|envelope| envelope.payload) {
            Some(Payload::SyncResp(response)) => response,
            other => panic!("{other:?}"),
        }
    }
}

/// What was told of the whole map is that of its records, but for forgotten tombstones.
fn is_root(records: &[Record], response: &SyncResponse) {
    let watermark = Hlc::parse(&response.gc_watermark).ok();
    let mut totals = Totals::default();
    for record in records {
        let is_forgotten = record.kind == Kind::Remove
            && watermark.as_ref().is_some_and(|watermark| record.hlc < *watermark);
        if !is_forgotten {
            totals.insert(&hash_of(record));
        }
    }
    assert_eq!(response.count, totals.count, "{records:?}");
    assert_eq!(response.root_hash, fingerprint(&totals)[..], "{records:?}");
}
