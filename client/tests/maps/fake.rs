//! A coordinator in memory. It follows the protocol's rules as far as these tests need them, and
//! knows nothing of how the client is made.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use prost::Message as _;
use syncline_client::maps::{ConnectionError, Received};
use syncline_protocol::dialects::maps::{
    Limits, Record, Totals, fingerprint, hash_of,
    proto::{
        Ack, AuthRequest, AuthResponse, AuthStatus, Envelope, ErrorCode, ErrorMessage, OpResult,
        OperationBatch, OperationMessage, Pong, Subscribe, SyncRequest, SyncResponse,
        envelope::Payload, op_result::Outcome, sync_request::Type, sync_response::Status,
    },
};
use tokio::sync::mpsc;

use super::link::{Link, binary};

/// Where the server's clock stands, in milliseconds.
pub(crate) const NOW: u64 = 1_700_000_000_000;
const DRIFT_MS: u64 = 60_000;

type Down = Result<Received, ConnectionError>;

struct Connection {
    down: mpsc::UnboundedSender<Down>,
    link: Link,
    open: bool,
    /// How far each map it follows was sent.
    follows: BTreeMap<String, u64>,
}

#[derive(Default)]
struct Shelf {
    records: BTreeMap<String, Record>,
    seqs: HashMap<String, u64>,
    last: u64,
}

impl Shelf {
    fn apply(&mut self, record: Record) -> Outcome {
        let key = record.key.to_string();
        match self.records.get(&key).map(|there| record.compare(there)) {
            Some(std::cmp::Ordering::Less) => return Outcome::Stale,
            Some(std::cmp::Ordering::Equal) => return Outcome::Duplicate,
            Some(std::cmp::Ordering::Greater) | None => {}
        }
        self.last += 1;
        self.seqs.insert(key.clone(), self.last);
        self.records.insert(key, record);
        Outcome::Applied
    }

    fn since(&self, seq: u64) -> Vec<&Record> {
        let mut found: Vec<_> =
            self.records.values().filter(|r| self.seqs[&*r.key] > seq).collect();
        found.sort_by_key(|record| self.seqs[&*record.key]);
        found
    }

    fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.records.values().for_each(|record| totals.insert(&hash_of(record)));
        totals
    }
}

#[derive(Default)]
struct Server {
    shelves: BTreeMap<String, Shelf>,
    connections: Vec<Connection>,
    /// Pushes are not answered.
    holds_acks: bool,
    /// Pushes are acknowledged as in memory only.
    in_memory: bool,
    /// Keys that are refused.
    refused: BTreeMap<String, ErrorCode>,
    /// Tokens other than `good` that are taken, and when each ends.
    tokens: BTreeMap<String, u64>,
    banned: BTreeSet<String>,
    /// Operations of each push.
    pushes: Vec<usize>,
    auths: Vec<AuthRequest>,
}

/// A coordinator in memory.
#[derive(Clone, Default)]
pub(crate) struct FakeServer(Arc<Mutex<Server>>);

