//! An original client: it believes whatever it set or heard last.

use std::collections::{BTreeMap, VecDeque};

use syncline_protocol::dialects::workspace::{Change, ServerMessage, decode_server, encode_op};

use super::connection::{Connection, Down, Up};

/// An original client.
pub(crate) struct Client {
    name: u64,
    /// Pongs at once and sets whenever it likes.
    pub(crate) hasty: bool,
    ahead_ms: i32,
    /// What it shows its user: a value as JSON for each key.
    pub(crate) copy: BTreeMap<String, String>,
    /// What it set while away.
    queue: VecDeque<String>,
    /// Its connection, from when it dials.
    pub(crate) member: Option<u64>,
    /// Whether it may send.
    switched: bool,
    /// Whether it got its first message.
    opened: bool,
    sets: u64,
}

impl Client {
    pub(crate) fn new(name: u64, hasty: bool, ahead_ms: i32) -> Self {
        Self {
            name,
            hasty,
            ahead_ms,
            copy: BTreeMap::new(),
            queue: VecDeque::new(),
            member: None,
            switched: false,
            opened: false,
            sets: 0,
        }
    }

    pub(crate) fn set(&mut self, key: u8, now_ms: u64, all: &mut BTreeMap<u64, Connection>) {
        if self.member.is_some() && !self.opened && !self.hasty {
            return;
        }
        self.sets += 1;
        let (key, value) = (format!("k{key}"), format!("\"{} {}\"", self.name, self.sets));
        let timestamp = (now_ms as i64 + i64::from(self.ahead_ms)) * 1000;
        let mut message = Vec::new();
        encode_op(&key, serde_json::from_str(&value).unwrap(), timestamp, &mut message);
        let message = String::from_utf8(message).unwrap();
        self.copy.insert(key, value);
        match self.member.filter(|_| self.switched).and_then(|member| all.get_mut(&member)) {
            Some(connection) => connection.up.push_back(Up::Text(message)),
            None => self.queue.push_back(message),
        }
    }

    pub(crate) fn dial(&mut self, member: u64) {
        self.member = Some(member);
    }

    pub(crate) fn lose(&mut self, all: &mut BTreeMap<u64, Connection>) {
        if let Some(connection) = self.member.take().and_then(|member| all.get_mut(&member)) {
            connection.abandoned = true;
        }
        (self.switched, self.opened) = (false, false);
    }

    /// Takes a frame. Says whether it was an operation of its own.
    pub(crate) fn take(&mut self, frame: Down, connection: &mut Connection) -> bool {
        match frame {
            Down::Switching => {
                self.switched = true;
                connection.up.extend(self.queue.drain(..).map(Up::Text));
                false
            }
            Down::Ping(mark) => {
                connection.up.push_back(Up::Pong(mark));
                false
            }
            Down::Text(text) => self.hear(decode_server(&text).unwrap()),
        }
    }

    fn hear(&mut self, message: ServerMessage<'_>) -> bool {
        match message {
            ServerMessage::Init(all) => {
                assert!(!self.opened, "there is one opening message");
                self.opened = true;
                let value =
                    |(key, value): (String, &serde_json::value::RawValue)| (key, value.to_string());
                self.copy = all.into_iter().map(value).collect();
                false
            }
            ServerMessage::Op(Change { key, value, .. }) => {
                assert!(self.opened, "nothing comes before the opening message");
                let own = value.get().starts_with(&format!("\"{} ", self.name));
                self.copy.insert(key.into_owned(), value.get().to_owned());
                own
            }
            other => panic!("{other:?}"),
        }
    }
}
