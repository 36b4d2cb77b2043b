//! The proof that who announces new keys has them. That it also had the old ones is shown by the
//! packet, which the old key signs.
//!
//! Knows no packet.

use super::{
    lp,
    public::{PublicKeys, VerifyingKey},
    room_keys::RoomKeys,
};
use crate::dialects::peer::id::PeerId;

const TAG: &[u8] = b"cohrtz/rotate/v2";

fn covered(room: &str, sender: &PeerId, keys: &PublicKeys) -> Vec<u8> {
    let mut out = TAG.to_vec();
    lp(&mut out, room.as_bytes());
    lp(&mut out, sender.as_str().as_bytes());
    out.extend_from_slice(&keys.to_bytes());
    out
}

/// The proof (`pop`) that this sender has these new keys in this room.
#[must_use]
pub fn prove_rotation(room: &str, sender: &PeerId, new: &RoomKeys) -> [u8; 64] {
    new.sign(&covered(room, sender, &new.public()))
}

/// Whether it is that proof, and the new keys can be used.
#[must_use]
pub fn is_rotation_proven(room: &str, sender: &PeerId, new: &PublicKeys, proof: &[u8]) -> bool {
    let Some(key) = VerifyingKey::new(&new.sign) else { return false };
    PublicKeys::is_exchange_key(&new.exchange) && key.verify(&covered(room, sender, new), proof)
}
