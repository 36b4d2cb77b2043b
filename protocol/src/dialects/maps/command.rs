//! What is asked of a map or of the registry, and what they answer.
//!
//! Knows the types of the dialect; nothing of how a room finds an answer or a session words it.

use std::fmt;

use super::{
    cursor::Cursor,
    fault::Fault,
    hlc::NodeId,
    page::Page,
    proto::{OpResult, SyncRequest},
    record::Record,
    window::Change,
};

/// The name of the room that keeps whose node and whose map is whose. No map can have it.
pub const REGISTRY: &str = "~";

/// Something that a session or a caller asks of a room.
#[derive(Debug)]
#[non_exhaustive]
pub enum Command {
    /// A map: takes operations, answered with [`Answer::Written`].
    Write(Write),
    /// A map: GET, MERKLE_HASH_REQ, BUCKET_KEYS, PULL_SINCE or RANGE, answered with [`Answer::Synced`]
    /// or [`Answer::Refused`]. Name and permission were checked, the type is none of the others.
    Sync(Box<SyncRequest>),
    /// A map: what changed since, answered with [`Answer::Fed`].
    Feed(Feed),
    /// A map: where it is, answered with [`Answer::Position`].
    Position,
    /// A map: ends what has lived its time and forgets old tombstones; answered with [`Answer::Swept`].
    Sweep,
    /// The registry: this user writes to this map; answered with [`Answer::Admitted`]. Of a map that is
    /// new there the user becomes the owner, if he may have another.
    Admit {
        /// Who.
        user: Box<str>,
        /// The map's name.
        map: Box<str>,
    },
    /// The registry: this user comes with this node; answered with [`Answer::Bound`]. A node belongs to
    /// the first who claimed it.
    Bind {
        /// Who.
        user: Box<str>,
        /// The node.
        node: NodeId,
        /// Whether it becomes the user's when it is nobody's yet. Not when only an operation names it: a
        /// client that sends what others wrote must not take their nodes.
        claim: bool,
    },
    /// The registry: names of maps in byte order, answered with [`Answer::Listed`].
    List {
        /// Only those behind this one; empty for all.
        after: Box<str>,
        /// At most so many; at least 1, and never more than [`LIST_MAPS_MAX`].
        maps_max: usize,
    },
}

/// The most names in one [`Answer::Listed`].
pub const LIST_MAPS_MAX: usize = 10_000;

/// Operations of one session on one map.
#[derive(Clone, PartialEq, Eq)]
pub struct Write {
    /// The number of the session, for [`Change::origin`]; 0 for none.
    pub origin: u64,
    /// The records, each with the index of its operation in the batch of its sender. They are applied in
    /// this order. Sizes, permission, node and drift were checked.
    pub ops: Vec<(u32, Record)>,
}

/// What changed in a map after a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Where the asker is.
    pub after: Cursor,
    /// Only keys that begin with this; empty for all.
    pub key_prefix: Box<str>,
    /// At most so many changes; never more than a page's.
    pub ops_max: usize,
    /// At most so many bytes of operations, but one operation if there is one; never more than a page's.
    pub bytes_max: usize,
}

/// What a room answers.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// To [`Command::Write`].
    Written(Written),
    /// To [`Command::Sync`].
    Synced(Synced),
    /// To [`Command::Feed`].
    Fed(Fed),
    /// To [`Command::Position`].
    Position {
        /// Where the map is.
        cursor: Cursor,
        /// Its root hash.
        root: [u8; 16],
        /// How many records that covers.
        count: u64,
    },
    /// The request as a whole is refused, and nothing was done.
    Refused(Fault),
    /// To [`Command::Sweep`].
    Swept,
    /// To [`Command::Admit`]: a [`Fault`] when the user has as many maps as a user may.
    Admitted(Result<(), Fault>),
    /// To [`Command::Bind`]: whether the node is this user's. Not when it is another's, or when it is
    /// nobody's and was not claimed, or this user has as many as a user may.
    Bound(bool),
    /// To [`Command::List`].
    Listed {
        /// The names, ascending.
        maps: Vec<Box<str>>,
        /// Whether there are others behind the last.
        more: bool,
    },
}

/// What became of the operations of a [`Write`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Of those that were not applied, in the order of the write: stale, duplicate or rejected, under
    /// their index in the sender's batch.
    pub results: Vec<OpResult>,
    /// How many were applied.
    pub applied: u32,
    /// Whether a power cut leaves it as it is. Not when the operator chose
    /// [`Ack::Memory`](super::Ack::Memory).
    pub durable: bool,
}

/// The answer to a sync request.
#[derive(Debug, PartialEq, Eq)]
pub struct Synced {
    /// What goes to the client, in this order and all under the request's correlation id; at least one.
    /// They are complete but for the server's time.
    pub pages: Vec<Page>,
    /// Where the map was when it answered. Whoever is answered a last page of PULL_SINCE is there.
    pub position: Cursor,
}

/// The answer to a [`Feed`].
#[derive(Debug, PartialEq, Eq)]
pub struct Fed {
    /// The newest change of every key that changed, ascending. Whose they were is not known any more.
    pub changes: Vec<Change>,
    /// Where whoever has taken them is.
    pub position: Cursor,
    /// Whether there is more behind it: ask again from there. There may be although no change is here.
    pub more: bool,
    /// What lies between cannot be told, because the cursor is too old or not of this map as it is now.
    /// Then no change is here, and the position is that of the map: a client that is told changes from
    /// there sees the gap and pulls.
    pub reset: bool,
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, ops } = self;
        f.debug_struct("Write").field("origin", origin).field("ops", &ops.len()).finish()
    }
}
