//! A blocking WebSocket client that can send anything, right or wrong, and shows every frame.
//!
//! Knows RFC 6455 frames as bytes, and shares no code with the server's codec.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    PATIENCE,
    http::{Answer, Raw, Wait},
};

/// Opcode of a continuation frame.
pub const CONTINUATION: u8 = 0;
/// Opcode of a text frame.
pub const TEXT: u8 = 1;
/// Opcode of a binary frame.
pub const BINARY: u8 = 2;
/// Opcode of a close frame.
pub const CLOSE: u8 = 8;
/// Opcode of a ping.
pub const PING: u8 = 9;
/// Opcode of a pong.
pub const PONG: u8 = 10;
/// The bit of the first byte that marks a message's last frame.
pub const FIN: u8 = 0x80;

/// One frame as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The first byte: FIN, the reserved bits, the opcode.
    pub first: u8,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The opcode.
    #[must_use]
    pub fn opcode(&self) -> u8 {
        self.first & 0x0f
    }

    /// The code of a close frame.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk::<2>().filter(|_| self.opcode() == CLOSE);
        code.map(|bytes| u16::from_be_bytes(*bytes))
    }
}

/// What a wait for a frame ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A frame.
    Frame(Frame),
    /// No whole frame came in time.
    Nothing,
    /// The connection ended.
    End,
}

/// The bytes of a frame with this first byte, masked as a client must.
#[must_use]
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x5a, 0x17, 0xc3, 0x88];
    let mut bytes = head(first, 0x80, payload.len() as u64);
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
    bytes
}

/// A frame's first bytes up to the mask, with the shortest length that holds `length`.
#[must_use]
pub fn head(first: u8, mask_bit: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..126 => bytes.push(mask_bit | length as u8),
        126..0x1_0000 => {
            bytes.push(mask_bit | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(mask_bit | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes
}

/// The head of an upgrade request that a server must take, with more header lines.
#[must_use]
pub fn upgrade_request(address: SocketAddr, target: &str, more: &[(&str, &str)]) -> String {
    let mut request = format!(
        "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    );
    for (name, value) in more {
        request += &format!("{name}: {value}\r\n");
    }
    request + "\r\n"
}

/// A WebSocket connection.
#[derive(Debug)]
pub struct Socket {
    raw: Raw,
}

impl Socket {
    /// Connects and upgrades.
    ///
    /// # Panics
    /// When the server does not switch protocols.
    #[must_use]
    pub fn open(address: SocketAddr, target: &str) -> Self {
        let (socket, answer) = Self::try_open(address, target, &[]);
        assert_eq!(answer.status, 101, "{}", answer.text());
        socket
    }

    /// Connects and asks for the upgrade with more header lines.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    pub fn try_open(address: SocketAddr, target: &str, more: &[(&str, &str)]) -> (Self, Answer) {
        let mut raw = Raw::connect(address);
        raw.send(upgrade_request(address, target, more).as_bytes());
        let answer = raw.answer().expect("an answer to the upgrade");
        (Self { raw }, answer)
    }

    /// As [`Socket::open`]; none when nobody is there, or lets nobody in any more.
    #[must_use]
    pub fn try_dial(address: SocketAddr, target: &str) -> Option<Self> {
        let mut raw = Raw::try_connect(address)?;
        raw.send(upgrade_request(address, target, &[]).as_bytes());
        raw.answer().filter(|answer| answer.status == 101).map(|_| Self { raw })
    }

    /// A connection that has been upgraded already.
    #[must_use]
    pub fn over(raw: Raw) -> Self {
        Self { raw }
    }

    /// The bytes below.
    pub fn raw(&mut self) -> &mut Raw {
        &mut self.raw
    }

    /// Sends a frame with this first byte; false when the server has gone.
    pub fn send(&mut self, first: u8, payload: &[u8]) -> bool {
        self.raw.send(&masked(first, payload))
    }

    /// Sends a text message in one frame; false when the server has gone.
    pub fn send_text(&mut self, text: &str) -> bool {
        self.send(FIN | TEXT, text.as_bytes())
    }

    /// Waits for a frame of any kind.
    pub fn event(&mut self, wait: Duration) -> Event {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(frame) = self.take_frame() {
                return Event::Frame(frame);
            }
            match self.raw.fill(deadline) {
                Wait::Bytes => {}
                Wait::Nothing => return Event::Nothing,
                Wait::End => return Event::End,
            }
        }
    }

    /// The next frame.
    ///
    /// # Panics
    /// When none comes within [`PATIENCE`].
    pub fn frame(&mut self) -> Frame {
        match self.event(PATIENCE) {
            Event::Frame(frame) => frame,
            other => panic!("waited for a frame, got {other:?}"),
        }
    }

    /// Waits for a close frame, passing over what comes before it, and then for the end.
    ///
    /// # Panics
    /// When the connection ends without one, or does not end after it.
    pub fn closed(&mut self) -> Frame {
        loop {
            let frame = self.frame();
            if frame.opcode() == CLOSE {
                assert!(self.raw.ends(), "after its close frame the server ends the connection");
                return frame;
            }
        }
    }

    /// A whole frame from the buffer.
    fn take_frame(&mut self) -> Option<Frame> {
        let bytes = self.raw.buffered();
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        assert!(second & 0x80 == 0, "a server's frame carries no mask");
        let (start, length) = match second {
            126 => (4, u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
            127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
            short => (2, u64::from(short)),
        };
        let end = start + usize::try_from(length).expect("a frame fits into memory");
        if bytes.len() < end {
            return None;
        }
        let payload = self.raw.take(end).split_off(start);
        Some(Frame { first, payload })
    }
}
