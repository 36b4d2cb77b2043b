//! From bytes of a peer to whole messages (RFC 6455, sections 5 and 7).

use std::{io::Cursor, mem};

use bytes::{Buf, Bytes, BytesMut};
use tungstenite::{
    error::Error,
    protocol::frame::{
        FrameHeader, Utf8Bytes,
        coding::{CloseCode, Control, Data, OpCode},
    },
};

/// One thing that a peer said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Text(Utf8Bytes),
    Binary(Bytes),
    Ping(Bytes),
    Pong(Bytes),
    /// The peer's close code, if it gave one.
    Close(Option<u16>),
}

/// How a peer broke the framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Against the RFC: close with 1002.
    Protocol(&'static str),
    /// Text that is not UTF-8: close with 1007.
    Utf8,
    /// A message over the limit: close with 1009.
    TooBig,
}

impl Fault {
    /// The close code and reason to answer with.
    pub(crate) fn close(self) -> (u16, &'static str) {
        match self {
            Self::Protocol(reason) => (1002, reason),
            Self::Utf8 => (1007, "text is not UTF-8"),
            Self::TooBig => (1009, "message over the limit"),
        }
    }
}

/// A message whose last fragment has not come yet.
#[derive(Debug)]
struct Partial {
    text: bool,
    payload: BytesMut,
}

/// Turns a peer's bytes into events. Owns memory only for what is incomplete.
#[derive(Debug)]
pub(crate) struct Decoder {
    buffer: BytesMut,
    partial: Option<Box<Partial>>,
    message_bytes_max: usize,
}

impl Decoder {
    /// `unread` is what came already.
    pub(crate) fn new(message_bytes_max: usize, unread: BytesMut) -> Self {
        Self { buffer: unread, partial: None, message_bytes_max }
    }

    /// Bytes that came and were not understood yet.
    pub(crate) fn unread(self) -> BytesMut {
        self.buffer
    }

    /// Bytes held of what is incomplete.
    pub(crate) fn held_bytes(&self) -> usize {
        self.buffer.len() + self.partial.as_ref().map_or(0, |partial| partial.payload.len())
    }

    /// Forgets what is incomplete, and its memory.
    pub(crate) fn clear(&mut self) {
        (self.buffer, self.partial) = (BytesMut::new(), None);
    }

    /// Adds bytes as they came.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.buffer.is_empty() {
            // As long as they are: whole messages are then handed on without another allocation.
            self.buffer = BytesMut::from(bytes);
        } else {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole event, or none until more bytes come.
    ///
    /// # Errors
    /// A [`Fault`] ends the connection: what follows cannot be understood.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, Fault> {
        loop {
            if self.buffer.is_empty() {
                self.buffer = BytesMut::new();
                return Ok(None);
            }
            let Some((header, length)) = self.header()? else { return Ok(None) };
            let size = header.len(length as u64);
            if self.buffer.len() - size < length {
                return Ok(None);
            }
            let mut payload = self.take(size + length);
            payload.advance(size);
            unmask(&mut payload, header.mask.unwrap_or_default());
            if let Some(event) = self.frame(&header, payload)? {
                return Ok(Some(event));
            }
        }
    }

    /// The next bytes. The last ones take the buffer with them: then nothing is shared.
    fn take(&mut self, length: usize) -> BytesMut {
        if self.buffer.len() == length {
            return mem::take(&mut self.buffer);
        }
        self.buffer.split_to(length)
    }

    /// The header at the front, checked, before any byte of its payload is waited for.
    fn header(&mut self) -> Result<Option<(FrameHeader, usize)>, Fault> {
        let mut cursor = Cursor::new(&self.buffer[..]);
        let (header, length) = match FrameHeader::parse(&mut cursor) {
            Ok(None) => return Ok(None),
            Ok(Some(parsed)) => parsed,
            Err(Error::Protocol(_)) => return Err(Fault::Protocol("reserved opcode")),
            Err(_) => return Err(Fault::Protocol("bad frame header")),
        };
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Fault::Protocol("reserved bits are set"));
        }
        if header.mask.is_none() {
            return Err(Fault::Protocol("frame is not masked"));
        }
        if header.len(length) as u64 != cursor.position() {
            return Err(Fault::Protocol("length is not minimal"));
        }
        if let OpCode::Control(_) = header.opcode {
            if length > 125 {
                return Err(Fault::Protocol("control frame over 125 bytes"));
            }
            if !header.is_final {
                return Err(Fault::Protocol("fragmented control frame"));
            }
            return Ok(Some((header, length as usize)));
        }
        let before = self.partial.as_ref().map_or(0, |partial| partial.payload.len());
        if length > (self.message_bytes_max - before) as u64 {
            return Err(Fault::TooBig);
        }
        Ok(Some((header, length as usize)))
    }

    fn frame(&mut self, header: &FrameHeader, payload: BytesMut) -> Result<Option<Event>, Fault> {
        match header.opcode {
            OpCode::Control(Control::Ping) => Ok(Some(Event::Ping(payload.freeze()))),
            OpCode::Control(Control::Pong) => Ok(Some(Event::Pong(payload.freeze()))),
            OpCode::Control(_) => close(&payload).map(Some),
            OpCode::Data(Data::Continue) => self.fragment(header.is_final, payload),
            OpCode::Data(kind) => {
                if self.partial.is_some() {
                    return Err(Fault::Protocol("expected a continuation"));
                }
                let text = kind == Data::Text;
                if header.is_final {
                    return message(text, payload).map(Some);
                }
                self.partial = Some(Box::new(Partial { text, payload }));
                Ok(None)
            }
        }
    }

    fn fragment(&mut self, last: bool, payload: BytesMut) -> Result<Option<Event>, Fault> {
        let Some(partial) = &mut self.partial else {
            return Err(Fault::Protocol("continuation of nothing"));
        };
        partial.payload.extend_from_slice(&payload);
        if !last {
            return Ok(None);
        }
        match self.partial.take() {
            Some(partial) => message(partial.text, partial.payload).map(Some),
            None => Ok(None),
        }
    }
}

