//! The server's side of the dialect: a room that passes packets on at once, and writes those that carry
//! data behind it.
//!
//! It reads of a packet where it comes from and where it goes; it holds no key and does no cryptography.
//!
//! ```
//! use bytes::Bytes;
//! use syncline_protocol::dialect::{Incoming, Moment, Session as _, Step, UnixMillis};
//! use syncline_protocol::dialects::peer::{Peer, id::PeerId, kind::RoomKind, relay::Handshake};
//!
//! let mut session = Peer::default().accept(Handshake {
//!     identity: PeerId::new("alice").expect("a name"),
//!     room: "plans".into(),
//!     kind: RoomKind::Data,
//!     may_publish: true,
//!     may_read_history: false,
//!     since_seq: None,
//!     expires: UnixMillis(u64::MAX),
//! });
//! assert!(matches!(session.start(), Step::Open { room, .. } if room == "plans"));
//! let packet = Bytes::from_static(b"\x1a\x05alice");
//! let step = session.receive(Incoming::Binary(packet), Moment::default());
//! assert!(matches!(step, Ok(Step::Command(_))));
//! ```

pub mod close;
mod command;
mod control;
mod notice;
mod rate;
mod room;
mod scan;
mod session;
mod settings;
mod stored;

pub use command::{Answer, Ban, Command, Description, Entering, FOREVER, Packet, Participant};
pub use control::{Ask, Code, Control, FrameLimits, Left, Welcome};
pub use notice::Notice;
pub use room::Room;
pub use scan::{Malformed, Route};
pub use session::{Handshake, Session, ignored};
pub use settings::{ROOM_NAME_BYTES_MAX, Rate, Retention, Settings, is_room_name};
pub use stored::Stored;

use crate::dialect::{Dialect, Framing, Queue, Violation};

/// The dialect, as a server has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peer {
    settings: Settings,
}

impl Peer {
    /// The dialect with these settings for each room.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// A session for a participant that was let in.
    #[must_use]
    pub fn accept(&self, handshake: Handshake) -> Session {
        Session::new(handshake, &self.settings)
    }

    /// What the owner of the server chose.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Dialect for Peer {
    const NAME: &'static str = "peer";
    const WRITES_BEHIND: bool = true;
    type Command = Command;
    type Answer = Answer;
    type Session = Session;
    type Room = Room;
    type Notice = Notice;
    type Window = ();
    type Prepared = ();

    fn room(&self, name: &str) -> Room {
        Room::new(name, self.settings)
    }

    fn deliver(&self, _: Framing, _: &str, _: u64, _: &[u8], _: &mut Vec<u8>) {
        // Nobody follows the log: what is live is relayed, and what is stored is replayed.
    }

    fn replay(&self, reader: &str, _: u64, record: &[u8], out: &mut Vec<u8>) -> Option<Framing> {
        let stored = Stored::decode(record).filter(|stored| stored.is_replayed_to(reader))?;
        out.extend_from_slice(stored.frame);
        Some(Framing::Binary)
    }

    fn queue(&self) -> Option<Queue> {
        let Settings { queue_frames_max, queue_bytes_max, .. } = self.settings;
        Some(Queue { frames_max: queue_frames_max, bytes_max: queue_bytes_max })
    }

    fn too_slow(&self) -> Violation {
        close::TOO_SLOW
    }

    fn too_large(&self) -> Violation {
        close::TOO_LARGE
    }

    fn reads_entries(&self, command: &Command) -> bool {
        command.reads_bans()
    }
}
