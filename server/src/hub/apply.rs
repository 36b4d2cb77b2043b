//! Applying one command to a room: with the room's collections and effects, in the current turn.

use std::{marker::PhantomData, rc::Rc};

use syncline_protocol::dialect::{Dialect, Framing, Member, Room as _};

use super::{
    Hub,
    call::{Answered, CallFailed},
    collections::RoomCollections,
    connection::Connection,
    effects::TurnEffects,
    mail::Mail,
    published::Published,
    release::{Sender, To},
    room::{Owner, Role, Room, RoomKey},
    turn::{RoomTurn, Turn},
};

/// A turn is committed at once when its commands have this many bytes.
const TURN_BYTES_MAX: usize = 1 << 20;

impl<D: Dialect> Hub<D> {
    /// A command of a session of this shard.
    pub(super) fn command(
        &self,
        connection: &Rc<Connection<D>>,
        command: D::Command,
        bytes: usize,
    ) {
        let Some(key) = connection.room() else {
            debug_assert!(false, "a session gives commands only after it has joined");
            return;
        };
        let owner = connection.owner();
        self.env.press(owner, bytes);
        let (member, framing) = (connection.member(), connection.framing());
        if owner == self.shard {
            let to = To::Here(connection.clone());
            self.apply(key, Sender { to, member, framing, answer_to: None }, command, bytes);
        } else {
            let room = self.rooms().get_mut(key).name.clone();
            self.post(owner, Mail::Command { room, from: member, framing, command, bytes });
        }
    }

    /// Mail to the owner of a room: a command from afar.
    pub(super) fn command_from_afar(
        &self,
        name: &str,
        from: Member,
        framing: Framing,
        command: D::Command,
        bytes: usize,
    ) {
        let present = self.rooms().find(name);
        match present {
            Some(key) => {
                let to = To::There(from);
                let sender = Sender { to, member: from, framing, answer_to: None };
                self.apply(key, sender, command, bytes);
            }
            None => {
                debug_assert!(false, "a room that is mirrored is present");
                self.env.relieve(self.shard, bytes);
            }
        }
    }

    /// Applies a command to a room that this shard owns, in the current turn.
    pub(super) fn apply(&self, key: RoomKey, sender: Sender<D>, command: D::Command, bytes: usize) {
        if self.dialect.reads_entries(&command) && self.turn.borrow().has_changes() {
            self.end_turn();
        }
        let mut rooms = self.rooms();
        let room = rooms.get_mut(key);
        let mut turn = self.turn.borrow_mut();
        if turn.is_empty() {
            self.read_clock();
            self.env.signals[self.shard].work.notify_one();
        }
        turn.bytes += bytes;
        turn.commands += 1;
        let trimmed = self.apply_in(&mut turn, key, room, sender, command);
        if trimmed || turn.bytes >= TURN_BYTES_MAX {
            drop((rooms, turn));
            self.end_turn();
        }
    }

    /// Says whether a part of the room's log was trimmed.
    fn apply_in(
        &self,
        turn: &mut Turn<D>,
        key: RoomKey,
        room: &mut Room<D>,
        sender: Sender<D>,
        command: D::Command,
    ) -> bool {
        let Some(index) = room_turn(turn, key, room) else { return false };
        let Role::Owner(owner) = &mut room.role else { return false };
        let Owner { state, numbers, maps, .. } = &mut **owner;
        let Sender { to, member, framing, answer_to } = sender;
        if answer_to.is_none() && !turn.senders.last().is_some_and(|last| last.is(member)) {
            turn.senders.push(to.clone());
        }
        let RoomTurn { published, overlay, trimmed, .. } = &mut turn.rooms[index];
        let mut collections = RoomCollections {
            dialect: PhantomData::<D>,
            store: &self.env.store,
            room: &room.name,
            log: &mut room.log,
            maps,
            numbers,
            overlay,
            batch: &mut turn.batch,
            fault: &mut turn.fault,
            trimmed,
        };
        let mut effects = TurnEffects {
            dialect: &self.dialect,
            room_name: &room.name,
            published,
            replies: &mut turn.replies,
            find: |other: Member| {
                if other == member {
                    return Some((to.clone(), framing));
                }
                self.find(other).map(|found| {
                    let framing = found.framing();
                    (To::Here(found), framing)
                })
            },
            answer: None,
            refused: None,
        };
        let applied = state.apply(member, command, self.now(), &mut collections, &mut effects);
        let trimmed = *collections.trimmed;
        let (answer, refused) = (effects.answer, effects.refused);
        if let Some(why) = refused {
            self.env.counters.refused.increment(1);
            tracing::warn!(?why, "a command was refused: the room is full");
        }
        match (answer_to, applied) {
            (None, Ok(())) => {}
            (None, Err(unreadable)) => {
                tracing::warn!(%unreadable, "a command could not be applied");
                self.fail(&to, "what the room keeps cannot be read");
            }
            (Some(to), applied) => {
                debug_assert!(answer.is_some() || applied.is_err(), "a caller is answered");
                let outcome = answer.filter(|_| applied.is_ok()).ok_or(CallFailed::Unreadable);
                turn.answers.push(Answered { to, outcome });
            }
        }
        trimmed
    }
}

/// The place in the turn of a room that this shard owns.
fn room_turn<D: Dialect>(turn: &mut Turn<D>, key: RoomKey, room: &mut Room<D>) -> Option<usize> {
    let Role::Owner(owner) = &mut room.role else { return None };
    if let Some(index) = owner.turn {
        return Some(index);
    }
    let mirrored = !owner.mirrors.is_empty();
    let sole = match &room.followers[..] {
        [follower] if !mirrored => Some(follower.member()),
        _ => None,
    };
    // How those follow who are elsewhere is not known here.
    let used = room.framings.map(|count| mirrored || count > 0);
    let index = turn.rooms.len();
    turn.rooms.push(RoomTurn::new(key, Published::new(used, sole)));
    owner.turn = Some(index);
    Some(index)
}
