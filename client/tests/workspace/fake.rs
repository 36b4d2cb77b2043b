//! A server in memory: one workspace, whose turns become durable after a while and are lost when it
//! crashes before. It follows the protocol's rules and knows nothing of how the client is made.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde::Deserialize;
use serde_json::value::RawValue;
use syncline_client::workspace::{ConnectionError, Message, Received};
use tokio::{sync::mpsc, time::Instant};

use super::link::Link;

pub(crate) type Down = Result<Received, ConnectionError>;

/// The text of a value, and its timestamp.
pub(crate) type Entries = BTreeMap<String, (String, i64)>;

/// What becomes visible once a turn is durable.
enum Effect {
    Open { to: usize, message: String },
    Publish { key: String, value: String, stamp: i64, except: Option<usize> },
    Resend { to: usize, key: String },
}

struct Connection {
    down: mpsc::UnboundedSender<(Instant, Down)>,
    link: Link,
    /// The server takes what comes on it.
    heard: bool,
    /// It has its opening message.
    live: bool,
}

#[derive(Default)]
struct Server {
    applied: Entries,
    durable: Entries,
    effects: VecDeque<Effect>,
    connections: Vec<Connection>,
    /// Whoever sends an operation gets it back.
    echo: bool,
    /// Operations are answered with this error.
    refusal: Option<&'static str>,
    turn: Duration,
    crashes: usize,
    operations: usize,
}

/// A server in memory.
#[derive(Clone, Default)]
pub(crate) struct FakeServer(Arc<Mutex<Server>>);

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    payload: Operation<'a>,
}

#[derive(Deserialize)]
struct Operation<'a> {
    key: String,
    #[serde(borrow)]
    value: &'a RawValue,
    timestamp: i64,
}

