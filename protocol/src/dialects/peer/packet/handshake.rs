//! Packets by which participants tell and ask for public keys. Each is signed with the key that it
//! tells, so that nobody can announce what is not his (dossier, section 4, H2).
//!
//! Knows no pins: whether a key is the one that is known is said elsewhere.

use bytes::Bytes;

use super::{Kind, Packet, VERSION};
use crate::dialects::peer::{
    id::{PeerId, RequestId},
    keys::PublicKeys,
};

/// What a handshake says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// The sender's keys.
    Announce(PublicKeys),
    /// The wish to be told keys; with the sender's own, when it said both.
    Request(Option<PublicKeys>),
}

/// Why a handshake is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadHandshake {
    /// It is another type of packet, or sealed.
    #[error("the packet is no handshake")]
    NotOne,
    /// A key is missing, is not 32 bytes or is one that must not be used, or two places do not agree.
    #[error("the handshake has no keys that can be used")]
    BadKeys,
    /// It is not signed with the key that it tells.
    #[error("the handshake is not signed with the key it tells")]
    Unproven,
}

impl Packet {
    /// An announcement of these keys, to sign. The caller adds target and times.
    #[must_use]
    pub fn announcement(keys: &PublicKeys, request: RequestId, sender: PeerId) -> Self {
        let mut packet = Self::keys_request(keys, request, sender);
        packet.payload = packet.sender_public_key.clone();
        packet
    }

    /// A request for the keys of its target or of all, to sign. It tells the sender's keys too, by which
    /// it is checked.
    #[must_use]
    pub fn keys_request(keys: &PublicKeys, request: RequestId, sender: PeerId) -> Self {
        let mut packet = Self::new(Kind::Handshake, request, sender);
        packet.sender_public_key = Bytes::copy_from_slice(&keys.sign);
        packet.encryption_public_key = Bytes::copy_from_slice(&keys.exchange);
        packet
    }

    /// What this handshake says, when it is signed with the key that it tells.
    ///
    /// # Errors
    /// [`BadHandshake`].
    pub fn handshake(&self, room: &str) -> Result<Handshake, BadHandshake> {
        if self.kind() != Some(Kind::Handshake) || self.encrypted {
            return Err(BadHandshake::NotOne);
        }
        let is_request = self.payload.is_empty();
        let told = if is_request { &self.sender_public_key } else { &self.payload };
        // In version 1 the field may hold a key for other things.
        let agrees = self.version < VERSION || *told == self.sender_public_key;
        let sign: [u8; 32] = told.as_ref().try_into().map_err(|_| BadHandshake::BadKeys)?;
        if !agrees || !PublicKeys::is_signing_key(&sign) {
            return Err(BadHandshake::BadKeys);
        }
        let exchange = self.encryption_public_key.as_ref();
        let keys = match <[u8; 32]>::try_from(exchange) {
            Ok(exchange) if PublicKeys::is_exchange_key(&exchange) => {
                Some(PublicKeys { sign, exchange })
            }
            _ if is_request && exchange.is_empty() => None,
            _ => return Err(BadHandshake::BadKeys),
        };
        if !self.is_signed_by(room, &sign) {
            return Err(BadHandshake::Unproven);
        }
        match keys {
            Some(keys) if !is_request => Ok(Handshake::Announce(keys)),
            keys => Ok(Handshake::Request(keys)),
        }
    }
}
