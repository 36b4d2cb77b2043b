//! The state of one connection: who it is, what it may, and whether it says the truth about it.
//!
//! Knows no other participant; who is in the room is the room's.

use bytes::Bytes;

use super::{
    close,
    command::{Answer, Command, Entering, Packet},
    control::{Ask, Code, Control, Left},
    rate::Bucket,
    scan::Route,
    settings::{Rate, Settings},
};
use crate::{
    dialect::{self, Ended, Framing, Incoming, Moment, Step, UnixMillis, Violation},
    dialects::peer::{id::PeerId, kind::RoomKind},
};

/// Why messages are passed over: the reasons in [`Step::Ignored`] and [`Step::Refused`].
pub mod ignored {
    /// Text that is no control message, or none that is known.
    pub const UNKNOWN_TEXT: &str = "unknown_text";
    /// A packet that says that it is of somebody else.
    pub const SENDER_MISMATCH: &str = "sender_mismatch";
    /// A packet of somebody who may not send.
    pub const FORBIDDEN: &str = "forbidden";
    /// Anything after a frame that is no packet.
    pub const AFTER_MALFORMED: &str = "after_malformed";
}

/// How often a participant is told that something it sent was not taken. Beyond that it is only counted.
const COMPLAINTS: Rate = Rate { per_second: 10, burst: 100 };

/// What the server knows of a participant when its connection begins: what its token says, and what it
/// asked for.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// Who it is.
    pub identity: PeerId,
    /// The room it asks for: [a name](super::is_room_name) that its token allows.
    pub room: String,
    /// What it takes the room for.
    pub kind: RoomKind,
    /// Whether it may send packets.
    pub may_publish: bool,
    /// Whether it may read stored packets.
    pub may_read_history: bool,
    /// The number of the last stored packet it has, when it asks for those after it; 0 for all.
    pub since_seq: Option<u64>,
    /// When its connection has to end.
    pub expires: UnixMillis,
}

/// The protocol state of one connection.
#[derive(Debug)]
pub struct Session {
    identity: PeerId,
    room: String,
    kind: RoomKind,
    may_publish: bool,
    since_seq: Option<u64>,
    expires: UnixMillis,
    frame_bytes_max: usize,
    complaints: Option<Bucket>,
    /// It has sent a frame that is no packet: nothing of it is taken any more.
    is_broken: bool,
}

impl Session {
    pub(super) fn new(handshake: Handshake, settings: &Settings) -> Self {
        let Handshake { identity, room, kind, may_publish, may_read_history, .. } = handshake;
        // A lobby has no history, whatever lies in a log of the same name.
        let has_history = may_read_history && kind == RoomKind::Data;
        Self {
            identity,
            room,
            kind,
            may_publish,
            since_seq: handshake.since_seq.filter(|_| has_history),
            expires: handshake.expires,
            frame_bytes_max: settings.frame_bytes_max(kind),
            complaints: None,
            is_broken: false,
        }
    }

    fn text(text: &str) -> Step<Command> {
        match Ask::decode(text) {
            Some(Ask::Ping) => Step::Command(Command::Ping),
            None => Step::Ignored(ignored::UNKNOWN_TEXT),
        }
    }

    fn packet(&mut self, frame: Bytes, now: UnixMillis) -> Step<Command> {
        let Ok(route) = Route::scan(&frame) else {
            self.is_broken = true;
            return Step::Command(Command::Malformed);
        };
        let Route { kind, sender_id, target_id, request_id } = route;
        if sender_id != self.identity.as_str() {
            return self.complain(ignored::SENDER_MISMATCH, Code::SenderMismatch, request_id, now);
        }
        if !self.may_publish {
            return self.complain(ignored::FORBIDDEN, Code::Forbidden, request_id, now);
        }
        let is_for_all = target_id.is_empty();
        Step::Command(Command::Packet(Packet { kind, is_for_all, frame }))
    }

    fn complain(
        &mut self,
        reason: &'static str,
        code: Code,
        request_id: &str,
        now: UnixMillis,
    ) -> Step<Command> {
        let bucket = self.complaints.get_or_insert_with(|| Bucket::new(COMPLAINTS, now));
        if !bucket.take(COMPLAINTS, now) {
            return Step::Ignored(reason);
        }
        let command = Command::Complain { code, request_id: request_id.into() };
        Step::Refused { reason, command }
    }
}

impl dialect::Session for Session {
    type Command = Command;
    type Answer = Answer;
    type Window = ();

    fn framing(&self) -> Framing {
        Framing::Text
    }

    fn start(&mut self) -> Step<Command> {
        let (identity, kind) = (self.identity.clone(), self.kind);
        let entering = Entering { identity, kind, since_seq: self.since_seq };
        let room = std::mem::take(&mut self.room);
        Step::Open { room, opening: Command::Enter(entering) }
    }

    fn replayed(&mut self, seq: u64) -> Option<Vec<u8>> {
        Some(Control::Replayed { seq }.encode())
    }

    fn caught_up(&mut self, _: u64) -> Option<Vec<u8>> {
        Some(Control::CaughtUp.encode())
    }

    fn receive(
        &mut self,
        message: Incoming<'_>,
        moment: Moment,
    ) -> Result<Step<Command>, Violation> {
        if moment.now >= self.expires {
            return Err(close::EXPIRED);
        }
        if self.is_broken {
            return Ok(Step::Ignored(ignored::AFTER_MALFORMED));
        }
        let length = match &message {
            Incoming::Text(text) => text.len(),
            Incoming::Binary(frame) => frame.len(),
        };
        if length > self.frame_bytes_max {
            return Err(close::TOO_LARGE);
        }
        Ok(match message {
            Incoming::Text(text) => Self::text(text),
            Incoming::Binary(frame) => self.packet(frame, moment.now),
        })
    }

    fn ended(&mut self, how: Ended) -> Option<Command> {
        Some(Command::Leave(match how {
            Ended::Closed => Left::Closed,
            Ended::TimedOut => Left::Timeout,
        }))
    }

    fn expires(&self) -> Option<(UnixMillis, Violation)> {
        Some((self.expires, close::EXPIRED))
    }
}
