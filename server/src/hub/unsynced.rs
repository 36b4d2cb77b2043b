//! The turns of rooms that write behind: what they show is shown at once, what they keep is committed and
//! becomes durable behind it. What the store does not take is counted and lost.
//!
//! Nobody is closed for that, and the rooms go on with what they have in memory. Only who is answered that
//! something was written hears of it when it is durable, or that it is not.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use syncline_engine::{Error, Log, Position};
use syncline_protocol::dialect::Dialect;

use super::{
    Hub,
    call::{Answered, CallFailed},
    collections::Numbers,
    relayed::{Item, Showing, Shown},
    room::{Role, RoomKey},
    turn::{RoomTurn, Turn},
    windows::Noted,
};

/// How often it is said at most that something was not stored.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// A turn that is to be shown.
pub(super) struct ShownTurn<D: Dialect> {
    rooms: Vec<(RoomKey, Option<Shown<D>>)>,
    answers: Vec<Answered<D>>,
    noted: Vec<Noted<D>>,
    /// Bytes of the commands in it and of what they made, as counted by the hub's pressure.
    bytes: usize,
}

/// A turn that is committed and not durable.
struct Unsynced<D: Dialect> {
    position: Position,
    /// The rooms that had a part in it, and the last record each had then.
    rooms: Vec<(RoomKey, u64)>,
    /// Of commands that wrote something.
    answers: Vec<Answered<D>>,
    /// As counted by the hub's pressure: a slow device slows down who sends.
    bytes: usize,
}

/// What a hub keeps of its turns when it writes behind.
pub(super) struct WritingBehind<D: Dialect> {
    shown: VecDeque<ShownTurn<D>>,
    unsynced: VecDeque<Unsynced<D>>,
    complained: Option<Instant>,
}

impl<D: Dialect> Default for WritingBehind<D> {
    fn default() -> Self {
        Self { shown: VecDeque::new(), unsynced: VecDeque::new(), complained: None }
    }
}

impl<D: Dialect> WritingBehind<D> {
    /// Forgets everything: nothing will be shown or stored any more.
    pub(super) fn clear(&mut self) {
        self.shown.clear();
        self.unsynced.clear();
    }
}

impl<D: Dialect> Hub<D> {
    /// Ends a turn of rooms that write behind. What was kept was `committed`, up to this position if there
    /// was anything.
    pub(super) fn end_turn_behind(&self, committed: Result<Position, Error>, turn: Turn<D>) {
        let (position, lost) = match committed {
            Ok(position) => (position, None),
            Err(error @ (Error::Poisoned | Error::Closed)) => return self.give_up(&error, turn),
            Err(error) => {
                self.note_unstored(&error, &turn.rooms);
                (Position(0), Some(CallFailed::from(&error)))
            }
        };
        let Turn { rooms: room_turns, answers, early, bytes, .. } = turn;
        let all = answers.into_iter().chain(early);
        let (waiting, mut answers): (Vec<_>, Vec<_>) =
            all.partition(|answered| answered.keeps && (position.0 > 0 || lost.is_some()));
        let (mut shown, mut noted) = (Vec::with_capacity(room_turns.len()), Vec::new());
        let (mut kept, mut made) = (Vec::new(), 0);
        for room_turn in room_turns {
            let key = room_turn.room;
            let mut rooms = self.rooms();
            let room = rooms.get_mut(key);
            let Role::Owner(owner) = &mut room.role else { continue };
            owner.turn = None;
            owner.pending += 1;
            if room_turn.trimmed {
                owner.numbers.bytes = room.log.as_ref().map_or(0, Log::bytes);
            }
            let last = owner.numbers.last_seq;
            if position.0 > 0 {
                owner.pending += 1;
                kept.push((key, last));
            }
            if !room_turn.notices.is_empty() {
                noted.push((room.name.clone(), room_turn.notices));
            }
            drop(rooms);
            let finished =
                room_turn.showing.map(|showing| self.finish_showing(*showing, key, last));
            made += finished.as_ref().map_or(0, Shown::held_bytes);
            shown.push((key, finished));
        }
        self.env.press(self.shard, made);
        let mut behind = self.behind.borrow_mut();
        if position.0 > 0 {
            self.env.press(self.shard, bytes);
            behind.unsynced.push_back(Unsynced { position, rooms: kept, answers: waiting, bytes });
        } else if let Some(why) = lost {
            answers.extend(waiting.into_iter().map(|answered| answered.failed(why)));
        }
        behind.shown.push_back(ShownTurn { rooms: shown, answers, noted, bytes: bytes + made });
    }

