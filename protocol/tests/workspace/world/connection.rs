//! A connection as the hub has it: what was sent, pinged and received, and a queue that has an end.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use syncline_protocol::{
    dialect::{Moment, Received, UnixMillis},
    dialects::workspace::Session,
};

use super::server::Server;

/// Frames that wait for the socket, at most.
const QUEUE_MAX: usize = 3;

/// What goes to a client.
#[derive(Clone, Debug)]
pub(crate) enum Down {
    /// The answer to its request.
    Switching,
    Text(String),
    Ping(Received),
}

/// What comes from a client.
#[derive(Clone, Debug)]
pub(crate) enum Up {
    Text(String),
    Pong(Received),
}

/// What a batch has for a connection, on its way to its shard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Release {
    pub(crate) letters: Vec<Letter>,
    /// The last version of the batch.
    pub(crate) version: u64,
}

/// Something released.
#[derive(Clone, Debug)]
pub(crate) enum Letter {
    Opening { message: Bytes, version: u64 },
    Entry { key: Vec<u8>, message: Vec<u8> },
    Resend(Vec<u8>),
}

pub(crate) struct Connection {
    pub(crate) session: Session,
    /// Its client is gone; what it sent may still be on its way.
    pub(crate) abandoned: bool,
    /// Whether the room has opened it.
    pub(crate) follows: bool,
    pub(crate) up: VecDeque<Up>,
    pub(crate) down: VecDeque<Down>,
    pub(crate) releases: VecDeque<Release>,
    outbox: VecDeque<Down>,
    /// Keys to send as they are when the outbox is empty, with the resends each stands for.
    behind: BTreeMap<Vec<u8>, u64>,
    released: u64,
    opened_ms: u64,
    sent: Received,
    received: Received,
    pinged: bool,
    /// Something was sent that no ping follows yet.
    unpinged: bool,
}

impl Connection {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            abandoned: false,
            follows: false,
            up: VecDeque::new(),
            down: VecDeque::new(),
            releases: VecDeque::new(),
            outbox: VecDeque::new(),
            behind: BTreeMap::new(),
            released: 0,
            opened_ms: 0,
            sent: Received::default(),
            received: Received::default(),
            pinged: false,
            unpinged: false,
        }
    }

    pub(crate) fn moment(&self, now_ms: u64) -> Moment {
        let [now, opened] = [now_ms, self.opened_ms].map(UnixMillis);
        Moment { now, opened, received: self.received }
    }

    /// Takes the next batch released.
    pub(crate) fn hear(&mut self, server: &Server) -> bool {
        let Some(Release { letters, version }) = self.releases.pop_front() else { return false };
        for letter in letters {
            self.take(letter);
        }
        self.released = version;
        self.advance(server);
        true
    }

    fn take(&mut self, letter: Letter) {
        match letter {
            Letter::Opening { message, version } => {
                self.send(String::from_utf8(message.to_vec()).unwrap());
                self.sent = Received { opening: true, version, resends: 0 };
                self.received.version = version;
            }
            Letter::Entry { key, message } => {
                if !self.behind.is_empty() || self.outbox.len() >= QUEUE_MAX {
                    self.behind.entry(key).or_default();
                } else {
                    self.send(String::from_utf8(message).unwrap());
                }
            }
            Letter::Resend(key) => *self.behind.entry(key).or_default() += 1,
        }
    }

    /// The socket takes a frame.
    pub(crate) fn write(&mut self, now_ms: u64, server: &Server) -> bool {
        let Some(frame) = self.outbox.pop_front() else { return false };
        if self.opened_ms == 0 {
            self.opened_ms = now_ms;
        }
        self.down.push_back(frame);
        self.advance(server);
        true
    }

    pub(crate) fn pong(&mut self, mark: Received) {
        self.received = mark;
        self.pinged = false;
        self.ping();
    }

    fn send(&mut self, message: String) {
        self.outbox.push_back(Down::Text(message));
        self.unpinged = true;
    }

    /// Sends what it is behind with, if there is room, and pings behind that.
    fn advance(&mut self, server: &Server) {
        if self.outbox.is_empty() {
            for (key, resends) in std::mem::take(&mut self.behind) {
                // What is not released yet comes with its release.
                if let Some(message) = server.entry(&key, self.released) {
                    self.send(message);
                }
                self.sent.resends += resends;
            }
        }
        if self.behind.is_empty() {
            self.sent.version = self.released;
        }
        self.ping();
    }

    fn ping(&mut self) {
        if self.pinged {
            return;
        }
        if self.unpinged {
            self.outbox.push_back(Down::Ping(self.sent));
            (self.pinged, self.unpinged) = (true, false);
        } else {
            self.received = self.sent;
        }
    }
}
