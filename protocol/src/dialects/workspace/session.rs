//! The state of one workspace connection: whose it is, what it may, what it was told.
//!
//! What a peer sends wrongly never closes it (dossier, section 2, 7 and 8); only the end of its
//! right to be here does.

use std::sync::Arc;

use super::{
    command::{Answer, Ask, Command},
    depth,
    heal::{self, Peer},
    message::{self, Change, ClientMessage, DecodeError},
    op::Op,
    sender::Sender,
    settings::{KEY_BYTES_MAX, Settings, VALUE_DEPTH_MAX},
};
use crate::dialect::{self, Framing, Incoming, Moment, Step, UnixMillis, Violation};

/// Why messages are passed over or answered with an error: the reasons in [`Step::Ignored`] and
/// [`Step::Answered`].
pub mod ignored {
    /// No JSON, or no object.
    pub const MALFORMED: &str = "malformed";
    /// An `op` that cannot be one.
    pub const INVALID_OP: &str = "invalid_op";
    /// A binary message.
    pub const BINARY_MESSAGE: &str = "binary_message";
    /// A message of a later version.
    pub const UNKNOWN_MESSAGE: &str = "unknown_message";
}

const KEY_TOO_LONG: &str = "invalid_op: the key is too long";
const TOO_DEEP: &str = "invalid_op: the value nests too deep";
const IN_THE_FUTURE: &str = "invalid_op: the timestamp lies too far in the future";
const READ_ONLY: &str = "permission_denied: the token has no scope to write";

/// The end of a token's time. Clients of this dialect do not come back after a code from 4000 to
/// 4099: they know that their token is no good.
const EXPIRED: Violation = Violation { code: 4001, reason: "the token has expired" };

/// What the server knows of a peer when its connection begins.
#[derive(Clone, Debug)]
pub struct Handshake<'a> {
    /// The workspace it asks for.
    pub workspace: &'a str,
    /// When its connection began.
    pub connected: UnixMillis,
    /// Whether it may set keys.
    pub may_write: bool,
    /// When its connection has to end.
    pub expires: Option<UnixMillis>,
    /// Whether it answers a ping as soon as it is there, whatever its program does, as browsers do.
    pub pongs_at_once: bool,
}

/// The protocol state of one workspace connection.
pub struct Session {
    workspace: Box<str>,
    peer: Peer,
    may_write: bool,
    expires: Option<UnixMillis>,
    settings: Settings,
    sender: Arc<Sender>,
}

impl Session {
    pub(super) fn new(handshake: &Handshake<'_>, settings: Settings) -> Self {
        let &Handshake { workspace, connected, may_write, expires, pongs_at_once } = handshake;
        Self {
            workspace: workspace.into(),
            peer: Peer { connected, pongs_at_once },
            may_write,
            expires,
            settings,
            sender: Arc::default(),
        }
    }

    fn receive_text(&mut self, text: &str, moment: &Moment) -> Step<Command> {
        match message::decode_client(text) {
            Ok(ClientMessage::Op(change)) => self.op(change, moment),
            Ok(ClientMessage::Ping) => Step::None,
            Ok(ClientMessage::Unknown) => Step::Ignored(ignored::UNKNOWN_MESSAGE),
            Err(DecodeError::Malformed) => Step::Ignored(ignored::MALFORMED),
            Err(why @ DecodeError::Invalid(_)) => self.invalid(&why.to_string(), moment),
        }
    }

    fn op(&mut self, change: Change<'_>, moment: &Moment) -> Step<Command> {
        let Change { key, value, timestamp } = change;
        let limit = self.settings.limits.key_bytes_max;
        if key.len() > if limit == 0 { KEY_BYTES_MAX } else { limit.min(KEY_BYTES_MAX) } {
            return self.invalid(KEY_TOO_LONG, moment);
        }
        if let Some(why) = self.objection(value.get(), timestamp, moment) {
            let sender = Arc::clone(&self.sender);
            return Step::Command(Command(Ask::Correct { key: key.into(), why, sender }));
        }
        let known = heal::known(self.peer, moment, timestamp);
        let op = Op::new(&key, value, timestamp);
        Step::Command(Command(Ask::Set { op, known, sender: Arc::clone(&self.sender) }))
    }

    /// Why an operation of this peer is not taken, though it is one.
    fn objection(&self, value: &str, timestamp: i64, moment: &Moment) -> Option<&'static str> {
        if !self.may_write {
            return Some(READ_ONLY);
        }
        if !depth::within(value, VALUE_DEPTH_MAX) {
            return Some(TOO_DEEP);
        }
        let skew = self.settings.future_skew_max_ms;
        let latest = moment.now.0.saturating_add(skew).saturating_mul(1000);
        let too_late = skew != 0 && timestamp > 0 && timestamp.unsigned_abs() > latest;
        too_late.then_some(IN_THE_FUTURE)
    }

    fn invalid(&self, why: &str, moment: &Moment) -> Step<Command> {
        if !self.sender.may_complain(moment.now) {
            return Step::Ignored(ignored::INVALID_OP);
        }
        let mut message = Vec::new();
        message::encode_error(why, &mut message);
        Step::Answered { reason: ignored::INVALID_OP, message }
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
        Step::Open { room: self.workspace.to_string(), opening: Command(Ask::Open) }
    }

    fn receive(
        &mut self,
        message: Incoming<'_>,
        moment: Moment,
    ) -> Result<Step<Command>, Violation> {
        if self.expires.is_some_and(|end| moment.now >= end) {
            return Err(EXPIRED);
        }
        match message {
            Incoming::Text(text) => Ok(self.receive_text(text, &moment)),
            Incoming::Binary(_) => Ok(Step::Ignored(ignored::BINARY_MESSAGE)),
        }
    }

    fn expires(&self) -> Option<(UnixMillis, Violation)> {
        self.expires.map(|end| (end, EXPIRED))
    }
}