fn op(key: &str, value: &str, stamp: i64) -> String {
    let key = serde_json::to_string(key).unwrap();
    format!(r#"{{"type":"op","payload":{{"key":{key},"value":{value},"timestamp":{stamp}}}}}"#)
}

impl FakeServer {
    fn lock(&self) -> MutexGuard<'_, Server> {
        self.0.lock().unwrap()
    }

    pub(crate) fn link(&self) -> Link {
        Link::new(self.clone())
    }

    /// What it has, crash or not.
    pub(crate) fn entries(&self) -> Entries {
        self.lock().durable.clone()
    }

    pub(crate) fn values(&self) -> BTreeMap<String, String> {
        self.entries().into_iter().map(|(key, (value, _))| (key, value)).collect()
    }

    /// Operations that arrived, those that lost included.
    pub(crate) fn operations(&self) -> usize {
        self.lock().operations
    }

    pub(crate) fn echo(&self, echo: bool) {
        self.lock().echo = echo;
    }

    pub(crate) fn refuse_operations(&self, reason: Option<&'static str>) {
        self.lock().refusal = reason;
    }

    /// How long it takes until what was applied is durable.
    pub(crate) fn turns_take(&self, turn: Duration) {
        self.lock().turn = turn;
    }

    /// Somebody else, who has no client of ours, sets a key.
    pub(crate) fn set(&self, key: &str, value: &str, stamp: i64) {
        self.lock().apply(usize::MAX, key.into(), value.into(), stamp);
        self.release();
    }

    /// Everything is gone but this.
    pub(crate) fn restore(&self, entries: Entries) {
        let mut server = self.lock();
        server.effects.clear();
        (server.applied, server.durable) = (entries.clone(), entries);
        drop(server);
        self.crash();
    }

    /// It ends without a word and starts again: what was not durable is gone.
    pub(crate) fn crash(&self) {
        let mut server = self.lock();
        server.applied = server.durable.clone();
        server.effects.clear();
        server.crashes += 1;
        for connection in &mut server.connections {
            connection.heard = false;
            connection.live = false;
            let gone = Err(ConnectionError::Closed { code: Some(1006) });
            let _ = connection.down.send((Instant::now(), gone));
        }
    }

    pub(crate) fn accept(
        &self,
        link: Link,
        down: mpsc::UnboundedSender<(Instant, Down)>,
    ) -> (usize, usize) {
        let mut server = self.lock();
        server.connections.push(Connection { down, link, heard: true, live: false });
        let to = server.connections.len() - 1;
        let message = server.opening();
        server.effects.push_back(Effect::Open { to, message });
        let crashes = server.crashes;
        drop(server);
        self.release_later();
        (to, crashes)
    }

    /// The server knows that a connection is gone.
    pub(crate) fn forget(&self, at: usize) {
        let mut server = self.lock();
        server.connections[at].heard = false;
        server.connections[at].live = false;
    }

    /// A message arrives that was sent while the server had crashed so often.
    pub(crate) fn receive(&self, at: usize, crashes: usize, text: &str) {
        let mut server = self.lock();
        if server.crashes != crashes || !server.connections[at].heard {
            return;
        }
        let frame: Frame<'_> = serde_json::from_str(text).expect("clients send operations");
        let Operation { key, value, timestamp } = frame.payload;
        assert!(!key.is_empty());
        server.operations += 1;
        if let Some(reason) = server.refusal {
            let error = format!(r#"{{"type":"error","payload":"{reason}"}}"#);
            return server.connections[at].say(error);
        }
        server.apply(at, key, value.get().to_owned(), timestamp);
        drop(server);
        self.release_later();
    }

    fn release_later(&self) {
        let server = self.clone();
        let (turn, crashes) = {
            let server = self.lock();
            (server.turn, server.crashes)
        };
        if turn == Duration::ZERO {
            return self.release();
        }
        tokio::spawn(async move {
            tokio::time::sleep(turn).await;
            if server.lock().crashes == crashes {
                server.release();
            }
        });
    }

    /// What was applied becomes durable, and then visible.
    fn release(&self) {
        let mut server = self.lock();
        server.durable = server.applied.clone();
        while let Some(effect) = server.effects.pop_front() {
            server.show(effect);
        }
    }
}

impl Server {
    fn opening(&self) -> String {
        let entries = self
            .applied
            .iter()
            .map(|(key, (value, _))| format!("{}:{value}", serde_json::to_string(key).unwrap()));
        format!(r#"{{"type":"init","data":{{{}}}}}"#, entries.collect::<Vec<_>>().join(","))
    }

    /// The higher timestamp wins; of equal ones, the later arrival.
    fn apply(&mut self, from: usize, key: String, value: String, stamp: i64) {
        let loses = self.applied.get(&key).is_some_and(|(_, winner)| *winner > stamp);
        if loses {
            self.effects.push_back(Effect::Resend { to: from, key });
            return;
        }
        self.applied.insert(key.clone(), (value.clone(), stamp));
        let except = (!self.echo).then_some(from);
        self.effects.push_back(Effect::Publish { key, value, stamp, except });
    }

    fn show(&mut self, effect: Effect) {
        match effect {
            Effect::Open { to, message } => {
                let connection = &mut self.connections[to];
                connection.live = connection.heard;
                connection.say(message);
            }
            Effect::Publish { key, value, stamp, except } => {
                for (at, connection) in self.connections.iter().enumerate() {
                    if Some(at) != except {
                        connection.say_live(&op(&key, &value, stamp));
                    }
                }
            }
            Effect::Resend { to, key } => {
                let (value, stamp) = &self.durable[&key];
                if let Some(connection) = self.connections.get(to) {
                    connection.say_live(&op(&key, value, *stamp));
                }
            }
        }
    }
}

impl Connection {
    fn say_live(&self, message: &str) {
        if self.live {
            self.say(message.to_owned());
        }
    }

    fn say(&self, message: String) {
        // A connection that is gone hears nothing.
        let received = Ok(Received::Message(Message::Text(message)));
        let _ = self.down.send((Instant::now() + self.link.delay(), received));
    }
}
