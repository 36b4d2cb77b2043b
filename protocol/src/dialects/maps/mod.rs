//! The `maps` dialect: maps of opaque values, written offline and merged by the last writer's clock.

mod command;
mod cursor;
mod digest;
mod fault;
mod hlc;
mod index;
pub mod memory;
mod op;
mod page;
mod permissions;
pub mod proto;
pub mod range;
mod record;
mod registry;
mod room;
mod session;
mod settings;
mod stored;
mod varint;
mod window;
pub mod wire;

pub use command::{Answer, Command, Fed, Feed, LIST_MAPS_MAX, REGISTRY, Synced, Write, Written};
pub use cursor::{CURSOR_BYTES_MAX, Cursor, CursorFault};
pub use digest::{Leaf, PATH_DIGITS, Path, Prefix, Sum, Totals, fingerprint, hash_of};
pub use fault::Fault;
pub use hlc::{BadTimestamp, Clock, HLC_BYTES_MAX, Hlc, MILLIS_MAX, NODE_ID_BYTES_MAX, NodeId};
pub use index::{Entries, Entry, Index};
pub use page::Page;
pub use permissions::{BadGrants, GRANTS_MAX, Grants, Op};
pub use record::{KEY_BYTES_MAX, Kind, Record, RecordRef};
pub use room::{Prepared, Room};
pub use session::{Handshake, Host, Principal, Session, ignored};
pub use settings::{
    Ack, CORRELATION_ID_BYTES_MAX, Limits, MAP_NAME_BYTES_MAX, Settings, is_map_name,
};
pub use stored::{Stored, StoredRef};
pub use window::{Change, Window, batch};

use std::time::Duration;

use crate::dialect::{Dialect, EachEntry, Framing, Unreadable};

/// The dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Maps {
    settings: Settings,
}

impl Maps {
    /// The dialect with these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// A session for a peer whose connection was taken.
    #[must_use]
    pub fn accept(&self, handshake: Handshake) -> Session {
        Session::new(handshake, self.settings)
    }

    /// What the owner of the server chose.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Dialect for Maps {
    const NAME: &'static str = "maps";
    type Command = Command;
    type Answer = Answer;
    type Session = Session;
    type Room = Room;
    type Notice = Change;
    type Window = Window;
    type Prepared = Prepared;

    fn room(&self, name: &str) -> Room {
        Room::new(name, self.settings)
    }

    fn prepare(
        &self,
        room: &str,
        entries: &mut EachEntry<'_>,
    ) -> Result<Option<Prepared>, Unreadable> {
        Prepared::load(room, self.settings, entries).map(Some)
    }

    fn window(&self) -> Duration {
        Duration::from_millis(self.settings.limits.window_ms)
    }

    fn gather(&self, room: &str, changes: Vec<Change>) -> Option<Window> {
        Window::gather(room, changes)
    }

    fn deliver(&self, _: Framing, _: &str, _: u64, _: &[u8], _: &mut Vec<u8>) {
        // A room publishes nothing by itself: sessions that watch it say what changed.
    }
}
