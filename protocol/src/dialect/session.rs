//! The side of a dialect that speaks with one peer.

use std::sync::Arc;

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

/// Milliseconds since the Unix epoch, as the caller read them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

/// How much of what was sent to a session its peer is known to have received. Stays at the default
/// unless the dialect [tracks receipt](super::Dialect::tracks_receipt).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Whether the opening message was received.
    pub opening: bool,
    /// Everything of the room up to and with this version was received, or was in the opening
    /// message, which is taken as received here.
    pub version: u64,
    /// How many [`Effects::resend`](super::Effects::resend) of this session were received.
    pub resends: u64,
}

/// What a session is told with each message of its peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock, read at most a few milliseconds ago.
    pub now: UnixMillis,
    /// When the opening message was written to the socket; 0 before that.
    pub opened: UnixMillis,
    /// What the peer had when it sent the message.
    pub received: Received,
}

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
    /// The message was not for us, and the peer is told so with this message, at once.
    Answered {
        /// The reason, a metric label.
        reason: &'static str,
        /// The whole message, in the session's framing.
        message: Vec<u8>,
    },
    /// The message is not taken. The reason is a metric label; the peer is told by the room, which gets
    /// this command for it, so that the answer comes in the order of what else the room tells.
    Refused {
        /// The reason, a metric label.
        reason: &'static str,
        /// For the room that the session joined.
        command: C,
    },
    /// Follow `room`: first every record after `after`, then what is released from now on.
    Join {
        /// The room's name.
        room: String,
        /// The last sequence number the peer already has; 0 for none. One beyond the end of the
        /// log asks for no history, and for what is released from now on whatever its number.
        after: u64,
    },
    /// Follow `room` from the moment at which `opening` is applied there. The command must answer
    /// with [`Effects::open`](super::Effects::open): nothing else reaches the session before that.
    Open {
        /// The room's name.
        room: String,
        /// The command that makes the opening message.
        opening: C,
    },
    /// A command for the room that the session joined.
    Command(C),
    /// What a session does that speaks with many rooms and joins none. In this order. From the first
    /// of these on, be it empty, it need not join a room in time; and whoever
    /// [says when it expires](Session::expires) need not either.
    Acts(Vec<Act<C>>),
}

/// One thing that a session wants done that speaks with many rooms.
#[derive(Debug, PartialEq, Eq)]
pub enum Act<C> {
    /// Sends a whole message, in the session's framing.
    Send(Bytes),
    /// Asks a room, whether it is there or not. [`Session::answered`] gets the answer with the same
    /// ticket. What a session asks one room is applied in the order in which it was asked.
    Ask {
        /// Chosen by the session, and not used again while no answer has come.
        ticket: u64,
        /// The room's name.
        room: String,
        /// What is asked.
        command: C,
    },
    /// From now on [`Session::noticed`] is called with the [`Notices`] of this room, at least with all
    /// of what is applied after a later [`Act::Ask`] of the same room, and those come after its answer.
    Watch(String),
    /// Ends [`Act::Watch`].
    Unwatch(String),
    /// Closes the connection. Nothing behind it is done.
    Close(Violation),
}

/// Why a session's question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// What the room keeps could not be read, or the change could not be made.
    #[error("what the room keeps cannot be read or changed")]
    Unreadable,
    /// The disk is full: the same question may be answered later.
    #[error("the disk is full")]
    Full,
    /// The room holds as much as it may.
    #[error("the room holds as much as it may")]
    RoomFull,
    /// The server ends, or its store has failed. Whether it happened is not known.
    #[error("the server takes no more writes")]
    Stopped,
}

/// What became visible in a watched room within a short time.
#[derive(Debug)]
pub struct Notices<W> {
    /// The room's name.
    pub room: Arc<str>,
    /// What the dialect [gathered](super::Dialect::gather).
    pub window: W,
}

/// A peer broke the protocol, or may not go on: the connection closes with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (close code {code})")]
pub struct Violation {
    /// A WebSocket close code (RFC 6455, section 7.4, or the dialect's own).
    pub code: u16,
    /// A few words for the peer, at most 123 bytes.
    pub reason: &'static str,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its peer closed it, or it was closed.
    Closed,
    /// Its peer was not heard of for too long.
    TimedOut,
}

/// The protocol state of one connection.
pub trait Session {
    /// What it asks of its room.
    type Command;
    /// What rooms answer to [`Act::Ask`].
    type Answer;
    /// What it is told of the rooms that it [watches](Act::Watch).
    type Window;

    /// How its messages travel.
    fn framing(&self) -> Framing;

    /// What it wants before its peer has said anything. Asked once, first of all.
    fn start(&mut self) -> Step<Self::Command> {
        Step::None
    }

    /// Takes one message of the peer.
    ///
    /// # Errors
    /// A [`Violation`] ends the connection.
    fn receive(
        &mut self,
        message: Incoming<'_>,
        moment: Moment,
    ) -> Result<Step<Self::Command>, Violation>;

    /// Called now and then while records are [replayed](super::Effects::replay), when all up to `seq` have been
    /// sent that are for this session, and no power cut takes one of those back: the message, if any, that
    /// says so.
    fn replayed(&mut self, seq: u64) -> Option<Vec<u8>> {
        let _ = seq;
        None
    }

    /// Called once, when the history asked for with [`Step::Join`], or [replayed](super::Effects::replay), has
    /// been sent up to `seq`: the message, if any, that says so.
    fn caught_up(&mut self, seq: u64) -> Option<Vec<u8>> {
        let _ = seq;
        None
    }

    /// Takes the answer to an [`Act::Ask`].
    fn answered(
        &mut self,
        ticket: u64,
        outcome: Result<Self::Answer, Unanswered>,
        moment: Moment,
    ) -> Vec<Act<Self::Command>> {
        let _ = (ticket, outcome, moment);
        Vec::new()
    }

    /// Takes what became visible in a room that it watches. `keeps_up` is false when the peer has
    /// much left to take: then nothing should be sent, and [`Session::drained`] is called when it has
    /// taken what waits.
    fn noticed(
        &mut self,
        notices: &Notices<Self::Window>,
        keeps_up: bool,
    ) -> Vec<Act<Self::Command>> {
        let _ = (notices, keeps_up);
        Vec::new()
    }

    /// Called after a [`Session::noticed`] that said that the peer does not keep up, once it has
    /// taken everything that waited for it.
    fn drained(&mut self, moment: Moment) -> Vec<Act<Self::Command>> {
        let _ = moment;
        Vec::new()
    }

    /// Called about once a second.
    fn ticked(&mut self, moment: Moment) -> Vec<Act<Self::Command>> {
        let _ = moment;
        Vec::new()
    }

    /// Called once when the connection has ended, or says goodbye, after it asked to follow a room: a last
    /// command for that room, as of this member. It comes behind the opening, whether the room answered that
    /// or not. Nothing reaches the session any more. Not called when the store has failed.
    fn ended(&mut self, how: Ended) -> Option<Self::Command> {
        let _ = how;
        None
    }

    /// When the session's right to be here ends, and how its connection is closed then. Asked again
    /// from time to time.
    fn expires(&self) -> Option<(UnixMillis, Violation)> {
        None
    }
}
