//! A relay in memory: one document, both wires, and links that can be cut, made deaf or refused.
//! It handles a message inside the call that sends it, so a test decides what happens when.

use std::sync::{Arc, Mutex, MutexGuard};

use syncline_client::relay::{ConnectionError, Message, Received, Receiver, Sender, Transport};
use syncline_protocol::dialects::relay::{Hello, binary, json};
use tokio::sync::mpsc;

type Down = Result<Received, ConnectionError>;

#[derive(Default)]
struct Relay {
    /// Client id and payload of each change.
    log: Vec<(String, Vec<u8>)>,
    connections: Vec<Connection>,
    /// Every text message a client sent.
    texts: Vec<String>,
}

struct Connection {
    down: mpsc::UnboundedSender<Down>,
    binary: bool,
    hello: Option<Hello>,
    link: Link,
}

/// A relay in memory.
#[derive(Clone, Default)]
pub(crate) struct FakeRelay(Arc<Mutex<Relay>>);

#[derive(Default)]
struct Faults {
    refuse: Option<ConnectionError>,
    no_acks: bool,
    deaf: bool,
    silent: bool,
    attempts: usize,
    pings: usize,
    said: usize,
    read: usize,
}

/// One client's way to the relay, with what goes wrong on it.
#[derive(Clone)]
pub(crate) struct Link {
    relay: FakeRelay,
    faults: Arc<Mutex<Faults>>,
}

impl FakeRelay {
    fn lock(&self) -> MutexGuard<'_, Relay> {
        self.0.lock().unwrap()
    }

    pub(crate) fn link(&self) -> Link {
        Link { relay: self.clone(), faults: Arc::default() }
    }

    /// How many changes it stores.
    pub(crate) fn changes(&self) -> usize {
        self.lock().log.len()
    }

    pub(crate) fn payload(&self, sequence: usize) -> Vec<u8> {
        self.lock().log[sequence - 1].1.clone()
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.lock().texts.clone()
    }

    /// Stores a change of a stranger.
    pub(crate) fn store(&self, source: &str, payload: &[u8]) {
        self.lock().store(usize::MAX, source.into(), payload.into());
    }

    /// The history is gone and its numbers start again.
    pub(crate) fn forget(&self) {
        self.lock().log.clear();
    }

    /// The last hello's sequence number.
    pub(crate) fn resumed_after(&self) -> u64 {
        let relay = self.lock();
        relay
            .connections
            .iter()
            .filter_map(|c| c.hello.as_ref())
            .next_back()
            .unwrap()
            .last_sequence()
    }
}

impl Relay {
    fn message(&mut self, at: usize, message: Message) {
        match message {
            Message::Binary(bytes) => match binary::decode_client(bytes).unwrap() {
                binary::ClientMessage::Hello(hello) => self.hello(at, hello),
                binary::ClientMessage::Submit { id, payload } => {
                    self.submit(at, Some(id), &payload);
                }
                _ => panic!("the client sent what no client sends"),
            },
            Message::Text(text) => {
                match json::decode_client(&text).unwrap() {
                    json::ClientMessage::Hello(hello) => self.hello(at, hello),
                    json::ClientMessage::SubmitChange { payload, .. } => {
                        self.submit(at, None, &payload);
                    }
                    _ => panic!("the client sent what no client sends"),
                }
                self.texts.push(text);
            }
        }
    }

    fn hello(&mut self, at: usize, hello: Hello) {
        let (after, end) = (hello.last_sequence(), self.log.len() as u64);
        self.connections[at].hello = Some(hello);
        for sequence in after + 1..=end {
            self.connections[at].change(sequence, &self.log[sequence as usize - 1]);
        }
        if self.connections[at].binary {
            self.connections[at].say(|out| binary::encode_caught_up(end, out));
        }
    }

    fn submit(&mut self, at: usize, id: Option<u64>, payload: &[u8]) {
        let Some(hello) = &self.connections[at].hello else {
            return; // the connection was cut, and the client does not know it yet
        };
        let source = hello.client_id().to_owned();
        let sequence = self.store(at, source, payload.to_vec());
        let connection = &self.connections[at];
        let hello = connection.hello.as_ref().unwrap();
        if hello.ack() && !connection.link.faults().no_acks {
            connection.say(|out| match id {
                Some(id) => binary::encode_accepted(id, sequence, out),
                None => json::encode_accepted(sequence, hello.discovery_key(), out),
            });
        }
    }

