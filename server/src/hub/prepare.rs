//! Making a room ready that needs all its entries before it takes a command: at once when they are few,
//! on a thread of its own when they are many. What is asked of the room waits meanwhile, in order.
//!
//! What waits counts as pressure, and a room that is being prepared has no turn: what is read is all
//! there is. Dialects that prepare nothing pay nothing.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
};

use syncline_engine::{Error, Store};
use syncline_protocol::dialect::{Dialect, Room as _, Unreadable};
use tokio::task::spawn_blocking;

use super::{
    Hub,
    call::CallFailed,
    env::Env,
    mail::Mail,
    names::map_name,
    release::Sender,
    room::{Owner, Role, RoomKey},
};

/// A room with at most this many entries is prepared on the shard's own thread: it takes a few
/// milliseconds at most.
const ENTRIES_AT_ONCE_MAX: u64 = 4_096;
/// Rooms of one shard that are prepared at a time: the cores are the shards'.
const AT_A_TIME_MAX: usize = 2;

/// What was made of all that a room keeps.
pub(super) type Outcome<D> = Result<Option<<D as Dialect>::Prepared>, Unreadable>;

/// How far a room has come with its preparation.
pub(super) enum Readiness<D: Dialect> {
    /// It takes commands.
    Ready,
    /// It was just made.
    Unprepared,
    /// It is being prepared, and these wait.
    Preparing(Vec<Waiting<D>>),
}

/// A command that waits for its room.
pub(super) struct Waiting<D: Dialect> {
    sender: Sender<D>,
    command: D::Command,
    bytes: usize,
}

/// The rooms of a hub that are to be prepared.
#[derive(Debug, Default)]
pub(super) struct Preparations {
    next: VecDeque<RoomKey>,
    under_way: usize,
}

/// Whether rooms of this dialect are prepared at all.
pub(super) const fn prepares<D: Dialect>() -> bool {
    size_of::<D::Prepared>() > 0
}

impl<D: Dialect> Readiness<D> {
    /// That of a room that was just made.
    pub(super) fn of_new() -> Self {
        if prepares::<D>() { Self::Unprepared } else { Self::Ready }
    }

    pub(super) fn is_ready(&self) -> bool {
        !prepares::<D>() || matches!(self, Self::Ready)
    }
}

impl<D: Dialect> Owner<D> {
    /// Gives the room what was prepared for it. A panic of the room counts as a failure.
    fn take_prepared(&mut self, prepared: Outcome<D>) -> Result<(), Unreadable> {
        let prepared = prepared?;
        let state = &mut self.state;
        let take = || prepared.into_iter().for_each(|prepared| state.take_prepared(prepared));
        catch_unwind(AssertUnwindSafe(take)).map_err(|_| Unreadable)
    }
}

impl<D: Dialect> Hub<D> {
    /// Whether a room that this shard owns takes commands now.
    pub(super) fn is_ready(&self, key: RoomKey) -> bool {
        match &self.rooms().get_mut(key).role {
            Role::Owner(owner) => owner.readiness.is_ready(),
            Role::Mirror { .. } => true,
        }
    }

    /// Applies a command to a room that was not ready when it came, as soon as it is.
    pub(super) fn apply_when_ready(
        &self,
        key: RoomKey,
        sender: Sender<D>,
        command: D::Command,
        bytes: usize,
    ) {
        let mut rooms = self.rooms();
        let room = rooms.get_mut(key);
        let Role::Owner(owner) = &mut room.role else { return };
        let waiting = Waiting { sender, command, bytes };
        if let Readiness::Preparing(all) = &mut owner.readiness {
            return all.push(waiting);
        }
        debug_assert!(owner.turn.is_none(), "a room without preparation has no part in a turn");
        owner.readiness = Readiness::Preparing(vec![waiting]);
        let name = room.name.clone();
        drop(rooms);
        match self.are_few(&name) {
            Ok(true) => {
                let prepared = prepare(&self.dialect, &self.env, &name);
                self.finish_preparation(key, prepared);
            }
            Ok(false) => {
                self.preparations.borrow_mut().next.push_back(key);
                self.start_preparations();
            }
            Err(error) => {
                tracing::error!(%error, "a room cannot be prepared");
                self.finish_preparation(key, Err(Unreadable));
            }
        }
    }

