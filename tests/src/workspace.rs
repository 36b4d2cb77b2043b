//! A peer of the workspace dialect as a test needs one: one socket, messages as text and as JSON.
//!
//! Knows the wire by its specification; nothing of the server but how tokens are signed.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use syncline::auth::SigningKey;

use crate::{
    PATIENCE,
    http::Answer,
    server::TestServer,
    ws::{CLOSE, Event, FIN, Frame, PING, PONG, Socket, TEXT},
};

/// What the servers of [`server`] sign and check tokens with.
pub const SECRET: &str = "a-secret-of-the-house-that-is-long-enough";

/// A server that checks tokens with [`SECRET`]; `adapt` changes what the test is about.
#[must_use]
pub fn server(adapt: impl FnOnce(&mut syncline::Config)) -> TestServer {
    TestServer::start(|config| {
        config.auth.secret = Some(SECRET.into());
        adapt(config);
    })
}

/// A token of these claims.
///
/// # Panics
/// When they are no object.
#[must_use]
pub fn token(claims: &Value) -> String {
    let claims = claims.as_object().expect("claims are an object");
    SigningKey::from_secret(SECRET).sign(claims).expect("a token")
}

/// Opens a WebSocket in a workspace, its name encoded already; `more` is appended to the query.
#[must_use]
pub fn dial(address: SocketAddr, workspace: &str, token: &str, more: &str) -> (Socket, Answer) {
    Socket::try_open(address, &format!("/v1/sync/{workspace}?token={token}{more}"), &[])
}

/// A client that answers pings while it reads, and has read its first message.
#[derive(Debug)]
pub struct Peer {
    socket: Socket,
    /// The first message.
    pub init: Value,
    pings: usize,
    server: SocketAddr,
    workspace: String,
}

impl Peer {
    /// Connects as `user` and reads the first message.
    ///
    /// # Panics
    /// When the server does not let it in, or begins with something else.
    #[must_use]
    pub fn join(server: &TestServer, workspace: &str, user: &str) -> Self {
        let (socket, answer) =
            dial(server.address(), workspace, &token(&json!({ "sub": user })), "");
        assert_eq!(answer.status, 101, "{}", answer.text());
        Self::over(socket, server, workspace)
    }

    /// Reads the first message of a socket that is open.
    ///
    /// # Panics
    /// When the server begins with something else.
    #[must_use]
    pub fn over(socket: Socket, server: &TestServer, workspace: &str) -> Self {
        let (server, workspace) = (server.address(), workspace.to_owned());
        let mut peer = Self { socket, init: Value::Null, pings: 0, server, workspace };
        let first = peer.message();
        assert_eq!(first["type"], "init", "{first}");
        peer.init = first;
        peer
    }

    /// The frames below.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// The values it was opened with.
    #[must_use]
    pub fn data(&self) -> &Value {
        &self.init["data"]
    }

    /// Sets a key to this JSON.
    pub fn set(&mut self, key: &str, value: &str, timestamp: i64) {
        self.say(&op(key, value, timestamp));
    }

    /// Sends a text message.
    ///
    /// # Panics
    /// When the server has gone.
    pub fn say(&mut self, text: &str) {
        assert!(self.socket.send_text(text), "the server has gone");
    }

    /// The next message.
    ///
    /// # Panics
    /// When none comes within [`PATIENCE`], or the connection ends.
    pub fn text(&mut self) -> String {
        self.wait(PATIENCE).expect("a message")
    }

    /// The next message as JSON.
    pub fn message(&mut self) -> Value {
        serde_json::from_str(&self.text()).expect("JSON")
    }

    /// Waits for a message, and answers pings meanwhile.
    ///
    /// # Panics
    /// When the connection ends.
    pub fn wait(&mut self, wait: Duration) -> Option<String> {
        loop {
            let Frame { first, payload } = match self.socket.event(wait) {
                Event::Frame(frame) => frame,
                Event::Nothing => return None,
                Event::End => panic!("the connection has ended"),
            };
            match first & 0x0f {
                TEXT => return Some(String::from_utf8(payload).expect("text is UTF-8")),
                PING => {
                    self.socket.send(FIN | PONG, &payload);
                }
                PONG => self.pings = self.pings.saturating_sub(1),
                CLOSE => panic!("closed: {payload:?}"),
                other => panic!("a frame of opcode {other}"),
            }
        }
    }

    /// Like [`Peer::drain`], and nothing may come.
    ///
    /// # Panics
    /// When something does.
    pub fn quiet(&mut self) {
        let came = self.drain();
        assert!(came.is_empty(), "{came:?}");
    }

    /// The messages that come until all that this peer said has had its effect, and the server knows
    /// that this peer has read them.
    ///
    /// # Panics
    /// When the connection ends.
    pub fn drain(&mut self) -> Vec<Value> {
        let mut messages = Vec::new();
        // The server has read all that was said; then an opening, which comes in its order, is behind
        // all that became of it; then this peer has read that, and last the server its pong.
        for opens in [true, false, false] {
            self.pings += 1;
            self.socket.send(FIN | PING, b"there?");
            while self.pings > 0 {
                if let Some(text) = self.step() {
                    messages.push(serde_json::from_str(&text).expect("JSON"));
                }
            }
            if opens {
                let token = token(&json!({ "sub": "somebody" }));
                let (mut other, _) = dial(self.server, &self.workspace, &token, "");
                assert_eq!(other.frame().opcode(), TEXT);
            }
        }
        messages
    }

    /// One frame; a message, if it is one.
    fn step(&mut self) -> Option<String> {
        let Frame { first, payload } = self.socket.frame();
        match first & 0x0f {
            TEXT => return Some(String::from_utf8(payload).expect("text is UTF-8")),
            PING => {
                self.socket.send(FIN | PONG, &payload);
            }
            PONG => self.pings -= 1,
            other => panic!("a frame of opcode {other}"),
        }
        None
    }
}

/// The message that sets a key to this JSON.
#[must_use]
pub fn op(key: &str, value: &str, timestamp: i64) -> String {
    format!(
        r#"{{"type":"op","payload":{{"key":{},"value":{value},"timestamp":{timestamp}}}}}"#,
        json!(key)
    )
}
