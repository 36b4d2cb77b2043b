//! One command for a room of a store that nobody serves: no shard, no turn, nobody to tell.

use std::{cell::Cell, marker::PhantomData};

use syncline_engine::{Batch, Error, Store};
use syncline_protocol::dialect::{
    Dialect, Member, Refused, Room as _, UnixMillis,
    memory::{Effect, Seen},
};

use super::{
    collections::{Maps, Numbers, RoomCollections, first_version, write_maps},
    names::{log_name, map_name},
    overlay::Overlay,
    prepare::prepare_from,
};

/// Why a command was not applied. Nothing of it happened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApartFailed {
    #[error(transparent)]
    Store(#[from] Error),
    #[error("what the room keeps cannot be read")]
    Unreadable,
    #[error("the room is full")]
    Full,
}

/// Whether what a command changes is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// On the device, when the answer is there.
    Changes,
    /// Nothing is written: it was only asked.
    Nothing,
}

/// Applies a command as [`Member::CALLER`].
pub(crate) fn apply_apart<D: Dialect>(
    store: &Store,
    dialect: &D,
    name: &str,
    command: D::Command,
    now: UnixMillis,
    keep: Keep,
) -> Result<D::Answer, ApartFailed> {
    let mut log = store.find_log(&log_name::<D>(name))?;
    let mut numbers = Numbers::of(log.as_ref());
    let durable_seq = numbers.last_seq;
    let (maps, mut overlay, mut batch) = (Maps::default(), Overlay::default(), Batch::new());
    let (mut fault, mut seen) = (None, Seen::default());
    let mut collections = RoomCollections {
        dialect: PhantomData::<D>,
        store,
        room: name,
        log: &mut log,
        maps: &maps,
        numbers: &mut numbers,
        durable_seq,
        version: &Cell::new(first_version(store.appended())),
        overlay: &mut overlay,
        batch: &mut batch,
        fault: &mut fault,
        trimmed: &mut false,
        has_written: false,
    };
    let mut room = dialect.room(name);
    let prepared = prepare_from(dialect, store, name, || false);
    let prepared = prepared.map_err(|_| ApartFailed::Unreadable)?;
    prepared.into_iter().for_each(|prepared| room.take_prepared(prepared));
    let applied = room.apply(Member::CALLER, command, now, &mut collections, &mut seen);
    applied.map_err(|_| ApartFailed::Unreadable)?;
    if let Some(error) = fault {
        return Err(error.into());
    }
    let answer = seen.0.into_iter().find_map(|effect| match effect {
        Effect::Answer(answer) => Some(Ok(answer)),
        Effect::Refuse { why: Refused::RoomBytes | Refused::RoomRecords, .. } => {
            Some(Err(ApartFailed::Full))
        }
        _ => None,
    });
    let answer = answer.unwrap_or(Err(ApartFailed::Unreadable))?;
    if keep == Keep::Changes {
        write_maps::<D>(overlay, &mut batch, store, name, &maps)?;
        store.commit(batch)?.wait()?;
    }
    Ok(answer)
}

/// The rooms that have a log, in the order of their names.
pub(crate) fn rooms_with_log<D: Dialect>(store: &Store) -> Vec<String> {
    rooms_named(store, &log_name::<D>(""))
}

/// The rooms that have a map of this number, in the order of their names.
pub(crate) fn rooms_with_map<D: Dialect>(store: &Store, number: u64) -> Vec<String> {
    rooms_named(store, &map_name::<D>("", number))
}

fn rooms_named(store: &Store, prefix: &str) -> Vec<String> {
    let names = store.collections().into_iter().map(|(_, name)| name);
    let mut rooms: Vec<String> =
        names.filter_map(|name| name.strip_prefix(prefix).map(str::to_owned)).collect();
    rooms.sort_unstable();
    rooms
}