    fn are_few(&self, room: &str) -> Result<bool, Error> {
        let entries = self.env.store.find_map(&map_name::<D>(room, 0))?;
        Ok(entries.is_none_or(|entries| entries.len() <= ENTRIES_AT_ONCE_MAX))
    }

    /// Starts as many preparations as may be under way.
    fn start_preparations(&self) {
        let mut preparations = self.preparations.borrow_mut();
        while preparations.under_way < AT_A_TIME_MAX
            && let Some(key) = preparations.next.pop_front()
        {
            preparations.under_way += 1;
            let room = self.rooms().get_mut(key).name.clone();
            let (dialect, env) = (self.dialect.clone(), self.env.clone());
            let mailbox = self.mailboxes[self.shard].clone();
            spawn_blocking(move || {
                let prepared = prepare(&dialect, &env, &room);
                // A hub that has ended needs nothing.
                let _ = mailbox.send(Mail::Prepared { room, prepared });
            });
        }
    }

    /// Mail from a thread of this shard: a preparation has ended.
    pub(super) fn end_preparation(&self, room: &Arc<str>, prepared: Outcome<D>) {
        self.preparations.borrow_mut().under_way -= 1;
        let present = self.rooms().find(room);
        match present {
            Some(key) => self.finish_preparation(key, prepared),
            None => debug_assert!(false, "a room stays while it is prepared"),
        }
        self.start_preparations();
    }

    /// Applies what has waited, or tells who has waited that nothing can be applied. Then the room is
    /// as if it had just been made.
    fn finish_preparation(&self, key: RoomKey, prepared: Outcome<D>) {
        let mut rooms = self.rooms();
        let room = rooms.get_mut(key);
        let Role::Owner(owner) = &mut room.role else { return };
        let taken = owner.take_prepared(prepared);
        if taken.is_err() {
            owner.state = self.dialect.room(&room.name);
        }
        let next = if taken.is_ok() { Readiness::Ready } else { Readiness::of_new() };
        let before = std::mem::replace(&mut owner.readiness, next);
        drop(rooms);
        let Readiness::Preparing(waiting) = before else { return };
        if taken.is_err() {
            for Waiting { sender, bytes, .. } in waiting {
                self.env.relieve(self.shard, bytes);
                self.tell_sender(sender, CallFailed::Unreadable);
            }
            return self.rooms().remove_if_unused(key);
        }
        // It must outlive a turn among these that is refused.
        self.let_linger(key);
        for Waiting { sender, command, bytes } in waiting {
            self.apply_contained(key, sender, command, bytes);
        }
    }
}

/// Makes of all that a room keeps what it needs. Gives up when the server ends.
fn prepare<D: Dialect>(dialect: &D, env: &Env, room: &str) -> Outcome<D> {
    let prepare = || prepare_from(dialect, &env.store, room, || env.ends.load(Ordering::Relaxed));
    let outcome = catch_unwind(AssertUnwindSafe(prepare)).unwrap_or_else(|_| {
        env.counters.panics.increment(1);
        Err(Unreadable)
    });
    if outcome.is_err() {
        tracing::error!("a room cannot be prepared");
    }
    outcome
}

/// Makes of all that a room of a store keeps what it needs, unless that is `ended` meanwhile.
///
/// # Errors
/// [`Unreadable`].
pub(super) fn prepare_from<D: Dialect>(
    dialect: &D,
    store: &Store,
    room: &str,
    ended: impl Fn() -> bool,
) -> Outcome<D> {
    if !prepares::<D>() {
        return Ok(None);
    }
    let unreadable = |error: Error| {
        tracing::error!(%error, "what a room keeps cannot be read");
        Unreadable
    };
    dialect.prepare(room, &mut |number, each| {
        let map = store.find_map(&map_name::<D>(room, number)).map_err(unreadable)?;
        for entry in map.iter().flatten() {
            let (key, value) = entry.map_err(unreadable)?;
            if ended() {
                return Err(Unreadable);
            }
            each(&key, &value);
        }
        Ok(())
    })
}
