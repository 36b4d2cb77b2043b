//! The rooms of the peer dialect in a store, for whoever looks after it.
//!
//! Reads what the rooms keep; what a record says the dialect knows. What the packets carry nobody here can
//! read.

use std::time::{SystemTime, UNIX_EPOCH};

use syncline_engine::{Log, Seq, Store};
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::peer::{
        Peer,
        relay::{Answer, Command, Stored},
    },
};

use crate::hub::{ApartFailed, Keep, apply_apart, log_name, rooms_with_log};

/// A room of which something is stored, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredRoom {
    /// Its name.
    pub name: String,
    /// Packets that are stored.
    pub packets: u64,
    /// Bytes of them, with some for each.
    pub packet_bytes: u64,
    /// The number of the first one; 0 for none.
    pub first_seq: u64,
    /// The number of the last one ever stored.
    pub last_seq: u64,
    /// When the first one was received.
    pub oldest: Option<UnixMillis>,
    /// How many are banned from it.
    pub bans: usize,
}

/// Why a room could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RoomError {
    /// The store's error.
    #[error(transparent)]
    Store(#[from] syncline_engine::Error),
    /// What it keeps could not be read, or makes no sense.
    #[error("the room {0} cannot be read")]
    Unreadable(String),
    /// Nothing was ever stored of one of this name.
    #[error("nothing is stored of a room {0}")]
    Missing(String),
}

/// All rooms of which packets were stored, in the order of their names. Writes nothing.
///
/// # Errors
/// A [`RoomError`] of the first one that cannot be read.
pub fn list(store: &Store) -> Result<Vec<StoredRoom>, RoomError> {
    rooms_with_log::<Peer>(store).into_iter().map(|name| look(store, name)).collect()
}

fn look(store: &Store, name: String) -> Result<StoredRoom, RoomError> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    let there =
        match apply_apart(store, &Peer::default(), &name, Command::Describe, now, Keep::Nothing) {
            Ok(Answer::Described(there)) => there,
            Err(ApartFailed::Store(error)) => return Err(error.into()),
            _ => return Err(RoomError::Unreadable(name)),
        };
    let log = find(store, &name)?;
    let first = Some(log.first_seq()).filter(|_| !log.is_empty());
    let oldest = match first {
        None => None,
        Some(seq) => log.get(seq)?.map(|record| {
            let stored = Stored::decode(&record).map(|stored| stored.received_at);
            stored.ok_or_else(|| RoomError::Unreadable(name.clone()))
        }),
    };
    Ok(StoredRoom {
        packets: there.packets,
        packet_bytes: there.packet_bytes,
        first_seq: first.map_or(0, |seq| seq.0),
        last_seq: there.last_seq,
        oldest: oldest.transpose()?,
        bans: there.bans.len(),
        name,
    })
}

/// Calls `each` with the number and every stored packet of a room behind `after_seq`, in their order, until
/// it says false.
///
/// # Errors
/// A [`RoomError`] at the first packet that cannot be read.
pub fn packets(
    store: &Store,
    room: &str,
    after_seq: u64,
    mut each: impl FnMut(u64, Stored<'_>) -> bool,
) -> Result<(), RoomError> {
    let mut records = find(store, room)?.read(Seq(after_seq.saturating_add(1))..);
    while let Some(record) = records.next_ref() {
        let (Seq(seq), record) = record?;
        let stored =
            Stored::decode(record).ok_or_else(|| RoomError::Unreadable(room.to_owned()))?;
        if !each(seq, stored) {
            break;
        }
    }
    Ok(())
}

fn find(store: &Store, room: &str) -> Result<Log, RoomError> {
    store.find_log(&log_name::<Peer>(room))?.ok_or_else(|| RoomError::Missing(room.to_owned()))
}
