//! A blocking WebSocket client that shows every frame and answers pings only when told to.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// How long a test waits for what must happen before it has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Close(u16),
    /// The connection ended without a word.
    End,
}

/// The peer of one session.
#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(super) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream }
    }

    /// Another hand on the same connection.
    pub(super) fn twin(&self) -> Self {
        Self { stream: self.stream.try_clone().unwrap() }
    }

    pub(super) fn say(&mut self, text: &str) {
        self.send(0x81, text.as_bytes());
    }

    pub(super) fn pong(&mut self, payload: &[u8]) {
        self.send(0x8a, payload);
    }

    /// Says goodbye.
    pub(super) fn close(&mut self) {
        self.send(0x88, &1000_u16.to_be_bytes());
    }

    /// Sends a frame, masked with zeros; nothing when the server has gone.
    fn send(&mut self, first: u8, payload: &[u8]) {
        let mut bytes = vec![first];
        if payload.len() < 126 {
            bytes.push(0x80 | payload.len() as u8);
        } else {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
        bytes.extend([0; 4]);
        bytes.extend(payload);
        let _ = self.stream.write_all(&bytes);
    }

    /// The next frame of any kind.
    pub(super) fn frame(&mut self) -> Frame {
        let Some([first, length]) = self.read::<2>() else { return Frame::End };
        let length = match length {
            126 => u64::from(u16::from_be_bytes(self.read().unwrap())),
            127 => u64::from_be_bytes(self.read().unwrap()),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).unwrap();
        match first & 0x0f {
            1 => Frame::Text(String::from_utf8(payload).unwrap()),
            2 => Frame::Binary(payload),
            8 => Frame::Close(u16::from_be_bytes(*payload.first_chunk().unwrap())),
            9 => Frame::Ping(payload),
            other => panic!("no server sends {other}"),
        }
    }

    fn read<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        match self.stream.read_exact(&mut bytes) {
            Ok(()) => Some(bytes),
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("waited too long"),
            Err(_) => None,
        }
    }

    /// The next message; pings before it are answered.
    pub(super) fn text(&mut self) -> String {
        loop {
            match self.frame() {
                Frame::Text(text) => return text,
                Frame::Ping(payload) => self.pong(&payload),
                other => panic!("waited for a message, got {other:?}"),
            }
        }
    }

    /// The opening message: the version and the entries in it.
    pub(super) fn opening(&mut self) -> (u64, String) {
        let text = self.text();
        let rest = text.strip_prefix("open ").unwrap_or_else(|| panic!("no opening: {text}"));
        let (version, entries) = rest.split_once(' ').unwrap();
        (version.parse().unwrap(), entries.into())
    }

    /// The next change: its version, the key and the value.
    pub(super) fn change(&mut self) -> (u64, String, String) {
        change(&self.text())
    }

    /// Passes over everything before the goodbye; 0 when there is none.
    pub(super) fn closed(&mut self) -> u16 {
        loop {
            match self.frame() {
                Frame::Close(code) => return code,
                Frame::End => return 0,
                _ => {}
            }
        }
    }
}

/// What a message says that tells of a change.
pub(super) fn change(text: &str) -> (u64, String, String) {
    let rest = text.strip_prefix("set ").unwrap_or_else(|| panic!("no change: {text}"));
    let (version, entry) = rest.split_once(' ').unwrap();
    let (key, value) = entry.split_once('=').unwrap();
    (version.parse().unwrap(), key.into(), value.into())
}
