//! The `workspace` dialect: JSON values by key, and the last writer wins.
//!
//! A client opens a connection to a workspace, gets the value of every key, and from then on every
//! change of another client. Timestamps come from the clients; of two equal ones the later arrival
//! wins. The server never looks into a value.
//!
//! ```
//! use syncline_protocol::dialect::{Incoming, Moment, Session, Step, UnixMillis};
//! use syncline_protocol::dialects::workspace::{Handshake, Workspace};
//!
//! let mut session = Workspace::default().accept(&Handshake {
//!     workspace: "plans",
//!     connected: UnixMillis(0),
//!     may_write: true,
//!     expires: None,
//!     pongs_at_once: false,
//! });
//! assert!(matches!(session.start(), Step::Open { room, .. } if room == "plans"));
//! let op = r#"{"type":"op","payload":{"key":"title","value":"Ours","timestamp":7}}"#;
//! let step = session.receive(Incoming::Text(op), Moment::default());
//! assert!(matches!(step, Ok(Step::Command(_))));
//! ```

mod command;
mod depth;
mod entry;
mod fields;
mod heal;
mod message;
mod number;
mod op;
mod room;
mod sender;
mod session;
mod settings;
mod whole;

pub use command::{Answer, Command, NotStorable, Stored};
pub use message::{
    Change, ClientMessage, DecodeError, ServerMessage, decode_client, decode_server, encode_error,
    encode_op,
};
pub use room::Room;
pub use session::{Handshake, Session, ignored};
pub use settings::{
    Heal, KEY_BYTES_MAX, Limits, Opening, Settings, VALUE_DEPTH_MAX, WORKSPACE_BYTES_MAX,
};

use crate::dialect::{Dialect, Framing};

use self::{command::Ask, entry::Entry};

/// The dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Workspace {
    settings: Settings,
}

impl Workspace {
    /// The dialect with these settings for each workspace.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// A session for a peer that was let in.
    #[must_use]
    pub fn accept(&self, handshake: &Handshake<'_>) -> Session {
        Session::new(handshake, self.settings)
    }
}

impl Dialect for Workspace {
    const NAME: &'static str = "workspace";
    type Command = Command;
    type Answer = Answer;
    type Session = Session;
    type Room = Room;
    type Notice = ();
    type Window = ();
    type Prepared = ();

    fn room(&self, name: &str) -> Room {
        Room::new(name, self.settings)
    }

    fn deliver(&self, _: Framing, _: &str, _: u64, record: &[u8], out: &mut Vec<u8>) {
        // What is published is the finished message.
        out.extend_from_slice(record);
    }

    fn deliver_entry(
        &self,
        _: Framing,
        key: &[u8],
        value: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<u64> {
        let (key, entry) = (str::from_utf8(key).ok()?, Entry::read(value)?);
        op::write(key, entry.value, entry.timestamp, out);
        Some(entry.version)
    }

    fn reads_entries(&self, command: &Command) -> bool {
        matches!(command.0, Ask::Open | Ask::ReadState | Ask::PutKey { .. })
    }

    fn tracks_receipt(&self) -> bool {
        self.settings.heal == Heal::WhenNeeded
    }
}