/// What others see of it.
impl FakeServer {
    fn lock(&self) -> MutexGuard<'_, Server> {
        self.0.lock().unwrap()
    }

    pub(crate) fn link(&self) -> Link {
        Link::new(self.clone())
    }

    /// The values of a map.
    pub(crate) fn values(&self) -> BTreeMap<String, String> {
        let server = self.lock();
        let Some(shelf) = server.shelves.get(super::MAP) else { return BTreeMap::new() };
        let text = |value: &Bytes| String::from_utf8(value.to_vec()).unwrap();
        let puts = shelf.records.values().filter(|r| r.kind as i32 == 0);
        puts.map(|record| (record.key.to_string(), text(&record.value))).collect()
    }

    pub(crate) fn record(&self, key: &str) -> Option<Record> {
        self.lock().shelves.get(super::MAP)?.records.get(key).cloned()
    }

    /// Somebody else, who has no client of ours, writes.
    pub(crate) fn write(&self, op: OperationMessage) {
        let mut server = self.lock();
        server.apply(usize::MAX, op).unwrap();
        server.publish();
    }

    pub(crate) fn hold_acks(&self, hold: bool) {
        self.lock().holds_acks = hold;
    }

    pub(crate) fn acknowledge_in_memory(&self, in_memory: bool) {
        self.lock().in_memory = in_memory;
    }

    pub(crate) fn refuse_key(&self, key: &str, code: ErrorCode) {
        self.lock().refused.insert(key.into(), code);
    }

    /// Takes another token, until a time.
    pub(crate) fn issue(&self, token: &str, ends_ms: u64) {
        self.lock().tokens.insert(token.into(), ends_ms);
    }

    /// Takes a token no longer.
    pub(crate) fn ban(&self, token: &str) {
        self.lock().banned.insert(token.into());
    }

    pub(crate) fn pushes(&self) -> Vec<usize> {
        self.lock().pushes.clone()
    }

    pub(crate) fn auths(&self) -> Vec<AuthRequest> {
        self.lock().auths.clone()
    }
}

/// The side of the connections.
impl FakeServer {
    pub(crate) fn accept(&self, link: Link, down: mpsc::UnboundedSender<Down>) -> usize {
        let mut server = self.lock();
        let follows = BTreeMap::new();
        server.connections.push(Connection { down, link, open: true, follows });
        server.connections.len() - 1
    }

    pub(crate) fn forget(&self, at: usize) {
        self.lock().connections[at].open = false;
    }

    pub(crate) fn pong(&self, at: usize) {
        let _ = self.lock().connections[at].down.send(Ok(Received::Heartbeat));
    }

    pub(crate) fn receive(&self, at: usize, bytes: Bytes) {
        let mut server = self.lock();
        if !server.connections[at].open {
            return;
        }
        let Envelope { correlation_id, payload } = Envelope::decode(bytes).unwrap();
        let mut denied = None;
        let answer = match payload.unwrap() {
            Payload::Auth(auth) => {
                let answer = server.authenticate(auth);
                denied = (answer.status != AuthStatus::Ok as i32)
                    .then(|| server.connections[at].link.clone());
                Some(Payload::AuthResp(answer))
            }
            Payload::Op(op) => server.push(at, vec![op]),
            Payload::SyncReq(request) => server.sync(at, request),
            Payload::Subscribe(Subscribe { map_name, .. }) => {
                let last = server.shelves.entry(map_name.clone()).or_default().last;
                server.connections[at].follows.entry(map_name).or_insert(last);
                Some(Payload::Ack(Ack::default()))
            }
            Payload::Unsubscribe(unsubscribe) => {
                server.connections[at].follows.remove(&unsubscribe.map_name);
                Some(Payload::Ack(Ack::default()))
            }
            Payload::Ping(ping) => {
                Some(Payload::Pong(Pong { time: ping.time, server_time: server_time() }))
            }
            other => panic!("a client does not send {other:?}"),
        };
        if let Some(payload) = answer {
            server.send(at, correlation_id, payload);
        }
        server.publish();
        drop(server);
        if let Some(link) = denied {
            link.end(Some(4401));
        }
    }
}

fn server_time() -> String {
    format!("{NOW}:0:~server")
}

fn cursor(seq: u64) -> Bytes {
    Bytes::copy_from_slice(&seq.to_be_bytes())
}

impl Server {
    fn send(&self, at: usize, correlation_id: String, payload: Payload) {
        let envelope = Envelope { correlation_id, payload: Some(payload) };
        let _ = self.connections[at].down.send(binary(envelope.encode_to_vec()));
    }

    fn authenticate(&mut self, auth: AuthRequest) -> AuthResponse {
        let ends = match &*auth.token {
            "good" => Some(0),
            token => self.tokens.get(token).copied(),
        };
        let ends = ends.filter(|_| !self.banned.contains(&auth.token));
        self.auths.push(auth);
        let status = if ends.is_some() { AuthStatus::Ok } else { AuthStatus::InvalidToken };
        AuthResponse {
            status: status as i32,
            server_time: server_time(),
            user_id: "user".into(),
            protocol_version: 1,
            capabilities: vec!["cursor".into()],
            limits: Some(Limits::default().announced()),
            message: if ends.is_some() { String::new() } else { "unknown token".into() },
            session_id: "1".into(),
            token_expires_at_ms: ends.unwrap_or_default(),
        }
    }

