//! An oplog server in memory, written from the spec and by nothing of the client, and links to it
//! on which things go wrong. A request is handled inside the call that sends it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Value, json};
use syncline_client::oplog::{Body, ConnectionError, Request, Response, Transport};
use tokio::sync::Notify;

/// One dataset and what it refuses.
#[derive(Default)]
struct Dataset {
    key: String,
    retired: BTreeSet<String>,
    snapshot: String,
    ops: Vec<Value>,
    names: BTreeSet<String>,
    /// How far each client said it was in this generation: it must never take that back.
    acked: BTreeMap<String, usize>,
    news: Arc<Notify>,
    /// The lengths of the pushes so far.
    pushes: Vec<usize>,
    push_ops_max: Option<usize>,
    poison: Option<String>,
}

/// An oplog server in memory.
#[derive(Clone, Default)]
pub(crate) struct FakeServer(Arc<Mutex<Dataset>>);

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Luck {
    /// It does not arrive.
    RequestLost,
    /// It is done, and nobody hears of it.
    AnswerLost,
    /// It is done twice, as after a retry of something on the way.
    Twice,
    /// The answer breaks off after so many bytes.
    Cut(usize),
    /// Another status comes, and nothing is done.
    Refused(u16),
}

#[derive(Default)]
struct Faults {
    next: VecDeque<Option<Luck>>,
    always: Option<Luck>,
    waits: bool,
    attempts: usize,
    refuses_packed: bool,
}

/// One client's way to the server, with what goes wrong on it.
#[derive(Clone, Default)]
pub(crate) struct Link {
    server: FakeServer,
    faults: Arc<Mutex<Faults>>,
}

type Answer = (u16, Value);

impl FakeServer {
    pub(crate) fn new() -> Self {
        let server = Self::default();
        server.lock().key = "generation-0".into();
        server
    }

    fn lock(&self) -> MutexGuard<'_, Dataset> {
        self.0.lock().unwrap()
    }

    pub(crate) fn link(&self) -> Link {
        Link { server: self.clone(), faults: Arc::default() }
    }

    /// Every operation with its serverSeq.
    pub(crate) fn ops(&self) -> Vec<Value> {
        self.lock().ops.clone()
    }

    pub(crate) fn key(&self) -> String {
        self.lock().key.clone()
    }

    pub(crate) fn snapshot(&self) -> String {
        self.lock().snapshot.clone()
    }

    /// The lengths of the pushes so far.
    pub(crate) fn pushes(&self) -> Vec<usize> {
        self.lock().pushes.clone()
    }

    /// Refuses longer pushes with 413.
    pub(crate) fn limit_pushes(&self, ops_max: usize) {
        self.lock().push_ops_max = Some(ops_max);
    }

    /// Refuses every batch with an operation on this resource, with 400.
    pub(crate) fn poison(&self, resource: &str) {
        self.lock().poison = Some(resource.into());
    }

    /// A reset by some other device.
    pub(crate) fn reset(&self, key: &str, snapshot: &str) {
        let body = json!({ "clientId": "x", "datasetGenerationKey": key, "snapshot": snapshot });
        assert_eq!(self.lock().reset(&body).0, 200);
    }

    /// An operation of some other device.
    pub(crate) fn push(&self, actor: &str, clock: u64, payload: Value) {
        let op = json!({
            "scope": "list", "resourceId": "l", "actor": actor, "clock": clock, "payload": payload,
        });
        let key = self.key();
        let body = json!({ "clientId": actor, "datasetGenerationKey": key, "ops": [op] });
        assert_eq!(self.lock().push(&body).0, 200);
    }

    /// A device comes back from an older copy of itself.
    pub(crate) fn forget_what_clients_said(&self) {
        self.lock().acked.clear();
    }

    /// The dataset goes on under another key.
    pub(crate) fn migrate(&self, key: &str) {
        let mut dataset = self.lock();
        dataset.key = key.into();
        dataset.acked.clear();
    }

    /// The server is restored from a copy that ends after so many operations.
    pub(crate) fn lose_after(&self, count: usize) {
        let mut dataset = self.lock();
        dataset.acked.clear();
        dataset.ops.truncate(count);
        dataset.names = dataset.ops.iter().map(name).collect();
    }
}

fn name(op: &Value) -> String {
    json!([op["actor"], op["clock"], op["scope"], op["resourceId"]]).to_string()
}

fn parameter(path: &str, name: &str) -> Option<String> {
    let pairs = path.split_once('?')?.1.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == name)?.1;
    Some(percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned())
}

impl Dataset {
    fn answer(&mut self, path: &str, body: Option<&Value>) -> Answer {
        match (path.split('?').next().unwrap(), body) {
            ("/sync/bootstrap", None) => {
                let (key, seq) = (&self.key, self.ops.len());
                let (snapshot, ops) = (&self.snapshot, &self.ops);
                (
                    200,
                    json!({
                        "datasetGenerationKey": key, "snapshot": snapshot, "serverSeq": seq, "ops": ops,
                    }),
                )
            }
            ("/sync/pull", None) => self.pull(path),
            ("/sync/push", Some(body)) => self.push(body),
            ("/sync/reset", Some(body)) => self.reset(body),
            other => panic!("the client asked {other:?}"),
        }
    }

    fn stale(&self) -> Answer {
        (409, json!({ "datasetGenerationKey": self.key, "snapshot": self.snapshot }))
    }

