//! A peer's bytes on a WebSocket: however they are cut, the same is understood, and no more is held than
//! one message.

use bytes::BytesMut;

use crate::input::Input;

#[path = "../../../server/src/ws/decoder.rs"]
#[allow(dead_code, reason = "the server uses more of it")]
mod decoder;

use decoder::{Decoder, Event, Fault};

/// Longest message taken, in bytes.
const MESSAGE_BYTES_MAX: usize = 1 << 12;

/// What is understood of bytes that come in the pieces `cut` chooses.
fn understood(bytes: &[u8], mut cut: impl FnMut() -> usize) -> (Vec<Event>, Option<Fault>) {
    let mut decoder = Decoder::new(MESSAGE_BYTES_MAX, BytesMut::new());
    let (mut events, mut rest) = (Vec::new(), bytes);
    loop {
        loop {
            match decoder.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(fault) => return (events, Some(fault)),
            }
        }
        // A whole message less one byte, and a header that announces more.
        assert!(decoder.held_bytes() <= 2 * MESSAGE_BYTES_MAX + 14, "{}", decoder.held_bytes());
        if rest.is_empty() {
            return (events, None);
        }
        let (piece, left) = rest.split_at(cut().clamp(1, rest.len()));
        decoder.push(piece);
        rest = left;
    }
}

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let cuts = input.bytes(4);
    let bytes = input.0;
    let mut nth = 0;
    let pieces = understood(bytes, || {
        nth += 1;
        cuts.get(nth % 4).map_or(1, |cut| usize::from(*cut))
    });
    assert_eq!(understood(bytes, || 1), pieces, "byte by byte");
}
