//! The seam between the reconciler and what a client keeps: its maps, what waits for the server,
//! and how far the server was read. Knows what is kept; not where, and nothing of messages.
//!
//! Calls come under the client's lock and wait for no disk. What changes is seen at once; it becomes
//! durable later and in order, so that a kill leaves the state after one of the calls.

use std::sync::Arc;

use bytes::Bytes;
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{
        Hlc, Index, NodeId, Path, Record,
        proto::{ErrorCode, OperationMessage},
    },
};

use crate::kept::StateError;

/// The name of a map, which [may be one](syncline_protocol::dialects::maps::is_map_name).
pub(crate) type MapName = Arc<str>;

/// A write that the server is not known to have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pending {
    /// Its place among the writes of all maps, ascending. A later write of the same key takes its
    /// place and has an order of its own.
    pub(crate) order: u64,
    /// Its key's path.
    pub(crate) path: Path,
    /// Its timestamp.
    pub(crate) hlc: Hlc,
    /// What is sent.
    pub(crate) op: OperationMessage,
}

/// What the server made of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// The server keeps it, or something that wins against it: nothing waits any more.
    Durable,
    /// The server has it in memory: it is not offered again on this connection, and is kept until
    /// [`Replica::confirm`].
    InMemory,
    /// The server refuses it for good: the application is told, and the key waits for
    /// [`Replica::revert`].
    Rejected(ErrorCode),
}

/// An answer to a write. It means nothing where the key's pending write has another timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Its key's path.
    pub(crate) path: Path,
    /// Its timestamp.
    pub(crate) hlc: Hlc,
    /// What the server made of it.
    pub(crate) how: How,
}

/// What a server says of a map beside its records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Everything up to here was read.
    pub(crate) cursor: Option<Bytes>,
    /// Tombstones below this one do not count. It only rises; a lower one is passed over.
    pub(crate) watermark: Option<Hlc>,
}

/// How much is asked for at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Operations.
    pub(crate) ops_max: usize,
    /// Bytes of them as they are sent, beside one of any size.
    pub(crate) bytes_max: usize,
}

/// What a client keeps.
///
/// A map that is not open has nothing and takes nothing: calls about it do nothing.
pub(crate) trait Replica {
    /// The node that this client's timestamps name.
    fn node(&self) -> &NodeId;

    /// The maps that are open.
    fn maps(&self) -> Vec<MapName>;

    /// The hashes of all records of a map, pending ones among them.
    fn index(&self, map: &str) -> Option<&Index>;

    /// A record, tombstones and those whose life is over among them: the server replaces those, and
    /// until then they are in the index as they are.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    fn record(&self, map: &str, path: Path) -> Result<Option<Record>, StateError>;

    /// A record that may be sent: an own write only once it is durable here, as a timestamp that others
    /// have seen must not be given again after a power cut.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    fn durable(&self, map: &str, path: Path) -> Result<Option<Record>, StateError>;

    /// How far the server was read; `None` when never, or when a replace has begun.
    fn cursor(&self, map: &str) -> Option<Bytes>;

    /// The highest watermark heard of.
    fn watermark(&self, map: &str) -> Option<Hlc>;

    /// Whether a replace was begun and not ended, in this run or an earlier one.
    fn replacing(&self, map: &str) -> bool;

    /// The writes behind `after` that are durable here and for which nothing was settled, oldest
    /// first. At least one if there is one.
    ///
    /// # Errors
    /// [`StateError`] when they cannot be read.
    fn pending(&self, map: &str, after: u64, bounds: Bounds) -> Result<Vec<Pending>, StateError>;

    /// How many writes of a map the server has not answered, those that are not durable here yet
    /// and those that wait for their revert among them. What is acknowledged in memory is not.
    fn unanswered(&self, map: &str) -> usize;

    /// Keys whose write was refused and that wait for [`Replica::revert`], at most `keys_max`. Kept
    /// over a kill.
    fn rejected(&self, map: &str, keys_max: usize) -> Vec<Box<str>>;

    /// Takes the server's answers to writes.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be kept.
    fn settle(&mut self, map: &str, settled: &[Settled]) -> Result<(), StateError>;

    /// What was acknowledged in memory is durable at the server: nothing of it waits any more.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be kept.
    fn confirm(&mut self, map: &str) -> Result<(), StateError>;

    /// The connection is gone: what was acknowledged in memory, of all maps, is offered again.
    fn doubt(&mut self);

    /// Takes what the server has, each record if it wins against the one here, and the mark with
    /// them: all of it or nothing. A pending write that loses, or equals what came, waits no more.
    /// While a replace goes on, the records that come are those that stay.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be kept.
    fn merge(&mut self, map: &str, records: Vec<Record>, mark: Mark) -> Result<(), StateError>;

    /// From here on everything of the server is read anew: the cursor is forgotten, the records stay
    /// for the time being. Beginning again forgets which records have come since.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be kept.
    fn begin_replace(&mut self, map: &str) -> Result<(), StateError>;

    /// Everything has come: records that have not, since the replace began, go, except pending ones.
    /// After a kill in the midst of it, the replace still goes on.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be kept.
    fn end_replace(&mut self, map: &str, mark: Mark) -> Result<(), StateError>;

    /// Puts a key whose write was refused back to what the server has, however old that is; nothing,
    /// if a later write is pending.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be kept.
    fn revert(&mut self, map: &str, key: &str, server: Option<Record>) -> Result<(), StateError>;

    /// The server has forgotten these keys as removed: they go, except pending ones.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be kept.
    fn forget(&mut self, map: &str, paths: &[Path]) -> Result<(), StateError>;

    /// Takes note of a timestamp of the server or of another client.
    fn observe(&mut self, seen: &Hlc, wall: UnixMillis);

    /// This device's wall clock is so far ahead of the server's: timestamps are given that much
    /// earlier from now on. 0 when it is right.
    fn correct_wall(&mut self, ahead_ms: u64);

    /// The server's clock stands at `server`, and it has refused these writes because they lie too
    /// far ahead; nor has anybody seen a pending write above `above_ms`. Takes the clock back to
    /// `server`, or to the highest timestamp of this node that others may have seen, and stamps all
    /// these writes anew in their order, with their records. They are pending as new ones.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read or kept.
    fn restamp(
        &mut self,
        refused: &[(MapName, Path, Hlc)],
        server: &Hlc,
        above_ms: u64,
        wall: UnixMillis,
    ) -> Result<(), StateError>;
}
