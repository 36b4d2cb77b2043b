//! How a dialect plugs in: a session per connection, a room per shared thing.
//!
//! A session turns messages of its peer into steps; a room turns commands into records and
//! effects. The server runs both. It commits the records first and releases the effects when they
//! are durable. No I/O, clock or thread lives here, and nothing here knows a particular dialect.
//!
//! A room orders either records or entries. Records lie in its log, and whoever joins or lags
//! reads the log. Entries lie in a map of it, and whoever joins gets one opening message with all of
//! them; whoever lags gets the newest of each that has changed.
//!
//! A session that speaks with many rooms joins none. It [asks](Act::Ask) them, each by its name, and
//! [watches](Act::Watch) those whose changes it wants to hear of.

pub mod memory;
mod room;
mod session;

use std::time::Duration;

pub use room::{Audience, Collections, Effects, Member, Refused, Reply, Room, Unreadable};
pub use session::{
    Accepted, Act, Ended, Framing, Handshake, Incoming, Moment, Notices, Received, Session, Step,
    Unanswered, UnixMillis, Violation,
};

/// Reads all entries of a map of a room: calls its second argument with every key and value.
pub type EachEntry<'a> =
    dyn FnMut(u64, &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Unreadable> + 'a;

/// What may wait for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Messages.
    pub frames_max: usize,
    /// Bytes of them with their frames.
    pub bytes_max: usize,
}

/// A sync dialect: its sessions, its rooms and its messages.
pub trait Dialect: Clone + Send + Sync + 'static {
    /// The name in configuration, metrics and collection names.
    const NAME: &'static str;
    /// Whether rooms show what they do at once, and what they keep is written behind it. Then all effects
    /// are released at the end of the turn, and each member gets what is for it in the order in which the
    /// room gave it: what is relayed and replied, its opening, its dismissal. Answers are released then too,
    /// but to a command that wrote something: they come when that is durable. A turn is committed as one
    /// batch. When the store does not take it, all that its rooms kept in it is lost and counted, and those
    /// who were to be answered that something was written are told that it was not; nobody is closed, the
    /// rooms' state in memory stays, and the next record gets the number that the first lost one had. A store
    /// that has failed ends the server as ever. No such room publishes.
    const WRITES_BEHIND: bool = false;
    /// What a session, or a caller without one, asks of its room. It may cross threads.
    type Command: Send + 'static;
    /// What a caller without a session is answered; it has no session to send a message to.
    type Answer: Send + 'static;
    /// The state of one connection.
    type Session: Session<Command = Self::Command, Answer = Self::Answer, Window = Self::Window>
        + Send
        + 'static;
    /// The state of one room.
    type Room: Room<
            Command = Self::Command,
            Answer = Self::Answer,
            Notice = Self::Notice,
            Prepared = Self::Prepared,
        >;
    /// What a room tells those who watch it; `()` when nobody does.
    type Notice: Send + 'static;
    /// What is made of the notices of a short time; `()` when nobody watches.
    type Window: Send + Sync + 'static;
    /// What [`Dialect::prepare`] makes of all that a room keeps; `()` when it makes nothing: then it is
    /// not called.
    type Prepared: Send + 'static;

    /// The room of this name. What it keeps lies in the collections that [`Collections`] reaches.
    fn room(&self, name: &str) -> Self::Room;

    /// What a room needs of all its entries before it takes a command. When map 0 has many it is called
    /// on a thread where time may be taken; what is asked of the room waits meanwhile. `entries` calls
    /// its argument with every key and value of the map of that number, in no order. On an error, or a
    /// panic, who waits gets no answer, and the next command tries again.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn prepare(
        &self,
        room: &str,
        entries: &mut EachEntry<'_>,
    ) -> Result<Option<Self::Prepared>, Unreadable> {
        let _ = (room, entries);
        Ok(None)
    }

    /// How long notices of a room are gathered before they go to those who watch it. The first after
    /// at least as long a pause goes at once.
    fn window(&self) -> Duration {
        Duration::ZERO
    }

    /// Makes one window of the notices of a room, which are in the order in which they were given.
    /// Only dialects whose rooms give notices are asked.
    fn gather(&self, room: &str, notices: Vec<Self::Notice>) -> Option<Self::Window> {
        let _ = (room, notices);
        None
    }

    /// Appends to `out` the message that carries a record of the room to a session of `framing`;
    /// nothing when the record is none that this dialect writes.
    fn deliver(&self, framing: Framing, room: &str, seq: u64, record: &[u8], out: &mut Vec<u8>);

    /// Appends to `out` the message that carries an entry of the room's map 0 as it is stored, and
    /// says the version that the entry was given; `None`, and nothing appended, when the value is
    /// none that this dialect writes. Only dialects that publish entries are asked.
    fn deliver_entry(
        &self,
        framing: Framing,
        key: &[u8],
        value: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<u64> {
        let _ = (framing, key, value, out);
        None
    }

    /// Appends to `out` the whole message that a [replayed](Effects::replay) record is for this reader, and
    /// says how it travels; `None`, and nothing appended, when the reader does not get it.
    fn replay(&self, reader: &str, seq: u64, record: &[u8], out: &mut Vec<u8>) -> Option<Framing> {
        let _ = (reader, seq, record, out);
        None
    }

    /// What may wait for one connection of what was [relayed](Effects::relay) to it, inclusive; `None` for as
    /// many bytes as the server lets wait for any. Replies count, openings and replays do not. A peer that
    /// has taken everything may be given one turn's at once, however much that is.
    fn queue(&self) -> Option<Queue> {
        None
    }

    /// How a connection is closed for which more waits than may. It is told behind what waits already.
    fn too_slow(&self) -> Violation {
        Violation { code: 1013, reason: "too slow" }
    }

    /// How a connection is closed whose message is too long.
    fn too_large(&self) -> Violation {
        Violation { code: 1009, reason: "the message is too long" }
    }

    /// Whether this command reads all entries of a map: then what was applied before it is
    /// committed first.
    fn reads_entries(&self, command: &Self::Command) -> bool {
        let _ = command;
        false
    }

    /// Whether sessions want to know what their peers have received: then what is sent is followed
    /// by a ping, at most one at a time, and [`Moment::received`] moves with the pongs.
    fn tracks_receipt(&self) -> bool {
        false
    }
}
