//! Rooms that stay in memory for a while after a call, so that the next one need not open them.
//!
//! Bounded by number and swept by the clock. Knows nothing of what the calls were.

use syncline_protocol::dialect::Dialect;

use super::{
    Hub,
    room::{Role, RoomKey},
};

/// Rooms of one dialect that may linger on one shard.
pub(super) const LINGERING_ROOMS_MAX: usize = 512;

impl<D: Dialect> Hub<D> {
    /// Keeps a room of this shard for a while though nobody may follow it.
    pub(super) fn let_linger(&self, key: RoomKey) {
        let until = self.tick.get() + self.deadlines.linger;
        if let Role::Owner(owner) = &mut self.rooms().get_mut(key).role
            && owner.lingers_until.replace(until).is_some()
        {
            return;
        }
        let mut lingering = self.lingering.borrow_mut();
        lingering.push_back((key, until));
        let oldest =
            if lingering.len() > LINGERING_ROOMS_MAX { lingering.pop_front() } else { None };
        drop(lingering);
        if let Some((oldest, _)) = oldest {
            self.let_go(oldest);
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
            let called = match &self.rooms().get_mut(key).role {
                Role::Owner(owner) => owner.lingers_until.filter(|until| *until > now),
                Role::Mirror { .. } => None,
            };
            match called {
                Some(until) => lingering.push_back((key, until)),
                None => self.let_go(key),
            }
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
