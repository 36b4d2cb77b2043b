//! A packet as a room's log keeps it: when it was received, and the frame as it came. What else is known
//! of it stands in the frame.
//!
//! The form: a byte 1, milliseconds since the Unix epoch in 8 bytes, the lowest first, the frame.

use super::scan::Route;
use crate::dialect::UnixMillis;
use crate::dialects::peer::proto::p2p_packet::PacketType;

const FORM: u8 = 1;
const HEAD_BYTES: usize = 9;

/// The type of packets that are stored.
pub(super) const STORED_KIND: i32 = PacketType::DataChunk as i32;

/// A stored packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stored<'a> {
    /// When the server received it.
    pub received_at: UnixMillis,
    /// Where it came from and goes to.
    pub route: Route<'a>,
    /// The frame, byte for byte.
    pub frame: &'a [u8],
}

impl<'a> Stored<'a> {
    /// Reads a record; `None` when it is none of this dialect.
    #[must_use]
    pub fn decode(record: &'a [u8]) -> Option<Self> {
        let (&form, rest) = record.split_first()?;
        let (received_at, frame) = rest.split_first_chunk()?;
        let received_at = UnixMillis(u64::from_le_bytes(*received_at));
        let route = Route::scan(frame).ok()?;
        (form == FORM).then_some(Self { received_at, route, frame })
    }

    /// Appends the record of a frame.
    pub fn encode(received_at: UnixMillis, frame: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&Self::head(received_at));
        out.extend_from_slice(frame);
    }

    /// What stands before a frame in its record.
    pub(super) fn head(received_at: UnixMillis) -> [u8; HEAD_BYTES] {
        let mut head = [FORM; HEAD_BYTES];
        head[1..].copy_from_slice(&received_at.0.to_le_bytes());
        head
    }

    /// Whether the participant of this name may read it: it was sent to all, or to it, or by it.
    #[must_use]
    pub fn is_visible_to(&self, reader: &str) -> bool {
        let Route { sender_id, target_id, .. } = self.route;
        target_id.is_empty() || target_id == reader || sender_id == reader
    }

    /// Whether it is sent again to the participant of this name when that comes back: what it may read
    /// and has not sent itself.
    #[must_use]
    pub fn is_replayed_to(&self, reader: &str) -> bool {
        self.is_visible_to(reader) && self.route.sender_id != reader
    }
}
