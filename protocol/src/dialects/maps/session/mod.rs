//! The state of one connection to the coordinator: who it is, what it may, what it follows.

mod host;

pub use host::{Handshake, Host, Principal};

use super::{
    command::{Answer, Command},
    settings::Settings,
    window::Window,
};
use crate::dialect::{self, Framing, Incoming, Moment, Step, Violation};

/// The protocol state of one connection.
pub struct Session {
    _handshake: Handshake,
    _settings: Settings,
}

impl Session {
    pub(super) fn new(handshake: Handshake, settings: Settings) -> Self {
        Self { _handshake: handshake, _settings: settings }
    }

    /// Whether every message it took has its answer. A session of an HTTP request has said all that it
    /// will say then; nothing when its message wants no answer.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        true
    }
}

impl dialect::Session for Session {
    type Command = Command;
    type Answer = Answer;
    type Window = Window;

    fn framing(&self) -> Framing {
        Framing::Binary
    }

    fn receive(&mut self, _: Incoming<'_>, _: Moment) -> Result<Step<Command>, Violation> {
        Ok(Step::None)
    }
}
