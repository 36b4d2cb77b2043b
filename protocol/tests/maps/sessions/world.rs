//! A coordinator in memory and what its clients say and hear.

use std::collections::HashMap;

use syncline_protocol::{
    dialect::{UnixMillis, Violation},
    dialects::maps::{
        Grants, Limits, Principal, Settings,
        memory::{Coordinator, Delays, Out, Sent},
        proto::{
            Ack, AuthRequest, AuthResponse, Envelope, ErrorCode, ErrorMessage, OperationBatch,
            OperationMessage, Subscribe, SyncRequest, SyncResponse, Unsubscribe, envelope::Payload,
            op_result::Outcome, operation_message::OpType, sync_request::Type,
        },
        wire,
    },
};

/// When most tests begin, in milliseconds.
pub(crate) const NOW: u64 = 1_700_000_000_000;
/// How long tokens are good in most tests, in milliseconds.
pub(crate) const TOKEN_MS: u64 = 3_600_000;

/// A coordinator, the time, and what clients have not looked at yet.
pub(crate) struct World {
    pub(crate) coordinator: Coordinator,
    pub(crate) now: u64,
    heard: HashMap<u64, Vec<(u64, Envelope)>>,
    closed: HashMap<u64, Violation>,
}

impl Default for World {
    fn default() -> Self {
        Self::new(Settings::default(), Delays::default())
    }
}

impl World {
    pub(crate) fn new(settings: Settings, delays: Delays) -> Self {
        let coordinator = Coordinator::new(settings, delays);
        for user in ["anna", "ben"] {
            coordinator.tokens().allow(user, user, UnixMillis(NOW + TOKEN_MS));
        }
        Self { coordinator, now: NOW, heard: HashMap::new(), closed: HashMap::new() }
    }

    pub(crate) fn limited(limit: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        limit(&mut limits);
        Self::new(Settings { limits, ..Settings::default() }, Delays::default())
    }

    /// A token of a user who may do what the claim says.
    pub(crate) fn token(&self, token: &str, user: &str, claim: &str) {
        let says = principal(user, claim, NOW + TOKEN_MS);
        self.coordinator.tokens().set(token, Ok(says));
    }

    fn hear(&mut self, out: Vec<Out>) {
        for Out { to, at, what } in out {
            match what {
                Sent::Message(bytes) => {
                    let envelope = wire::decode(bytes, &roomy()).expect("an envelope");
                    self.heard.entry(to).or_default().push((at.0, envelope));
                }
                Sent::Close(why) => assert_eq!(self.closed.insert(to, why), None),
            }
        }
    }

    pub(crate) fn connect(&mut self) -> u64 {
        self.coordinator.connect(UnixMillis(self.now))
    }

    /// Sends a payload; what it comes to is heard later.
    pub(crate) fn send(&mut self, client: u64, id: &str, payload: Payload) {
        let envelope = Envelope { correlation_id: id.into(), payload: Some(payload) };
        self.send_bytes(client, wire::encode(&envelope));
    }

    pub(crate) fn send_bytes(&mut self, client: u64, bytes: impl Into<bytes::Bytes>) {
        let out = self.coordinator.receive(client, bytes.into(), UnixMillis(self.now));
        self.hear(out);
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.now += ms;
        let out = self.coordinator.tick(UnixMillis(self.now));
        self.hear(out);
    }

    pub(crate) fn set_slow(&mut self, client: u64, slow: bool) {
        let out = self.coordinator.set_slow(client, slow, UnixMillis(self.now));
        self.hear(out);
    }

    /// What a client has heard since it was asked last, and when.
    pub(crate) fn timed(&mut self, client: u64) -> Vec<(u64, Envelope)> {
        self.heard.remove(&client).unwrap_or_default()
    }

    /// What a client has heard since it was asked last.
    pub(crate) fn heard(&mut self, client: u64) -> Vec<Envelope> {
        self.timed(client).into_iter().map(|(_, envelope)| envelope).collect()
    }

    /// The only thing that a client has heard.
    pub(crate) fn only(&mut self, client: u64) -> Envelope {
        let mut heard = self.heard(client);
        assert_eq!(heard.len(), 1, "{heard:?}");
        heard.remove(0)
    }

    /// Sends a payload; the only thing that comes back at once, under the same id.
    pub(crate) fn ask(&mut self, client: u64, payload: Payload) -> Payload {
        self.send(client, "ask", payload);
        let Envelope { correlation_id, payload } = self.only(client);
        assert_eq!(correlation_id, "ask");
        payload.expect("a payload")
    }

    /// How a client's connection ended.
    pub(crate) fn close_code(&self, client: u64) -> Option<u16> {
        self.closed.get(&client).map(|why| why.code)
    }

    pub(crate) fn authenticate(&mut self, client: u64, request: AuthRequest) -> AuthResponse {
        match self.ask(client, Payload::Auth(request)) {
            Payload::AuthResp(response) => response,
            other => panic!("{other:?}"),
        }
    }

    /// A client of version 1 that has authenticated.
    pub(crate) fn client(&mut self, token: &str, node: &str) -> u64 {
        self.client_of(token, node, 1)
    }

