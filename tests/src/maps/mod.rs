//! A client of the maps dialect as a test needs one: a WebSocket and its envelopes, and posts.
//!
//! Knows the wire by its messages; nothing of the server but how tokens are signed.

mod messages;
pub mod proxy;
pub mod tree;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use prost::Message;
use serde_json::{Value, json};
use syncline_protocol::dialects::maps::proto::{
    Ack, AuthRequest, AuthResponse, Envelope, ErrorMessage, OperationBatch, OperationMessage,
    SyncRequest, SyncResponse, envelope::Payload,
};

pub use self::messages::{
    buckets, envelope, get, merkle, op, payload, pull, push, put, remove, subscribe,
};
use crate::{
    PATIENCE,
    http::{Answer, Raw},
    server::TestServer,
    workspace::token,
    ws::{BINARY, CLOSE, Event, FIN, Frame, PING, PONG, Socket},
};

/// Where a WebSocket is opened.
pub const PATH: &str = "/v1/maps";

/// Where one message is posted.
pub const SYNC_PATH: &str = "/v1/maps/sync";

/// A claim that allows everything in all maps.
#[must_use]
pub fn everything() -> Value {
    json!([{ "map": "*", "ops": ["READ", "PUT", "REMOVE"] }])
}

/// The claims of a user who may do so much, for an hour.
#[must_use]
pub fn claims(user: &str, perms: &Value) -> Value {
    json!({ "sub": user, "perms": perms, "exp": now_ms() / 1000 + 3600 })
}

/// The wall clock, in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A client.
#[derive(Debug)]
pub struct Client {
    socket: Socket,
    /// What came while an answer was waited for.
    aside: VecDeque<Envelope>,
    asked: u64,
    /// What it was let in with; empty before that.
    pub auth: AuthResponse,
}