    fn pull(&mut self, path: &str) -> Answer {
        if parameter(path, "datasetGenerationKey").unwrap() != self.key {
            return self.stale();
        }
        let since: usize = parameter(path, "since").unwrap().parse().unwrap();
        let acked = self.acked.entry(parameter(path, "clientId").unwrap()).or_default();
        assert!(since >= *acked, "it takes back what it said: {since} after {acked}");
        *acked = since.min(self.ops.len());
        let ops = &self.ops[since.min(self.ops.len())..];
        let head = self.ops.len();
        (200, json!({ "serverSeq": head, "datasetGenerationKey": self.key, "ops": ops }))
    }

    fn push(&mut self, body: &Value) -> Answer {
        if body["datasetGenerationKey"] != *self.key {
            return self.stale();
        }
        let ops = body["ops"].as_array().unwrap();
        self.pushes.push(ops.len());
        if self.push_ops_max.is_some_and(|max| ops.len() > max) {
            return (413, json!({ "error": "too large" }));
        }
        if ops.iter().any(|op| self.poison.as_ref().is_some_and(|bad| op["resourceId"] == **bad)) {
            return (400, json!({ "error": "invalid operation" }));
        }
        for op in ops {
            assert!(op["clock"].as_u64().unwrap() > 0 && op.get("serverSeq").is_none());
            if self.names.insert(name(op)) {
                let mut op = op.clone();
                op["serverSeq"] = json!(self.ops.len() + 1);
                self.ops.push(op);
            }
        }
        self.news.notify_waiters();
        (200, json!({ "serverSeq": self.ops.len(), "datasetGenerationKey": self.key }))
    }

    fn reset(&mut self, body: &Value) -> Answer {
        let key = body["datasetGenerationKey"].as_str().unwrap().to_owned();
        if key == self.key || self.retired.contains(&key) {
            return (409, json!({ "error": "datasetGenerationKey already exists" }));
        }
        self.retired.insert(std::mem::replace(&mut self.key, key));
        self.snapshot = body["snapshot"].as_str().unwrap().to_owned();
        self.ops.clear();
        self.acked.clear();
        self.names.clear();
        self.news.notify_waiters();
        (200, json!({ "serverSeq": 0, "datasetGenerationKey": self.key }))
    }
}

impl Link {
    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap()
    }

    /// What happens to the next requests, one after the other.
    pub(crate) fn next(&self, luck: impl IntoIterator<Item = Option<Luck>>) {
        self.faults().next.extend(luck);
    }

    /// What happens to every request that nothing else happens to.
    pub(crate) fn always(&self, luck: Option<Luck>) {
        self.faults().always = luck;
    }

    pub(crate) fn heal(&self) {
        let mut faults = self.faults();
        (faults.next, faults.always) = (VecDeque::new(), None);
    }

    /// The server holds back answers without news, when asked to.
    pub(crate) fn offer_wait(&self) {
        self.faults().waits = true;
    }

    /// The server takes no compressed body, and says so with 415.
    pub(crate) fn refuse_packed(&self) {
        self.faults().refuses_packed = true;
    }

    pub(crate) fn attempts(&self) -> usize {
        self.faults().attempts
    }

    fn luck(&self) -> Option<Luck> {
        let mut faults = self.faults();
        faults.attempts += 1;
        let always = faults.always;
        faults.next.pop_front().unwrap_or(always)
    }

    /// Waits for news, as far as the request wants it.
    async fn wait(&self, path: &str) {
        let wait_s = parameter(path, "wait").and_then(|wait| wait.parse().ok());
        let (Some(wait_s), true) = (wait_s, self.faults().waits) else { return };
        let news = Arc::clone(&self.server.lock().news);
        let mut notified = std::pin::pin!(news.notified());
        notified.as_mut().enable();
        if self.server.lock().pull(path).1["ops"] == json!([]) {
            let _ = tokio::time::timeout(Duration::from_secs(wait_s), notified).await;
        }
    }
}

/// The body of an answer, in small pieces.
pub(crate) struct Pieces {
    left: Bytes,
    cut: bool,
}

impl Transport for Link {
    type Body = Pieces;

    async fn send(&self, request: Request) -> Result<Response<Pieces>, ConnectionError> {
        let luck = self.luck();
        tokio::time::sleep(Duration::from_millis(10)).await;
        let packed_refused = request.compress && self.faults().refuses_packed;
        let (status, answer) = match luck {
            Some(Luck::RequestLost) => return Err(ConnectionError::TimedOut),
            Some(Luck::Refused(status)) => (status, json!({ "error": "no" })),
            _ if packed_refused => (415, json!({ "error": "no" })),
            _ => {
                self.wait(&request.path).await;
                let body = request.body.map(|body| serde_json::from_slice(&body).unwrap());
                let mut dataset = self.server.lock();
                let answer = dataset.answer(&request.path, body.as_ref());
                match luck {
                    Some(Luck::Twice) => dataset.answer(&request.path, body.as_ref()),
                    Some(Luck::AnswerLost) => return Err(ConnectionError::Cut),
                    _ => answer,
                }
            }
        };
        let mut left = Bytes::from(answer.to_string());
        let mut cut = false;
        if let Some(Luck::Cut(at)) = luck {
            cut = at < left.len();
            left.truncate(at);
        }
        Ok(Response { status, retry_after: None, body: Pieces { left, cut } })
    }
}

impl Body for Pieces {
    async fn next(&mut self) -> Result<Option<Bytes>, ConnectionError> {
        if self.left.is_empty() {
            return if self.cut { Err(ConnectionError::Cut) } else { Ok(None) };
        }
        let length = self.left.len().min(97);
        Ok(Some(self.left.split_to(length)))
    }
}
