//! Frames that a server sends: never masked, never fragmented.

use bytes::Bytes;
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

/// What a data frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text,
    Binary,
}

/// Longest header of an unmasked frame: 2 bytes and a 64-bit length.
const HEADER_BYTES_MAX: usize = 10;
/// A control frame's payload (RFC 6455, section 5.5).
const CONTROL_BYTES_MAX: usize = 125;

/// Appends one frame to `out` whose payload `write` appends.
///
/// `payload_hint` is a guess of the payload's length: when the guess needs a header of the right
/// size the payload is not moved again.
pub(crate) fn framed(
    out: &mut Vec<u8>,
    opcode: Opcode,
    payload_hint: usize,
    write: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    let (bytes, guess) = header(data(opcode), payload_hint);
    out.reserve(guess + payload_hint);
    out.extend_from_slice(&bytes[..guess]);
    write(out);
    let payload = out.len() - start - guess;
    if payload == payload_hint {
        return;
    }
    let (bytes, length) = header(data(opcode), payload);
    if length > guess {
        out.resize(out.len() + length - guess, 0);
        out.copy_within(start + guess..start + guess + payload, start + length);
    } else if length < guess {
        out.copy_within(start + guess.., start + length);
        out.truncate(start + length + payload);
    }
    out[start..start + length].copy_from_slice(&bytes[..length]);
}

/// A close frame. A reason that does not fit is cut at a character.
pub(crate) fn close_frame(code: u16, reason: &str) -> Bytes {
    let mut end = reason.len().min(CONTROL_BYTES_MAX - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = Vec::with_capacity(2 + end);
    payload.extend_from_slice(&code.to_be_bytes());
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    control_frame(Control::Close, &payload)
}

/// A ping with a payload of at most 125 bytes.
pub(crate) fn ping_frame(payload: &[u8]) -> Bytes {
    control_frame(Control::Ping, payload)
}

/// The answer to a ping: its payload, at most 125 bytes.
pub(crate) fn pong_frame(payload: &[u8]) -> Bytes {
    control_frame(Control::Pong, payload)
}

/// What stands before a payload of this length to make it a frame.
pub(crate) fn frame_head(opcode: Opcode, payload: usize) -> Bytes {
    let (bytes, length) = header(data(opcode), payload);
    Bytes::copy_from_slice(&bytes[..length])
}

fn control_frame(control: Control, payload: &[u8]) -> Bytes {
    debug_assert!(payload.len() <= CONTROL_BYTES_MAX, "control payloads are short");
    let (bytes, length) = header(OpCode::Control(control), payload.len());
    let mut frame = Vec::with_capacity(length + payload.len());
    frame.extend_from_slice(&bytes[..length]);
    frame.extend_from_slice(payload);
    frame.into()
}

fn data(opcode: Opcode) -> OpCode {
    match opcode {
        Opcode::Text => OpCode::Data(Data::Text),
        Opcode::Binary => OpCode::Data(Data::Binary),
    }
}

fn header(opcode: OpCode, payload: usize) -> ([u8; HEADER_BYTES_MAX], usize) {
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    let length = header.len(payload as u64);
    let mut bytes = [0; HEADER_BYTES_MAX];
    let mut rest = &mut bytes[..];
    // Ten bytes hold every unmasked header, so writing it cannot fail.
    let written = header.format(payload as u64, &mut rest);
    debug_assert!(written.is_ok(), "a header fits its buffer");
    (bytes, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(payload: &[u8], hint: usize) -> Vec<u8> {
        let mut out = vec![9, 9];
        framed(&mut out, Opcode::Binary, hint, |out| out.extend_from_slice(payload));
        out.split_off(2)
    }

    #[test]
    fn a_wrong_hint_gives_the_same_frame_as_the_right_one() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let right = one(&payload, length);
            assert_eq!(&right[right.len() - length..], payload);
            for hint in [0, 125, 126, 65_535, 65_536] {
                assert_eq!(one(&payload, hint), right, "length {length}, hint {hint}");
            }
        }
    }

    #[test]
    fn headers_have_the_three_lengths_of_the_rfc() {
        assert_eq!(one(&[7], 1), [0x82, 1, 7]);
        assert_eq!(one(&[0; 126], 126)[..4], [0x82, 126, 0, 126]);
        assert_eq!(one(&[0; 65_536], 0)[..10], [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let frame = close_frame(1008, &"é".repeat(100));
        assert_eq!(frame[..4], [0x88, 124, 0x03, 0xf0]);
        assert!(std::str::from_utf8(&frame[4..]).is_ok());
    }
}