    /// Nothing is replayed but what the log has: `last` is the end of it.
    fn finish_showing(&self, mut showing: Showing<D>, key: RoomKey, last: u64) -> Shown<D> {
        let mut opens = false;
        for opening in showing.openings() {
            opens = true;
            if let Some(replay) = &mut opening.replay {
                replay.end = replay.end.min(last);
            }
        }
        let shown = showing.finish();
        if opens { self.hold_shown(key, shown) } else { shown }
    }

    /// Counts openings until they are taken; whom there is no room for is told to come again.
    fn hold_shown(&self, key: RoomKey, mut shown: Shown<D>) -> Shown<D> {
        let (mut rooms, mut refused) = (self.rooms(), Vec::new());
        let Role::Owner(owner) = &mut rooms.get_mut(key).role else { return shown };
        let uncounted = self.env.limits.queue_bytes_max;
        shown.items.retain_mut(|item| {
            let Item::Open(opening) = item else { return true };
            let message = std::mem::take(&mut opening.message);
            match self.env.openings.hold(message, uncounted, &mut owner.last_opening) {
                Some(message) => opening.message = message,
                None => {
                    refused.push(opening.to.clone());
                    return false;
                }
            }
            true
        });
        drop(rooms);
        refused.iter().for_each(|to| self.fail(to, 1013, "too many are being opened"));
        shown
    }

    /// The store did not take what a turn kept: the rooms' numbers are again those of what it has.
    fn note_unstored(&self, error: &Error, room_turns: &[RoomTurn<D>]) {
        self.env.counters.unstored.increment(1);
        let mut behind = self.behind.borrow_mut();
        let now = Instant::now();
        if behind.complained.is_none_or(|last| now - last >= COMPLAINT_INTERVAL) {
            behind.complained = Some(now);
            tracing::error!(%error, "what rooms keep was not stored; they go on without");
        }
        let mut rooms = self.rooms();
        for room_turn in room_turns {
            let room = rooms.get_mut(room_turn.room);
            if let Role::Owner(owner) = &mut room.role {
                owner.numbers = Numbers::of(room.log.as_ref());
            }
        }
    }

    /// Shows what was done in the turns that have ended.
    pub(super) fn show_all(&self) {
        loop {
            let Some(turn) = self.behind.borrow_mut().shown.pop_front() else { return };
            let ShownTurn { rooms: room_turns, answers, noted, bytes } = turn;
            let mut rooms = self.rooms();
            let mut deliveries = 0;
            for (key, shown) in room_turns {
                if let Some(shown) = shown {
                    deliveries += self.show(&mut rooms, key, shown);
                }
                if let Role::Owner(owner) = &mut rooms.get_mut(key).role {
                    owner.pending -= 1;
                }
                rooms.remove_if_unused(key);
            }
            drop(rooms);
            // First, so that who observes hears of it before what whoever asked for it says.
            self.take_notices(noted, bytes);
            answers.into_iter().for_each(|answered| self.tell(answered));
            self.env.counters.deliveries.increment(deliveries);
            self.env.relieve(self.shard, bytes);
        }
    }

    /// Notes what has become durable of what was committed.
    pub(super) fn settle(&self) {
        let Some(last) = self.behind.borrow().unsynced.back().map(|last| last.position) else {
            return;
        };
        // Writes on this thread: see `Env::inline_flush`.
        if self.env.inline_flush
            && let Err(error) = self.env.store.wait(last)
        {
            tracing::error!(%error, "the store cannot write");
            return self.env.signals[self.shard].fail();
        }
        loop {
            self.settle_up_to_watermark();
            let first = self.behind.borrow().unsynced.front().map(|first| first.position);
            self.env.signals[self.shard].want(first);
            // The watermark may have moved before the wish was seen.
            if first.is_none_or(|first| self.env.store.durable() < first) {
                return;
            }
        }
    }

    fn settle_up_to_watermark(&self) {
        let mut told = Vec::new();
        let durable = self.env.store.durable();
        let mut behind = self.behind.borrow_mut();
        let mut rooms = self.rooms();
        while behind.unsynced.front().is_some_and(|first| first.position <= durable) {
            let Some(first) = behind.unsynced.pop_front() else { break };
            let Unsynced { rooms: keys, answers, bytes, .. } = first;
            told.extend(answers);
            for (key, last) in keys {
                if let Role::Owner(owner) = &mut rooms.get_mut(key).role {
                    owner.pending -= 1;
                    owner.durable_seq = last;
                }
                rooms.remove_if_unused(key);
            }
            self.env.relieve(self.shard, bytes);
        }
        drop((behind, rooms));
        told.into_iter().for_each(|answered| self.tell(answered));
    }
}
