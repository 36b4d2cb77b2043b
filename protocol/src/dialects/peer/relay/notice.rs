//! What a room tells whoever observes it: who comes and who goes. Nothing of a packet.

use super::control::Left;
use crate::dialects::peer::id::PeerId;

/// Something that has happened in a room, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The first is about to come in.
    Began,
    /// Somebody has come in.
    Joined(PeerId),
    /// Somebody has gone.
    Left(PeerId, Left),
    /// The last has gone, and nobody comes in its place.
    Ended,
}
