//! What happens once a second: rooms do what is due, sessions hear that time goes by, and what lingers
//! is held within its bounds.

use std::panic::{AssertUnwindSafe, catch_unwind};

use syncline_protocol::dialect::{Dialect, Framing, Member, Room as _};

use super::{
    COMMAND_BYTES_EXTRA, Hub,
    linger::LINGERING_BYTES_MAX,
    prepare::prepares,
    release::{Sender, To, Wanted},
    room::{Role, RoomKey},
};

impl<D: Dialect> Hub<D> {
    /// Called about once a second.
    pub(super) fn every_second(&self) {
        if self.deaf.get() {
            return;
        }
        if prepares::<D>() {
            self.trim_lingering(LINGERING_BYTES_MAX);
            self.do_what_is_due();
        }
        self.tick_sessions();
    }

    /// Applies what rooms want to do without being asked.
    fn do_what_is_due(&self) {
        for (key, command) in self.due_commands() {
            // A turn that was refused meanwhile may have taken rooms with it.
            if !self.rooms().has(key) {
                continue;
            }
            self.env.press(self.shard, COMMAND_BYTES_EXTRA);
            let sender = Sender {
                to: To::Caller,
                member: Member::CALLER,
                framing: Framing::Text,
                opens: false,
                answer: Wanted::ByNobody,
            };
            self.apply_contained(key, sender, command, COMMAND_BYTES_EXTRA);
        }
    }

    fn due_commands(&self) -> Vec<(RoomKey, D::Command)> {
        let (rooms, now) = (self.rooms(), self.now());
        let due = rooms.iter().filter_map(|(key, room)| {
            let Role::Owner(owner) = &room.role else { return None };
            if !owner.readiness.is_ready() {
                return None;
            }
            let due = catch_unwind(AssertUnwindSafe(|| owner.state.due(now)));
            due.ok().flatten().map(|command| (key, command))
        });
        due.collect()
    }

    /// Tells the sessions that follow no room that time goes by.
    fn tick_sessions(&self) {
        let connections = self.connections.borrow();
        let all = connections.iter().map(|(_, connection)| connection);
        let free: Vec<_> = all.filter(|it| it.room().is_none()).cloned().collect();
        drop(connections);
        for connection in free {
            self.with_session(&connection, syncline_protocol::dialect::Session::ticked);
        }
    }
}
