//! The `oplog` dialect: operations with a scope, an actor and a clock, ordered over plain HTTP.
//!
//! A client pushes the operations it made, and polls for those after the last one it has. The server
//! numbers them, takes each one once and never looks into a payload. A dataset lives in generations,
//! each with a key: who replaces the dataset by a snapshot begins a new one, and whoever comes with
//! another key than the active one is told to begin anew. There is no WebSocket and no session.
//!
//! ```
//! use syncline_protocol::dialect::{Dialect, Member, Room, UnixMillis};
//! use syncline_protocol::dialect::memory::{Effect, Memory, Seen};
//! use syncline_protocol::dialects::oplog::{Answer, Command, Oplog, Push, Request, Scopes};
//!
//! let body = br#"{"clientId":"a","datasetGenerationKey":"","ops":[
//!     {"scope":"list","resourceId":"list-1","actor":"a","clock":1,"payload":{"any":"JSON"}}]}"#;
//! let push = Push::decode(body, Scopes::Any).expect("a push");
//! let (mut memory, mut seen) = (Memory::default(), Seen::default());
//! let command = Command::new(Request::Push(push), "a random key");
//! let mut room = Oplog::default().room("default");
//! room.apply(Member::CALLER, command, UnixMillis(0), &mut memory, &mut seen).expect("readable");
//! let [Effect::Answer(answer @ Answer::Pushed { server_seq: 1, .. })] = &seen.0[..] else { panic!() };
//! assert!(answer.is_news());
//! ```

mod answer;
mod batch;
mod body;
mod command;
mod cursors;
mod dataset;
mod fault;
mod limits;
mod meta;
mod op;
mod part;
mod pieces;
mod request;
mod room;
mod snapshot;
mod text;

use std::convert::Infallible;

pub use answer::{Answer, Records, Reply, error};
pub use command::{Command, Request};
pub use fault::BadRequest;
pub use limits::Limits;
pub use op::{BadOp, CLOCK_MAX, ID_BYTES_MAX, PAYLOAD_DEPTH_MAX, SCOPE_BYTES_MAX, Scopes};
pub use pieces::Pieces;
pub use request::{Checkpoint, Pull, Push, Reset};
pub use room::Room;

use crate::dialect::{Dialect, Framing, Incoming, Moment, Step, Violation};

/// The dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Oplog {
    limits: Limits,
}

impl Oplog {
    /// The dialect with these limits for each dataset.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }
}

impl Dialect for Oplog {
    const NAME: &'static str = "oplog";
    type Command = Command;
    type Answer = Answer;
    type Session = Session;
    type Room = Room;
    type Notice = ();
    type Window = ();
    type Prepared = ();

    fn room(&self, _name: &str) -> Room {
        Room::new(self.limits)
    }

    fn deliver(&self, _: Framing, _room: &str, _seq: u64, record: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(record);
    }
}

/// There is no session of this dialect: its clients only call.
#[derive(Clone, Copy, Debug)]
pub struct Session(Infallible);

impl crate::dialect::Session for Session {
    type Command = Command;
    type Answer = Answer;
    type Window = ();

    fn framing(&self) -> Framing {
        match self.0 {}
    }

    fn receive(&mut self, _: Incoming<'_>, _: Moment) -> Result<Step<Command>, Violation> {
        match self.0 {}
    }
}
