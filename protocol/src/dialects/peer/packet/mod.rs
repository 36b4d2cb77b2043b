//! A packet: its fields, its wire form, what its signature covers and what is bound to its sealing.
//!
//! Knows no room's state. Which key is whose is said elsewhere.

mod cover;
mod handshake;
mod version_1;

use std::fmt;

use bytes::Bytes;
use prost::Message as _;

use super::{
    id::{PeerId, RequestId},
    proto::{P2pPacket, p2p_packet::PacketType},
};

pub use handshake::{BadHandshake, Handshake};

/// The version of the packets that are made here.
pub const VERSION: u32 = 2;

/// What a packet is for, with the numbers of the wire.
pub type Kind = PacketType;

/// A packet whose names are checked. Nothing that it says is believed before
/// [`is_signed_by`](Self::is_signed_by) the right key.
#[derive(Clone, PartialEq, Eq)]
pub struct Packet {
    /// What it is for, as a number: see [`Packet::kind`].
    pub kind: i32,
    /// The request that it makes or answers.
    pub request: RequestId,
    /// Who sent it, as it says.
    pub sender: PeerId,
    /// Ed25519, 64 bytes; empty while it is not signed.
    pub signature: Bytes,
    /// What it carries; sealed when it is [encrypted](Self::encrypted).
    pub payload: Bytes,
    /// Bytes of the JSON when its pieces are compressed; 0 when they are not.
    pub uncompressed_size: i32,
    /// Which piece it is, from 0.
    pub chunk_index: i32,
    /// Whether it is the last piece.
    pub is_last_chunk: bool,
    /// For whom it is; `None` when for all.
    pub target: Option<PeerId>,
    /// Whether the payload is sealed.
    pub encrypted: bool,
    /// The sender's X25519 key: 32 bytes or none.
    pub encryption_public_key: Bytes,
    /// The sender's Ed25519 key: 32 bytes or none.
    pub sender_public_key: Bytes,
    /// When it was made, in milliseconds since the Unix epoch.
    pub physical_time: i64,
    /// The sender's Lamport time.
    pub logical_time: i64,
    /// Whose rules it follows: 0 and 1 are those of version 1.
    pub version: u32,
    /// How many pieces there are; 1 or more in version 2.
    pub chunk_count: u32,
    /// The epoch of the group key that seals it; 0 when another key or none does.
    pub key_epoch: u64,
}

/// Why bytes are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPacket {
    /// They are not its message.
    #[error("the bytes are not the message of a packet")]
    NotAPacket,
    /// A sender or target that cannot be a participant's name.
    #[error("the sender or the target cannot be a participant's name")]
    BadName,
    /// A name of a request that is too long.
    #[error("the name of the request is too long")]
    BadRequest,
    /// A public key that has not 32 bytes.
    #[error("a public key has not 32 bytes")]
    BadKey,
}

impl Packet {
    /// A packet of version 2 to all, with no payload, in one piece, not sealed and not signed.
    #[must_use]
    pub fn new(kind: Kind, request: RequestId, sender: PeerId) -> Self {
        Self {
            kind: kind as i32,
            request,
            sender,
            signature: Bytes::new(),
            payload: Bytes::new(),
            uncompressed_size: 0,
            chunk_index: 0,
            is_last_chunk: true,
            target: None,
            encrypted: false,
            encryption_public_key: Bytes::new(),
            sender_public_key: Bytes::new(),
            physical_time: 0,
            logical_time: 0,
            version: VERSION,
            chunk_count: 1,
            key_epoch: 0,
        }
    }

    /// What it is for; `None` when only a later version knows.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        Kind::try_from(self.kind).ok()
    }

    /// Reads a frame. Payload, signature and keys are not copied out of it. How long a frame may be is
    /// the caller's to check.
    ///
    /// # Errors
    /// [`BadPacket`].
    pub fn decode(frame: Bytes) -> Result<Self, BadPacket> {
        let wire = P2pPacket::decode(frame).map_err(|_| BadPacket::NotAPacket)?;
        let name = |name: &str| PeerId::new(name).ok_or(BadPacket::BadName);
        let target = match wire.target_id.as_str() {
            "" => None,
            target => Some(name(target)?),
        };
        let keys = [&wire.encryption_public_key, &wire.sender_public_key];
        if keys.iter().any(|key| !key.is_empty() && key.len() != 32) {
            return Err(BadPacket::BadKey);
        }
        Ok(Self {
            kind: wire.r#type,
            request: RequestId::new(&wire.request_id).ok_or(BadPacket::BadRequest)?,
            sender: name(&wire.sender_id)?,
            signature: wire.signature,
            payload: wire.payload,
            uncompressed_size: wire.uncompressed_size,
            chunk_index: wire.chunk_index,
            is_last_chunk: wire.is_last_chunk,
            target,
            encrypted: wire.encrypted,
            encryption_public_key: wire.encryption_public_key,
            sender_public_key: wire.sender_public_key,
            physical_time: wire.physical_time,
            logical_time: wire.logical_time,
            version: wire.protocol_version,
            chunk_count: wire.chunk_count,
            key_epoch: wire.key_epoch,
        })
    }

    /// Its frame.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let wire = P2pPacket {
            r#type: self.kind,
            request_id: self.request.as_str().to_owned(),
            sender_id: self.sender.as_str().to_owned(),
            signature: self.signature.clone(),
            payload: self.payload.clone(),
            uncompressed_size: self.uncompressed_size,
            chunk_index: self.chunk_index,
            is_last_chunk: self.is_last_chunk,
            target_id: self.target_name().to_owned(),
            encrypted: self.encrypted,
            encryption_public_key: self.encryption_public_key.clone(),
            sender_public_key: self.sender_public_key.clone(),
            physical_time: self.physical_time,
            logical_time: self.logical_time,
            protocol_version: self.version,
            chunk_count: self.chunk_count,
            key_epoch: self.key_epoch,
        };
        wire.encode_to_vec().into()
    }

    fn target_name(&self) -> &str {
        self.target.as_ref().map_or("", PeerId::as_str)
    }
}

impl fmt::Debug for Packet {
    /// Without the payload: it may be the code of an invite.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packet")
            .field("kind", &self.kind)
            .field("request", &self.request)
            .field("sender", &self.sender)
            .field("target", &self.target)
            .field("version", &self.version)
            .field("encrypted", &self.encrypted)
            .field("key_epoch", &self.key_epoch)
            .field("chunk", &(self.chunk_index, self.chunk_count))
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}
