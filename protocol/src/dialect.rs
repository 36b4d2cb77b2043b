//! How a dialect plugs in: a session per connection, a room per shared thing.
//!
//! A session turns messages of its peer into steps; a room turns commands into records and
//! effects. The server runs both. It commits the records first and releases the effects when they
//! are durable. No I/O, clock or thread lives here, and nothing here knows a particular dialect.

use bytes::Bytes;

/// How the messages of one session travel: the WebSocket opcode of everything it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Text messages, such as JSON.
    Text,
    /// Binary messages, such as protobuf.
    Binary,
}

/// One whole message of a peer, its fragments joined, its UTF-8 checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message. Parts of it can be kept without copying.
    Binary(Bytes),
}

/// One session in a room: unique among the sessions of a running server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Member(pub u64);

/// Milliseconds since the Unix epoch, as the caller read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

/// What an upgrade request says, as far as dialects care.
#[derive(Clone, Copy, Debug)]
pub struct Handshake<'a> {
    /// The path without its query.
    pub path: &'a str,
    /// The subprotocols the peer offers, in its order of preference.
    pub subprotocols: &'a [&'a str],
}

/// A new session and the subprotocol to confirm, if one was chosen.
#[derive(Debug)]
pub struct Accepted<S> {
    /// The session's state.
    pub session: S,
    /// The subprotocol that the server's answer must name.
    pub subprotocol: Option<&'static str>,
}

/// What a session wants done after one message.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<C> {
    /// Nothing.
    None,
    /// The message was not for us and is passed over. The reason is a metric label.
    Ignored(&'static str),
    /// Follow `room`: first every record after `after`, then what is released from now on.
    Join {
        /// The room's name.
        room: String,
        /// The last sequence number the peer already has; 0 for none. One beyond the end of the
        /// log asks for no history, and for what is released from now on whatever its number.
        after: u64,
    },
    /// A command for the room that the session joined.
    Command(C),
}

/// A peer broke the protocol: the connection closes with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (close code {code})")]
pub struct Violation {
    /// A WebSocket close code (RFC 6455, section 7.4, or the dialect's own).
    pub code: u16,
    /// A few words for the peer, at most 123 bytes.
    pub reason: &'static str,
}

/// Why a room did not take a command. Counted and logged; the connection lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The room holds as many bytes as it may.
    RoomBytes,
    /// The room holds as many records as it may.
    RoomRecords,
}

/// A message for one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The whole message, in the framing of the member.
    pub message: &'a [u8],
    /// True when it says all that an earlier `cumulative` reply of the same member said, so that
    /// only the last one of a commit need be sent.
    pub cumulative: bool,
}

/// A sync dialect: where it is found, its sessions, its rooms and its messages.
pub trait Dialect: Clone + Send + Sync + 'static {
    /// The name in configuration, metrics and collection names.
    const NAME: &'static str;
    /// The path of its upgrade request.
    const PATH: &'static str;
    /// What a session asks of its room. It may cross threads.
    type Command: Send + 'static;
    /// The state of one connection.
    type Session: Session<Command = Self::Command> + Send + 'static;
    /// The state of one room.
    type Room: Room<Command = Self::Command>;

    /// A session for a peer that sent this upgrade request.
    fn accept(&self, handshake: &Handshake<'_>) -> Accepted<Self::Session>;

    /// The room of this name. Its records live in the log that [`Collections`] reaches.
    fn room(&self, name: &str) -> Self::Room;

    /// Appends to `out` the message that carries a record of the room to a session of `framing`;
    /// nothing when the record is none that this dialect writes.
    fn deliver(&self, framing: Framing, room: &str, seq: u64, record: &[u8], out: &mut Vec<u8>);
}

/// The protocol state of one connection.
pub trait Session {
    /// What it asks of its room.
    type Command;

    /// How its messages travel.
    fn framing(&self) -> Framing;

    /// Takes one message of the peer.
    ///
    /// # Errors
    /// A [`Violation`] ends the connection.
    fn receive(&mut self, message: Incoming<'_>) -> Result<Step<Self::Command>, Violation>;

    /// Called once, when the history asked for with [`Step::Join`] has been sent up to `seq`:
    /// the message, if any, that says so.
    fn caught_up(&mut self, seq: u64) -> Option<Vec<u8>>;
}

/// What the sessions of one dialect share and order.
///
/// A room is a deterministic function of its collections, the command and the time given.
pub trait Room {
    /// What a session may ask.
    type Command;

    /// Applies one command of `from`: appends records and says what becomes visible when they are
    /// durable.
    fn apply(
        &mut self,
        from: Member,
        command: Self::Command,
        now: UnixMillis,
        collections: &mut impl Collections,
        effects: &mut impl Effects,
    );
}

/// The collections of one room. The server keeps them in the engine, the tests in plain memory.
pub trait Collections {
    /// The last sequence number of the room's log, counting what this command appended; 0 when
    /// the log is empty.
    fn last_seq(&self) -> u64;

    /// The records the room's log holds.
    fn log_records(&self) -> u64;

    /// The payload bytes the room's log holds.
    fn log_bytes(&self) -> u64;

    /// Appends a record to the room's log and returns its sequence number.
    fn append(&mut self, record: &[u8]) -> u64;
}

/// What becomes visible once the command's records are durable.
pub trait Effects {
    /// Brings a record just appended to everyone who follows the room, except `except`.
    fn publish(&mut self, seq: u64, record: &[u8], except: Option<Member>);

    /// Sends a message to one member.
    fn reply(&mut self, to: Member, reply: Reply<'_>);

    /// Says that the command of `from` was not taken.
    fn refuse(&mut self, from: Member, why: Refused);
}
