//! The bytes on the wire, written by hand: WebSocket frames, the upgrade, and both framings of the relay.
//!
//! The yardsticks and the generator share it, so that neither pays for more than the bytes. It knows no socket.

pub(crate) mod answer;
pub(crate) mod fields;
pub(crate) mod frame;
pub(crate) mod json;
pub(crate) mod message;
pub(crate) mod upgrade;