    pub(crate) fn client_of(&mut self, token: &str, node: &str, version: u32) -> u64 {
        let client = self.connect();
        let response = self.authenticate(client, auth(token, node, version));
        assert_eq!(response.status, 1, "{response:?}");
        client
    }

    pub(crate) fn push(&mut self, client: u64, ops: Vec<OperationMessage>) -> Ack {
        ack(self.ask(client, push(ops)))
    }

    /// Writes, and everything is applied.
    pub(crate) fn put(&mut self, client: u64, ops: Vec<OperationMessage>) {
        let count = ops.len() as u32;
        let ack = self.push(client, ops);
        assert_eq!((&ack.results[..], ack.applied, ack.durable), (&[][..], count, true));
    }

    pub(crate) fn sync(&mut self, client: u64, request: SyncRequest) -> SyncResponse {
        match self.ask(client, Payload::SyncReq(request)) {
            Payload::SyncResp(response) => response,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn error(&mut self, client: u64, payload: Payload) -> ErrorMessage {
        match self.ask(client, payload) {
            Payload::Error(error) => error,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn error_code(&mut self, client: u64, payload: Payload) -> ErrorCode {
        self.error(client, payload).code()
    }

    /// The batches that a client has heard, and nothing else.
    pub(crate) fn batches(&mut self, client: u64) -> Vec<OperationBatch> {
        let batch = |envelope: Envelope| match envelope {
            Envelope { correlation_id, payload: Some(Payload::Batch(batch)) } => {
                assert_eq!(correlation_id, "");
                assert!(!batch.ops.is_empty(), "a batch is never empty");
                batch
            }
            other => panic!("{other:?}"),
        };
        self.heard(client).into_iter().map(batch).collect()
    }
}

/// Limits that nothing a server sends goes beyond.
pub(crate) fn roomy() -> Limits {
    let frame_bytes_max = 64 << 20;
    Limits { frame_bytes_max, items_max: 1 << 20, ..Limits::default() }
}

pub(crate) fn principal(user: &str, claim: &str, expires: u64) -> Principal {
    let grants = Grants::from_claim(&serde_json::from_str(claim).unwrap()).unwrap();
    Principal { user: user.into(), grants, expires: UnixMillis(expires) }
}

pub(crate) fn auth(token: &str, node: &str, version: u32) -> AuthRequest {
    AuthRequest {
        token: token.into(),
        protocol_version: version,
        node_id: node.into(),
        ..AuthRequest::default()
    }
}

/// A value for a key, of a node at a time after [`NOW`].
pub(crate) fn op(map: &str, key: &str, value: &str, ms: u64, node: &str) -> OperationMessage {
    OperationMessage {
        map_name: map.into(),
        key: key.into(),
        value: bytes::Bytes::copy_from_slice(value.as_bytes()),
        timestamp: format!("{}:0:{node}", NOW + ms),
        r#type: OpType::Put.into(),
        ttl_ms: 0,
    }
}

pub(crate) fn push(ops: Vec<OperationMessage>) -> Payload {
    sync(SyncRequest { r#type: Type::Push.into(), ops, ..SyncRequest::default() })
}

pub(crate) fn sync(request: SyncRequest) -> Payload {
    Payload::SyncReq(request)
}

pub(crate) fn request(kind: Type, map: &str) -> SyncRequest {
    SyncRequest { r#type: kind.into(), map_name: map.into(), ..SyncRequest::default() }
}

pub(crate) fn get(map: &str, key: &str) -> SyncRequest {
    SyncRequest { keys: vec![key.into()], ..request(Type::Get, map) }
}

pub(crate) fn pull(map: &str, cursor: &bytes::Bytes) -> SyncRequest {
    SyncRequest { cursor: cursor.clone(), ..request(Type::PullSince, map) }
}

pub(crate) fn subscribe(map: &str, prefix: &str, cursor: &bytes::Bytes) -> Payload {
    let (map_name, key_prefix) = (map.into(), prefix.into());
    Payload::Subscribe(Subscribe { map_name, key_prefix, cursor: cursor.clone() })
}

pub(crate) fn unsubscribe(map: &str, prefix: &str) -> Payload {
    Payload::Unsubscribe(Unsubscribe { map_name: map.into(), key_prefix: prefix.into() })
}

pub(crate) fn ack(payload: Payload) -> Ack {
    match payload {
        Payload::Ack(ack) => ack,
        other => panic!("{other:?}"),
    }
}

/// The results of an acknowledgement: index, outcome, code.
pub(crate) fn results(ack: &Ack) -> Vec<(u32, Outcome, ErrorCode)> {
    ack.results.iter().map(|result| (result.index, result.outcome(), result.code())).collect()
}

pub(crate) fn keys(batch: &OperationBatch) -> Vec<&str> {
    batch.ops.iter().map(|op| &*op.key).collect()
}

/// The response in an envelope.
pub(crate) fn response(envelope: &Envelope) -> Option<&SyncResponse> {
    match &envelope.payload {
        Some(Payload::SyncResp(response)) => Some(response),
        _ => None,
    }
}