fn message(text: bool, payload: BytesMut) -> Result<Event, Fault> {
    let payload = payload.freeze();
    if !text {
        return Ok(Event::Binary(payload));
    }
    Utf8Bytes::try_from(payload).map(Event::Text).map_err(|_| Fault::Utf8)
}

fn close(payload: &[u8]) -> Result<Event, Fault> {
    let (code, reason) = match payload {
        [] => return Ok(Event::Close(None)),
        [_] => return Err(Fault::Protocol("close code of one byte")),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !CloseCode::from(code).is_allowed() {
        return Err(Fault::Protocol("close code is not allowed"));
    }
    std::str::from_utf8(reason).map_err(|_| Fault::Utf8)?;
    Ok(Event::Close(Some(code)))
}

/// XOR with the mask (RFC 6455, section 5.3), eight bytes at a time.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    fn client(first: u8, payload: &[u8]) -> Vec<u8> {
        assert!(payload.len() < 126);
        let mut frame = vec![first, 0x80 | payload.len() as u8];
        frame.extend_from_slice(&MASK);
        frame.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ MASK[i % 4]));
        frame
    }

    fn all(bytes: &[u8], step: usize) -> Result<Vec<Event>, Fault> {
        let mut decoder = Decoder::new(1_000, BytesMut::new());
        let mut events = Vec::new();
        for chunk in bytes.chunks(step) {
            decoder.push(chunk);
            while let Some(event) = decoder.next()? {
                events.push(event);
            }
        }
        Ok(events)
    }

    #[test]
    fn messages_come_whole_however_the_bytes_are_cut() {
        let mut bytes = client(0x82, b"one");
        bytes.extend(client(0x01, b"tw"));
        bytes.extend(client(0x89, b"hi"));
        bytes.extend(client(0x80, b"o"));
        bytes.extend(client(0x81, b""));
        bytes.extend(client(0x88, &[0x03, 0xe8]));
        for step in 1..=bytes.len() {
            let expected = vec![
                Event::Binary(Bytes::from_static(b"one")),
                Event::Ping(Bytes::from_static(b"hi")),
                Event::Text(Utf8Bytes::from_static("two")),
                Event::Text(Utf8Bytes::from_static("")),
                Event::Close(Some(1000)),
            ];
            assert_eq!(all(&bytes, step), Ok(expected), "step {step}");
        }
    }

    #[test]
    fn nothing_is_owned_when_nothing_is_incomplete() {
        let mut decoder = Decoder::new(1_000, BytesMut::new());
        decoder.push(&client(0x82, b"one"));
        while decoder.next().unwrap().is_some() {}
        assert_eq!(decoder.buffer.capacity(), 0);
        assert!(decoder.partial.is_none());
    }

    #[test]
    fn each_fault_has_its_close_code() {
        let cases: [(&[u8], u16); 12] = [
            (&[0x82, 0x00], 1002),
            (&client(0xc2, b""), 1002),
            (&client(0x83, b""), 1002),
            (&client(0x8b, b""), 1002),
            (&client(0x09, b""), 1002),
            (&client(0x80, b""), 1002),
            (&[client(0x01, b""), client(0x81, b"")].concat(), 1002),
            (&client(0x88, &[3]), 1002),
            (&client(0x88, &[0x03, 0xed]), 1002),
            (&[0x82, 0xfe, 0, 5, 1, 2, 3, 4], 1002),
            (&client(0x81, &[0xff]), 1007),
            (&[0x82, 0xfe, 0x03, 0xe9, 0, 0, 0, 0], 1009),
        ];
        for (bytes, code) in cases {
            assert_eq!(all(bytes, 64).unwrap_err().close().0, code, "{bytes:x?}");
        }
    }

    #[test]
    fn a_length_that_lies_allocates_nothing() {
        let mut decoder = Decoder::new(1_000, BytesMut::new());
        decoder.push(&[0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        assert_eq!(decoder.next(), Err(Fault::TooBig));
        assert!(decoder.buffer.capacity() < 1_000);
    }

    #[test]
    fn fragments_count_together_against_the_limit() {
        let mut bytes = client(0x02, &[0; 100]);
        for _ in 0..9 {
            bytes.extend(client(0x00, &[0; 100]));
        }
        bytes.extend(client(0x00, &[0; 1]));
        assert_eq!(all(&bytes, 64), Err(Fault::TooBig));
    }
}
