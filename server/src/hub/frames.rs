//! Finished frames of what a dialect says: records, entries and whole messages.
//!
//! Knows framings and opcodes; nothing of who gets what.

use bytes::Bytes;
use syncline_protocol::dialect::{Dialect, Framing};

use crate::ws::{Opcode, frame_head, framed};

/// The place of a framing where there is one thing for each.
pub(super) fn framing_index(framing: Framing) -> usize {
    match framing {
        Framing::Text => 0,
        Framing::Binary => 1,
    }
}

/// The opcode of a framing's frames.
pub(super) fn opcode(framing: Framing) -> Opcode {
    match framing {
        Framing::Text => Opcode::Text,
        Framing::Binary => Opcode::Binary,
    }
}

/// A whole message as a frame.
pub(super) fn message_frame(framing: Framing, message: &[u8]) -> Bytes {
    let mut frame = Vec::new();
    framed(&mut frame, opcode(framing), message.len(), |out| out.extend_from_slice(message));
    frame.into()
}

/// What stands before a whole message of this length to make it a frame.
pub(super) fn message_head(framing: Framing, bytes: usize) -> Bytes {
    frame_head(opcode(framing), bytes)
}

/// Appends the frame that brings a record to a session of a framing; nothing for a record that
/// the dialect does not know.
pub(super) fn record_frame<D: Dialect>(
    dialect: &D,
    framing: Framing,
    room: &str,
    seq: u64,
    record: &[u8],
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let mut known = true;
    framed(out, opcode(framing), record.len(), |out| {
        let before = out.len();
        dialect.deliver(framing, room, seq, record, out);
        known = out.len() > before;
    });
    if !known {
        debug_assert!(false, "a room's log holds only records of its dialect");
        out.truncate(start);
    }
}

/// Appends the frame that brings a kept record to a reader; nothing where it is not for it.
pub(super) fn replay_frame<D: Dialect>(
    dialect: &D,
    reader: &str,
    seq: u64,
    record: &[u8],
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let mut framing = None;
    framed(out, Opcode::Binary, record.len(), |out| {
        framing = dialect.replay(reader, seq, record, out);
    });
    match framing {
        Some(Framing::Binary) => {}
        // A head's first byte says the opcode, and only that.
        Some(Framing::Text) => out[start] = frame_head(Opcode::Text, 0)[0],
        None => out.truncate(start),
    }
}

/// Appends the frame that brings an entry as it is stored to a session of a framing, and says which
/// version that is; nothing for an entry that the dialect does not know.
pub(super) fn entry_frame<D: Dialect>(
    dialect: &D,
    framing: Framing,
    key: &[u8],
    value: &[u8],
    out: &mut Vec<u8>,
) -> Option<u64> {
    let start = out.len();
    let mut version = None;
    framed(out, opcode(framing), key.len() + value.len(), |out| {
        version = dialect.deliver_entry(framing, key, value, out);
    });
    if version.is_none() {
        out.truncate(start);
    }
    version
}
