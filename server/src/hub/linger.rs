//! Rooms that stay in memory for a while after they were called or asked, so that the next one need not
//! open them.
//!
//! Bounded by number and by what they hold in memory, and swept by the clock. Knows nothing of what the
//! calls were.

use syncline_protocol::dialect::{Dialect, Room as _};

use super::{
    Hub,
    room::{Role, RoomKey},
};

/// Rooms of one dialect that may linger on one shard.
pub(super) const LINGERING_ROOMS_MAX: usize = 512;
/// What rooms of one dialect may hold in memory on one shard while nobody needs them. The one that was
/// asked last may stay however much it holds.
pub(super) const LINGERING_BYTES_MAX: usize = 256 << 20;

impl<D: Dialect> Hub<D> {
    /// Keeps a room of this shard for a while though nobody may follow it.
    pub(super) fn let_linger(&self, key: RoomKey) {
        let until = self.tick.get() + self.deadlines.linger;
        if let Role::Owner(owner) = &mut self.rooms().get_mut(key).role
            && owner.lingers_until.replace(until).is_some()
        {
            return;
        }
        self.lingering.borrow_mut().push_back((key, until));
        if self.lingering.borrow().len() > LINGERING_ROOMS_MAX {
            self.let_oldest_go();
        }
    }

    /// Lets go of the room that was not called for the longest time.
    fn let_oldest_go(&self) {
        let mut lingering = self.lingering.borrow_mut();
        for _ in 0..lingering.len() {
            let Some((key, noted)) = lingering.pop_front() else { return };
            match self.lingers_until(key).filter(|until| *until > noted) {
                // It was called again since.
                Some(until) => lingering.push_back((key, until)),
                None => return self.let_go(key),
            }
        }
        if let Some((key, _)) = lingering.pop_front() {
            self.let_go(key);
        }
    }

    /// Lets go of the rooms that were not called for a while.
    pub(super) fn sweep_lingering(&self) {
        let now = self.tick.get();
        let mut lingering = self.lingering.borrow_mut();
        while let Some((key, until)) = lingering.front().copied()
            && until <= now
        {
            lingering.pop_front();
            match self.lingers_until(key).filter(|until| *until > now) {
                Some(until) => lingering.push_back((key, until)),
                None => self.let_go(key),
            }
        }
    }

    /// Lets go of the rooms that were called least recently, until the rest holds no more than `max`
    /// bytes of memory.
    pub(super) fn trim_lingering(&self, max: usize) {
        let mut idle = self.idle_rooms();
        let mut held: usize = idle.iter().map(|(.., bytes)| bytes).sum();
        if held <= max {
            return;
        }
        idle.sort_unstable();
        idle.pop();
        let mut gone = Vec::new();
        for (_, key, bytes) in idle {
            if held <= max {
                break;
            }
            held -= bytes;
            gone.push(key);
        }
        self.lingering.borrow_mut().retain(|(key, _)| !gone.contains(key));
        gone.into_iter().for_each(|key| self.let_go(key));
    }

    /// The rooms that are here only because they linger: until when, and what they hold.
    fn idle_rooms(&self) -> Vec<(u32, RoomKey, usize)> {
        let mut rooms = self.rooms();
        let lingering = self.lingering.borrow();
        let idle = lingering.iter().filter_map(|(key, _)| {
            let room = rooms.get_mut(*key);
            if !room.is_idle() {
                return None;
            }
            let Role::Owner(owner) = &room.role else { return None };
            Some((owner.lingers_until?, *key, owner.state.memory_bytes()))
        });
        idle.collect()
    }

    fn lingers_until(&self, key: RoomKey) -> Option<u32> {
        match &self.rooms().get_mut(key).role {
            Role::Owner(owner) => owner.lingers_until,
            Role::Mirror { .. } => None,
        }
    }

    fn let_go(&self, key: RoomKey) {
        let mut rooms = self.rooms();
        if let Role::Owner(owner) = &mut rooms.get_mut(key).role {
            owner.lingers_until = None;
        }
        rooms.remove_if_unused(key);
    }
}
