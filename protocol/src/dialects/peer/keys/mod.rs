//! The keys of participants: one's own, those of others as they are known, and how a participant goes
//! over to new ones.
//!
//! Knows no packet.

mod pins;
mod public;
mod room_keys;
mod rotation;

pub use pins::{Learned, PINS_MAX, Pin, Pins};
pub use public::{PublicKeys, VerifyingKey};
pub use room_keys::{ROOM_KEYS_BYTES, RoomKeys};
pub use rotation::{is_rotation_proven, prove_rotation};

/// Appends how long it is and then the bytes (dossier, 1.2: `lp`).
pub(in crate::dialects::peer) fn lp(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes);
}
