//! How a connection follows its room, and what it asks for when it begins to.

use super::{behind::Behind, catchup::CatchUp, many::Many, replay::Replay};

/// How a session wants to follow a room.
#[derive(Debug)]
pub(super) enum Wish<C> {
    /// Every record after this one.
    Join { after: u64 },
    /// What is released after the opening message that this command makes.
    Open(C),
}

/// How a connection follows its room.
#[derive(Debug)]
pub(super) enum Follow {
    /// It has joined no room, or gets nothing of it any more.
    Nothing,
    /// It waits for its opening message.
    Opening,
    /// It reads the log at its own pace.
    CatchUp(Box<CatchUp>),
    /// It is sent the newest of the entries that changed, at its own pace.
    Behind(Box<Behind>),
    /// It reads what its room kept, and what is relayed meanwhile is held for it.
    Replay(Box<Replay>),
    /// It is sent what becomes visible.
    Live,
    /// Its session speaks with many rooms and follows none.
    Many(Box<Many>),
}

/// What feeding a connection did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fed {
    /// The connection is not fed, or has to wait for the next release.
    Nothing,
    /// Something was queued, or the live end was reached.
    Some,
}
