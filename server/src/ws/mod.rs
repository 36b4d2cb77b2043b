//! WebSocket framing for a server: bytes in, messages out, and frames to send.
//!
//! tungstenite parses and formats frame headers; joining fragments and the order of checks are
//! ours, so that an idle connection owns no buffer. Knows nothing of sockets, rooms or dialects.

mod decoder;
mod frame;

pub(crate) use decoder::{Decoder, Event, Fault};
pub(crate) use frame::{Opcode, close_frame, frame_head, framed, ping_frame, pong_frame};
