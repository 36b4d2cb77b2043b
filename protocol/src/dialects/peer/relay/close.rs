//! How connections of this dialect are closed (dossier, section 2). Knows codes and words only.

use crate::dialect::Violation;

/// A frame that is no packet.
pub const MALFORMED: Violation = Violation { code: 4400, reason: "not a packet" };
/// The token's time is over.
pub const EXPIRED: Violation = Violation { code: 4401, reason: "the token has expired" };
/// The token's kind is not that of the room.
pub const WRONG_KIND: Violation = Violation { code: 4403, reason: "the room is of the other kind" };
/// The identity is banned from the room.
pub const BANNED: Violation = Violation { code: 4403, reason: "banned from the room" };
/// As many participants as may be are in the room.
pub const FULL: Violation = Violation { code: 4403, reason: "the room is full" };
/// An operator removed the participant.
pub const KICKED: Violation = Violation { code: 4403, reason: "removed from the room" };
/// An operator closed the room.
pub const ROOM_CLOSED: Violation = Violation { code: 4403, reason: "the room was closed" };
/// More waits for the connection than may.
pub const TOO_SLOW: Violation = Violation { code: 4408, reason: "too slow" };
/// The same identity has come again.
pub const REPLACED: Violation = Violation { code: 4409, reason: "replaced by a new connection" };
/// A frame is longer than it may be.
pub const TOO_LARGE: Violation = Violation { code: 4413, reason: "the frame is too large" };
/// The participant sends, or comes, too often.
pub const TOO_OFTEN: Violation = Violation { code: 4429, reason: "too often" };