    fn store(&mut self, from: usize, source: String, payload: Vec<u8>) -> u64 {
        self.log.push((source, payload));
        let sequence = self.log.len() as u64;
        for (at, connection) in self.connections.iter().enumerate() {
            if at != from && connection.hello.is_some() {
                connection.change(sequence, &self.log[sequence as usize - 1]);
            }
        }
        sequence
    }
}

impl Connection {
    fn change(&self, sequence: u64, (source, payload): &(String, Vec<u8>)) {
        let key = self.hello.as_ref().map_or("", Hello::discovery_key);
        self.say(|out| {
            if self.binary {
                binary::ChangeEncoder::new(source).encode(sequence, payload, out);
            } else {
                json::encode_change(sequence, key, source, payload, out);
            }
        });
    }

    fn say(&self, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut out = Vec::new();
        encode(&mut out);
        let message = if self.binary {
            Message::Binary(out.into())
        } else {
            Message::Text(String::from_utf8(out).unwrap())
        };
        self.link.faults().said += 1;
        // A connection that is gone hears nothing.
        let _ = self.down.send(Ok(Received::Message(message)));
    }
}

impl Link {
    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap()
    }

    /// Breaks the connection, if there is one.
    pub(crate) fn cut(&self) {
        let mut relay = self.relay.lock();
        for connection in &mut relay.connections {
            if Arc::ptr_eq(&connection.link.faults, &self.faults) {
                connection.hello = None;
                let _ = connection.down.send(Err(ConnectionError::Closed { code: Some(1001) }));
            }
        }
    }

    /// The relay accepts something on every connection of this link.
    pub(crate) fn say_accepted(&self, id: u64) {
        for connection in &self.relay.lock().connections {
            if Arc::ptr_eq(&connection.link.faults, &self.faults) {
                connection.say(|out| binary::encode_accepted(id, 1, out));
            }
        }
    }

    /// Answers attempts to connect with this error, or no more.
    pub(crate) fn refuse(&self, error: Option<ConnectionError>) {
        self.faults().refuse = error;
    }

    /// The relay stores what comes and acknowledges nothing.
    pub(crate) fn swallow_acks(&self, swallow: bool) {
        self.faults().no_acks = swallow;
    }

    /// What the client sends goes nowhere.
    pub(crate) fn lose_what_is_sent(&self, lose: bool) {
        self.faults().deaf = lose;
    }

    /// Pings are not answered.
    pub(crate) fn fall_silent(&self) {
        self.faults().silent = true;
    }

    /// Messages that the client has not read.
    pub(crate) fn unread(&self) -> usize {
        let faults = self.faults();
        faults.said - faults.read
    }

    pub(crate) fn attempts(&self) -> usize {
        self.faults().attempts
    }

    pub(crate) fn pings(&self) -> usize {
        self.faults().pings
    }
}

pub(crate) struct UpEnd {
    link: Link,
    at: usize,
}

pub(crate) struct DownEnd {
    link: Link,
    down: mpsc::UnboundedReceiver<Down>,
}

impl Transport for Link {
    type Sender = UpEnd;
    type Receiver = DownEnd;

    async fn connect(
        &self,
        subprotocol: Option<&'static str>,
        _: usize,
    ) -> Result<(UpEnd, DownEnd), ConnectionError> {
        self.faults().attempts += 1;
        if let Some(error) = self.faults().refuse.clone() {
            return Err(error);
        }
        let (down, receiver) = mpsc::unbounded_channel();
        let mut relay = self.relay.lock();
        let (binary, link) = (subprotocol.is_some(), self.clone());
        relay.connections.push(Connection { down, binary, hello: None, link: link.clone() });
        let at = relay.connections.len() - 1;
        Ok((UpEnd { link: link.clone(), at }, DownEnd { link, down: receiver }))
    }
}

impl Sender for UpEnd {
    async fn send(&mut self, message: Message) -> Result<(), ConnectionError> {
        if !self.link.faults().deaf {
            self.link.relay.lock().message(self.at, message);
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ConnectionError> {
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), ConnectionError> {
        let mut faults = self.link.faults();
        faults.pings += 1;
        if !faults.silent {
            let down = &self.link.relay.lock().connections[self.at].down;
            let _ = down.send(Ok(Received::Heartbeat));
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<(), ConnectionError> {
        self.link.relay.lock().connections[self.at].hello = None;
        Ok(())
    }
}

impl Receiver for DownEnd {
    async fn receive(&mut self) -> Down {
        let closed = Err(ConnectionError::Closed { code: None });
        let received = self.down.recv().await.unwrap_or(closed);
        self.link.faults().read += 1;
        received
    }
}
