//! A client of the oplog dialect as a test needs one: requests on one connection, answers as JSON.
//!
//! Knows the wire by its specification; nothing of the server.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::http::{Answer, Raw, request};

/// The header of every body.
pub const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A client, and the connection it keeps.
#[derive(Debug)]
pub struct Client {
    raw: Raw,
    /// Its `clientId`.
    pub id: String,
    /// Headers that it sends with each request.
    pub headers: Vec<(String, String)>,
}

impl Client {
    /// Connects.
    #[must_use]
    pub fn new(address: SocketAddr, id: &str) -> Self {
        Self { raw: Raw::connect(address), id: id.into(), headers: Vec::new() }
    }

    /// Connects; none when nobody listens there any more.
    #[must_use]
    pub fn try_new(address: SocketAddr, id: &str) -> Option<Self> {
        let raw = Raw::try_connect(address)?;
        Some(Self { raw, id: id.into(), headers: Vec::new() })
    }

    /// Connects, to show this token with each request.
    #[must_use]
    pub fn with_token(address: SocketAddr, id: &str, token: &str) -> Self {
        let mut client = Self::new(address, id);
        client.headers.push(("Authorization".into(), format!("Bearer {token}")));
        client
    }

    /// The connection.
    pub fn raw(&mut self) -> &mut Raw {
        &mut self.raw
    }

    /// One request and its answer.
    ///
    /// # Panics
    /// When there is none.
    pub fn ask(
        &mut self,
        method: &str,
        target: &str,
        more: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers: Vec<_> = own.chain(more.iter().copied()).collect();
        self.raw.ask(method, target, &headers, body)
    }

    /// As [`Client::ask`]; none when the connection ends before the answer does.
    ///
    /// # Panics
    /// When neither comes.
    pub fn try_ask(&mut self, method: &str, target: &str, body: &[u8]) -> Option<Answer> {
        self.raw.send(&request(method, target, &[JSON], body));
        self.raw.answer().filter(|answer| !answer.is_cut)
    }

    /// A GET.
    pub fn get(&mut self, target: &str) -> Answer {
        self.ask("GET", target, &[], &[])
    }

    /// A POST of JSON.
    pub fn post(&mut self, target: &str, body: &Value) -> Answer {
        self.ask("POST", target, &[JSON], body.to_string().as_bytes())
    }

    /// `GET /sync/bootstrap`, which must work.
    ///
    /// # Panics
    /// When it does not.
    pub fn bootstrap(&mut self) -> Value {
        ok(&self.get("/sync/bootstrap"))
    }

    /// The key of the active generation.
    ///
    /// # Panics
    /// When there is none.
    pub fn key(&mut self) -> String {
        self.bootstrap()["datasetGenerationKey"].as_str().expect("a key").to_owned()
    }

    /// `POST /sync/push`.
    pub fn push(&mut self, key: &str, ops: &[Value]) -> Answer {
        let body = json!({ "clientId": self.id, "datasetGenerationKey": key, "ops": ops });
        self.post("/sync/push", &body)
    }

    /// `GET /sync/pull`, with `more` behind its query.
    pub fn pull(&mut self, key: &str, since: u64, more: &str) -> Answer {
        let id = self.id.clone();
        self.get(&format!(
            "/sync/pull?since={since}&clientId={id}&datasetGenerationKey={key}{more}"
        ))
    }

    /// `POST /sync/reset`.
    pub fn reset(&mut self, key: &str, snapshot: &str) -> Answer {
        let body =
            json!({ "clientId": self.id, "datasetGenerationKey": key, "snapshot": snapshot });
        self.post("/sync/reset", &body)
    }
}

/// An operation on one list.
#[must_use]
pub fn op(actor: &str, clock: u64, payload: &Value) -> Value {
    json!({
        "scope": "list", "resourceId": "list-1", "actor": actor, "clock": clock, "payload": payload,
    })
}

/// The body of an answer.
///
/// # Panics
/// When it is not whole, or no JSON.
#[must_use]
pub fn body(answer: &Answer) -> Value {
    assert!(!answer.is_cut, "the answer is not whole");
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// The body of an answer that must be a 200.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn ok(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    body(answer)
}
