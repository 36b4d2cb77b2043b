//! The end of a turn: one batch for all its commands. Nothing becomes visible here.

use std::time::Instant;

use syncline_engine::{Error, Log, Position};
use syncline_protocol::dialect::Dialect;

use super::{
    Hub,
    call::CallFailed,
    collections::{Numbers, first_version, write_maps},
    mail::Mail,
    prepare::Readiness,
    release::{Opening, Pending, Released, To},
    room::Role,
    shard_of,
    turn::Turn,
};

impl<D: Dialect> Hub<D> {
    /// Commits what was applied since the last commit. Its effects wait for the watermark.
    pub(super) fn end_turn(&self) {
        if self.turn.borrow().is_empty() {
            return;
        }
        let mut turn = self.turn.replace_with(|turn| turn.next());
        self.env.counters.commits.increment(1);
        self.env.counters.commands.increment(turn.commands);
        // What is in memory then is more than what will be there: a turn that changes nothing must
        // not tell of it either, now that nothing it would wait behind is left.
        let failed = self.env.signals[self.shard].has_failed();
        let committed = if failed { Err(Error::Poisoned) } else { self.commit(&mut turn) };
        if D::WRITES_BEHIND {
            return self.end_turn_behind(committed, turn);
        }
        match committed {
            Ok(position) => self.wait_for(position, turn),
            Err(error) => self.give_up(&error, turn),
        }
    }

    /// Gives everything that the turn changed its place, all of it or nothing.
    fn commit(&self, turn: &mut Turn<D>) -> Result<Position, Error> {
        if let Some(fault) = turn.fault.take() {
            return Err(fault);
        }
        let mut rooms = self.rooms();
        for room_turn in turn.rooms.iter_mut().filter(|room_turn| !room_turn.overlay.is_empty()) {
            let room = rooms.get_mut(room_turn.room);
            let Role::Owner(owner) = &mut room.role else { continue };
            let overlay = std::mem::take(&mut room_turn.overlay);
            write_maps::<D>(overlay, &mut turn.batch, &self.env.store, &room.name, &owner.maps)?;
        }
        // Committed even when it is empty: it may be so because something was refused.
        let is_empty = turn.batch.is_empty();
        let commit = self.env.store.commit(std::mem::take(&mut turn.batch))?;
        Ok(if is_empty { Position(0) } else { commit.position() })
    }

    fn wait_for(&self, position: Position, turn: Turn<D>) {
        let Turn { rooms: room_turns, openings, replies, resends, answers, early, bytes, .. } =
            turn;
        let mut all = self.rooms();
        let mut rooms = Vec::with_capacity(room_turns.len());
        let (mut noted, mut made) = (Vec::new(), 0);
        // What changed nothing waits for what was applied before it, and asks for no less.
        let before = self.pending.borrow().back().map_or(Position(0), |before| before.position);
        let position = position.max(before);
        for room_turn in room_turns {
            let room = all.get_mut(room_turn.room);
            let Role::Owner(owner) = &mut room.role else { continue };
            owner.turn = None;
            // Also of a room that shows nothing: what it changed is not durable yet.
            owner.pending += 1;
            debug_assert!(
                position.0 == 0 || owner.version.get() <= first_version(self.env.store.appended()),
                "versions do not outrun the store"
            );
            if room_turn.trimmed {
                owner.numbers.bytes = room.log.as_ref().map_or(0, Log::bytes);
            }
            let released = room_turn.published.finish();
            made += released.as_ref().map_or(0, Released::bytes);
            rooms.push((room_turn.room, released));
            if !room_turn.notices.is_empty() {
                noted.push((room.name.clone(), room_turn.notices));
            }
        }
        drop(all);
        let openings = self.hold(openings);
        made += openings.iter().map(|opening| opening.message.len()).sum::<usize>();
        self.env.press(self.shard, made);
        self.pending.borrow_mut().push_back(Pending {
            position,
            rooms,
            openings,
            replies: replies.finish(),
            resends,
            answers,
            noted,
            bytes: bytes + made,
            since: Instant::now(),
        });
        early.into_iter().for_each(|answered| self.tell(answered));
    }

    /// Counts openings until they are taken; whom there is no room for is told to come again.
    fn hold(&self, openings: Vec<Opening<D>>) -> Vec<Opening<D>> {
        let (mut held, mut refused) = (Vec::with_capacity(openings.len()), Vec::new());
        let uncounted = self.env.limits.queue_bytes_max;
        let mut rooms = self.rooms();
        for Opening { to, room, message, version, replay } in openings {
            let Role::Owner(owner) = &mut rooms.get_mut(room).role else { continue };
            match self.env.openings.hold(message, uncounted, &mut owner.last_opening) {
                Some(message) => held.push(Opening { to, room, message, version, replay }),
                None => refused.push(to),
            }
        }
        drop(rooms);
        refused.iter().for_each(|to| self.fail(to, 1013, "too many are being opened"));
        held
    }

    /// The store refused the turn: nothing of it happened, and its senders and callers are told.
    pub(super) fn give_up(&self, error: &Error, turn: Turn<D>) {
        tracing::error!(%error, "a batch was not committed; its senders are closed");
        self.env.counters.commit_failures.increment(1);
        self.env.relieve(self.shard, turn.bytes);
        let mut rooms = self.rooms();
        for room_turn in &turn.rooms {
            let room = rooms.get_mut(room_turn.room);
            let Role::Owner(owner) = &mut room.role else { continue };
            owner.turn = None;
            owner.state = self.dialect.room(&room.name);
            owner.readiness = Readiness::of_new();
            owner.numbers = Numbers::of(room.log.as_ref());
            // Not those of the turn: without its bytes in the store they would come again.
            owner.version.set(first_version(self.env.store.appended()).max(room.version));
            rooms.remove_if_unused(room_turn.room);
        }
        drop(rooms);
        for sender in &turn.senders {
            self.fail(sender, 1011, "the change could not be stored");
        }
        let why = CallFailed::from(error);
        let untold = turn.answers.into_iter().chain(turn.early);
        untold.for_each(|answered| self.tell(answered.failed(why)));
    }

    pub(super) fn fail(&self, sender: &To<D>, code: u16, why: &'static str) {
        match sender {
            To::Here(connection) => connection.close(code, why),
            To::There(to) => self.post(shard_of(*to), Mail::Fail { to: *to, code, why }),
            To::Caller => {}
        }
    }
}
