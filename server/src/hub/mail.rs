//! What the shards say to each other about one dialect's rooms and sessions.
//!
//! A mailbox is a queue between threads; everything else of a hub stays on its own.

use std::{net, sync::Arc};

use bytes::{Bytes, BytesMut};
use syncline_protocol::dialect::{Dialect, Framing, Member, Notices};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::health::OpenConnection;

use super::{
    call::{Caller, Outcome},
    follow::Wish,
    outbox::Outbox,
    prepare,
    relayed::Segment,
    release::Released,
    replay,
};

/// The sending end of a hub's mailbox. What it holds is bounded elsewhere: connections by
/// `connections_max`, commands by the pressure of the receiving hub, the rest by what was
/// committed and not yet delivered.
pub(crate) type Mailbox<D> = UnboundedSender<Mail<D>>;

/// The receiving end of a hub's mailbox.
pub(crate) type Letters<D> = UnboundedReceiver<Mail<D>>;

/// A connection between two shards: everything it is, without an event loop.
pub(crate) struct Handoff<D: Dialect> {
    pub(super) socket: net::TcpStream,
    pub(super) session: D::Session,
    /// Bytes read and not yet understood.
    pub(super) unread: BytesMut,
    /// Frames that still wait to be written.
    pub(super) outbox: Outbox,
    pub(super) open: OpenConnection,
    pub(super) room: Arc<str>,
    pub(super) wish: Wish<D::Command>,
}

/// Who sent a command from another shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Afar {
    pub(super) member: Member,
    pub(super) framing: Framing,
    /// The command asks for an opening message.
    pub(super) opens: bool,
}

/// A message to the hub of another shard.
pub(crate) enum Mail<D: Dialect> {
    /// To a room's owner: a connection that joins the room.
    Adopt {
        handoff: Box<Handoff<D>>,
        from: usize,
    },
    /// From a room's owner that is crowded: keep the connection, releases will be sent to you.
    Follow {
        handoff: Box<Handoff<D>>,
        released: u64,
        version: u64,
    },
    /// To a room's owner: the last follower here has gone. `follows` were received.
    Unfollow {
        room: Arc<str>,
        from: usize,
        follows: u64,
    },
    /// From a room's owner: no release will come any more.
    Unfollowed {
        room: Arc<str>,
    },
    /// To a room's owner: a command of a session that follows from afar.
    Command {
        room: Arc<str>,
        sender: Afar,
        command: D::Command,
        bytes: usize,
    },
    /// To a room's owner: a command of someone without a session, who waits for the answer.
    Call {
        room: Arc<str>,
        command: D::Command,
        bytes: usize,
        to: Caller<D>,
    },
    /// To a room's owner: a question of a session that speaks with many rooms.
    Ask {
        room: Arc<str>,
        sender: Afar,
        ticket: u64,
        command: D::Command,
        bytes: usize,
    },
    /// From a room's owner: the end of such a question.
    Answer {
        to: Member,
        ticket: u64,
        outcome: Outcome<D>,
    },
    /// From a room's owner: records that became visible.
    Release {
        room: Arc<str>,
        released: Arc<Released>,
    },
    /// From a room's owner: frames that those get who are in it.
    Segment {
        room: Arc<str>,
        segment: Arc<Segment>,
    },
    /// From a room's owner: so many relayed frames for one member, which press on the shard `from`.
    Relayed {
        to: Member,
        piece: Bytes,
        frames: u32,
        from: usize,
    },
    /// From a room's owner: finished frames for one member.
    Reply {
        to: Member,
        frames: Bytes,
    },
    /// From a room's owner: the opening message of one member, which says all up to `version`.
    Open {
        to: Member,
        message: Bytes,
        version: u64,
        replay: Option<Box<replay::Wanted>>,
    },
    /// To a room's owner: sessions of this shard watch the room, or none do any more.
    Watch {
        room: Arc<str>,
        from: usize,
    },
    Unwatch {
        room: Arc<str>,
        from: usize,
    },
    /// From a room's owner: what became visible there within a short time.
    Window {
        notices: Arc<Notices<D::Window>>,
        from: usize,
        bytes: usize,
    },
    /// From a thread of this shard: what was made of all that a room keeps.
    Prepared {
        room: Arc<str>,
        prepared: prepare::Outcome<D>,
    },
    /// From a room's owner: send this entry to one member.
    Resend {
        to: Member,
        key: Box<[u8]>,
    },
    /// From a room's owner: the command of this member could not be kept or answered. The code is that
    /// of the close frame.
    Fail {
        to: Member,
        code: u16,
        why: &'static str,
    },
}