    fn apply(&mut self, from: usize, op: OperationMessage) -> Result<Outcome, ErrorCode> {
        let map = op.map_name.clone();
        if from != usize::MAX
            && let Some(code) = self.refused.get(&op.key)
        {
            return Err(*code);
        }
        let record = Record::from_op(op, &Limits::default()).map_err(|fault| fault.code)?;
        if record.hlc.millis > NOW + DRIFT_MS {
            return Err(ErrorCode::ClockDrift);
        }
        Ok(self.shelves.entry(map).or_default().apply(record))
    }

    fn push(&mut self, at: usize, ops: Vec<OperationMessage>) -> Option<Payload> {
        self.pushes.push(ops.len());
        let mut ack =
            Ack { durable: !self.in_memory, server_time: server_time(), ..Ack::default() };
        for (index, op) in ops.into_iter().enumerate() {
            let result = OpResult { index: index as u32, ..OpResult::default() };
            match self.apply(at, op) {
                Ok(Outcome::Applied) => ack.applied += 1,
                Ok(outcome) => ack.results.push(OpResult { outcome: outcome as i32, ..result }),
                Err(code) => {
                    let outcome = Outcome::Rejected as i32;
                    ack.results.push(OpResult { outcome, code: code as i32, ..result });
                }
            }
        }
        (!self.holds_acks).then_some(Payload::Ack(ack))
    }

    fn sync(&mut self, at: usize, request: SyncRequest) -> Option<Payload> {
        let map = request.map_name.clone();
        let shelf = self.shelves.entry(map.clone()).or_default();
        let totals = shelf.totals();
        let mut response = SyncResponse {
            status: Status::Ok as i32,
            r#type: request.r#type,
            map_name: map.clone(),
            root_hash: Bytes::copy_from_slice(&fingerprint(&totals)),
            count: totals.count,
            cursor: cursor(shelf.last),
            server_time: server_time(),
            ..SyncResponse::default()
        };
        match request.r#type() {
            Type::Push => return self.push(at, request.ops),
            Type::PullSince => {
                let since = request.cursor.as_ref().try_into().map_or(0, u64::from_be_bytes);
                response.ops = shelf.since(since).iter().map(|r| r.to_op(&map)).collect();
                let last = shelf.last;
                self.connections[at].follows.insert(map, last);
            }
            Type::Get => {
                for key in request.keys {
                    match shelf.records.get(&key) {
                        Some(record) => response.ops.push(record.to_op(&map)),
                        None => response.missing_keys.push(key),
                    }
                }
            }
            other => {
                let message = format!("{other:?}");
                let code = ErrorCode::Unsupported as i32;
                return Some(Payload::Error(ErrorMessage { code, message, ..Default::default() }));
            }
        }
        Some(Payload::SyncResp(response))
    }

    /// Tells those who follow a map what is new in it, their own writes as well.
    fn publish(&mut self) {
        let mut told = Vec::new();
        for (at, connection) in self.connections.iter_mut().enumerate().filter(|(_, c)| c.open) {
            for (map, sent) in &mut connection.follows {
                let shelf = &self.shelves[map];
                let ops: Vec<_> = shelf.since(*sent).iter().map(|r| r.to_op(map)).collect();
                if !ops.is_empty() {
                    let batch = OperationBatch {
                        ops,
                        cursor: cursor(shelf.last),
                        prev_cursor: cursor(std::mem::replace(sent, shelf.last)),
                    };
                    told.push((at, Payload::Batch(batch)));
                }
            }
        }
        for (at, payload) in told {
            self.send(at, String::new(), payload);
        }
    }
}