impl Client {
    /// A connection that has said nothing yet.
    ///
    /// # Panics
    /// When the server does not switch protocols.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        let (socket, answer) =
            Socket::try_open(address, PATH, &[("Sec-WebSocket-Protocol", "coord.v1")]);
        assert_eq!(answer.status, 101, "{}", answer.text());
        assert_eq!(answer.header("sec-websocket-protocol"), Some("coord.v1"));
        Self { socket, aside: VecDeque::new(), asked: 0, auth: AuthResponse::default() }
    }

    /// A connection of a user who may do everything, as node `NAME-node`, protocol version 1.
    ///
    /// # Panics
    /// When it is not let in.
    #[must_use]
    pub fn join(server: &TestServer, user: &str) -> Self {
        Self::join_with(server.address(), user, &everything())
    }

    /// The same of a user who may do what `perms` says.
    ///
    /// # Panics
    /// When it is not let in.
    #[must_use]
    pub fn join_with(address: SocketAddr, user: &str, perms: &Value) -> Self {
        let token = token(&claims(user, perms));
        let mut client = Self::open(address);
        client.auth = client.authenticate(&token, 1, &format!("{user}-node"));
        assert_eq!(client.auth.status, 1, "{:?}", client.auth);
        client
    }

    /// Shows a token, and takes the answer.
    ///
    /// # Panics
    /// When there is another.
    pub fn authenticate(&mut self, token: &str, version: u32, node: &str) -> AuthResponse {
        let request = AuthRequest {
            token: token.into(),
            protocol_version: version,
            node_id: node.into(),
            ..AuthRequest::default()
        };
        match self.ask(Payload::Auth(request)) {
            Payload::AuthResp(response) => response,
            other => panic!("waited to be let in, got {other:?}"),
        }
    }

    /// The frames below.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Sends a message; false when the server has gone.
    pub fn send(&mut self, message: &Envelope) -> bool {
        self.socket.send(FIN | BINARY, &message.encode_to_vec())
    }

    /// Sends a request under an id of its own, and gives that.
    pub fn begin(&mut self, payload: Payload) -> String {
        self.asked += 1;
        let id = format!("r{}", self.asked);
        self.send(&envelope(&id, payload));
        id
    }

    /// The next message with this id; others are laid aside.
    ///
    /// # Panics
    /// When none comes within [`PATIENCE`], the connection ends, or the message is empty.
    pub fn answer(&mut self, id: &str) -> Payload {
        let came = self.aside.iter().position(|message| message.correlation_id == id);
        if let Some(message) = came.and_then(|at| self.aside.remove(at)) {
            return message.payload.expect("an answer says something");
        }
        loop {
            let message = self.receive(PATIENCE).expect("an answer");
            if message.correlation_id == id {
                return message.payload.expect("an answer says something");
            }
            self.aside.push_back(message);
        }
    }

    /// Asks, and takes the first answer.
    pub fn ask(&mut self, payload: Payload) -> Payload {
        let id = self.begin(payload);
        self.answer(&id)
    }

    /// Asks, and takes the acknowledgement.
    ///
    /// # Panics
    /// When the answer is another.
    pub fn acked(&mut self, payload: Payload) -> Ack {
        match self.ask(payload) {
            Payload::Ack(ack) => ack,
            other => panic!("waited for an Ack, got {other:?}"),
        }
    }

    /// Sends one operation, and takes its acknowledgement.
    pub fn write(&mut self, operation: OperationMessage) -> Ack {
        self.acked(Payload::Op(operation))
    }

    /// Asks for a sync, and takes the first answer.
    ///
    /// # Panics
    /// When the answer is another.
    pub fn sync(&mut self, request: SyncRequest) -> SyncResponse {
        match self.ask(Payload::SyncReq(request)) {
            Payload::SyncResp(response) => response,
            other => panic!("waited for a SyncResponse, got {other:?}"),
        }
    }

    /// Asks, and takes the error.
    ///
    /// # Panics
    /// When the answer is another.
    pub fn refused(&mut self, payload: Payload) -> ErrorMessage {
        match self.ask(payload) {
            Payload::Error(error) => error,
            other => panic!("waited for an error, got {other:?}"),
        }
    }

    /// Asks for a sync, and takes all answers, up to the one without `more`.
    ///
    /// # Panics
    /// When one of them is another.
    pub fn sync_all(&mut self, request: SyncRequest) -> Vec<SyncResponse> {
        let id = self.begin(Payload::SyncReq(request));
        let mut all = Vec::new();
        loop {
            match self.answer(&id) {
                Payload::SyncResp(response) => all.push(response),
                other => panic!("waited for a SyncResponse, got {other:?}"),
            }
            if all.last().is_some_and(|response| !response.more) {
                return all;
            }
        }
    }

    /// All that a map has, page by page, and the last page's cursor, root hash and number.
    pub fn everything(&mut self, map: &str) -> SyncResponse {
        let mut ops = Vec::new();
        let mut cursor = bytes::Bytes::new();
        loop {
            let mut page = self.sync(pull(map, &cursor));
            ops.append(&mut page.ops);
            cursor = page.cursor.clone();
            if !page.more {
                return SyncResponse { ops, ..page };
            }
        }
    }

    /// Nothing is pushed: all that the server had to say before it reads a ping has come.
    ///
    /// # Panics
    /// When something was pushed.
    pub fn hears_nothing(&mut self, wait: Duration) {
        let came = self.aside.pop_front().or_else(|| self.receive(wait));
        assert_eq!(came, None, "nothing was to come");
    }

    /// The next message that answers nothing.
    ///
    /// # Panics
    /// When none comes within [`PATIENCE`].
    pub fn pushed(&mut self) -> Payload {
        let message = self.aside.pop_front().or_else(|| self.receive(PATIENCE));
        let message = message.expect("a push");
        assert_eq!(message.correlation_id, "", "a push answers nothing: {message:?}");
        message.payload.expect("a push says something")
    }

    /// The next batch of changes that is pushed.
    ///
    /// # Panics
    /// When something else is.
    pub fn batch(&mut self) -> OperationBatch {
        match self.pushed() {
            Payload::Batch(batch) => batch,
            other => panic!("waited for a batch, got {other:?}"),
        }
    }

    /// Waits for a message, and answers pings meanwhile.
    ///
    /// # Panics
    /// When the connection ends.
    pub fn receive(&mut self, wait: Duration) -> Option<Envelope> {
        loop {
            let Frame { first, payload } = match self.socket.event(wait) {
                Event::Frame(frame) => frame,
                Event::Nothing => return None,
                Event::End => panic!("the connection has ended"),
            };
            match first & 0x0f {
                BINARY => return Some(Envelope::decode(&payload[..]).expect("an Envelope")),
                PING => {
                    self.socket.send(FIN | PONG, &payload);
                }
                PONG => {}
                CLOSE => panic!("closed: {:?} {}", payload.first_chunk::<2>(), lossy(&payload)),
                other => panic!("a frame of opcode {other}"),
            }
        }
    }

    /// Waits until the server closes: with this code.
    pub fn closed(&mut self) -> Option<u16> {
        self.socket.closed().close_code()
    }
}

fn lossy(payload: &[u8]) -> String {
    String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into_owned()
}

/// Posts a message with this token.
///
/// # Panics
/// When there is no answer.
#[must_use]
pub fn post(address: SocketAddr, token: &str, message: &Envelope) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", &*bearer), ("Content-Type", "application/x-protobuf")];
    Raw::connect(address).ask("POST", SYNC_PATH, &headers, &message.encode_to_vec())
}

/// Posts a message, and takes the one that answers it.
///
/// # Panics
/// When the answer is no message with its id.
#[must_use]
pub fn exchange(address: SocketAddr, token: &str, payload: Payload) -> Payload {
    let answer = post(address, token, &envelope("post", payload));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/x-protobuf"));
    let message = Envelope::decode(&answer.body[..]).expect("an Envelope");
    assert_eq!(message.correlation_id, "post");
    message.payload.expect("an answer says something")
}
