//! How a dialect plugs in: a session per connection, a room per shared thing.
//!
//! A session turns messages of its peer into steps; a room turns commands into records and
//! effects. The server runs both. It commits the records first and releases the effects when they
//! are durable. No I/O, clock or thread lives here, and nothing here knows a particular dialect.
//!
//! A room orders either records or entries. Records lie in its log, and whoever joins or lags
//! reads the log. Entries lie in a map of it, and whoever joins gets one opening message with all of
//! them; whoever lags gets the newest of each that has changed.

pub mod memory;
mod room;
mod session;

pub use room::{Collections, Effects, Member, Refused, Reply, Room, Unreadable};
pub use session::{
    Accepted, Framing, Handshake, Incoming, Moment, Received, Session, Step, UnixMillis, Violation,
};

/// A sync dialect: its sessions, its rooms and its messages.
pub trait Dialect: Clone + Send + Sync + 'static {
    /// The name in configuration, metrics and collection names.
    const NAME: &'static str;
    /// What a session, or a caller without one, asks of its room. It may cross threads.
    type Command: Send + 'static;
    /// What a caller without a session is answered; it has no session to send a message to.
    type Answer: Send + 'static;
    /// The state of one connection.
    type Session: Session<Command = Self::Command> + Send + 'static;
    /// The state of one room.
    type Room: Room<Command = Self::Command, Answer = Self::Answer>;

    /// The room of this name. What it keeps lies in the collections that [`Collections`] reaches.
    fn room(&self, name: &str) -> Self::Room;

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
