//! Commands in, one batch per turn out: nothing becomes visible here.

use std::rc::Rc;

use syncline_engine::{Error, Log, Position};
use syncline_protocol::dialect::{Dialect, Framing, Member, Room as _};

use super::{
    Hub,
    connection::Connection,
    join::collection,
    mail::Mail,
    release::{Pending, To},
    room::{Role, Room, RoomKey},
    turn::{RoomLog, RoomTurn, Turn, TurnEffects},
};

/// A turn is committed at once when its commands have this many bytes.
const TURN_BYTES_MAX: usize = 1 << 20;

/// Who sent a command, and what the room needs to answer.
pub(super) struct Sender<D: Dialect> {
    pub(super) to: To<D>,
    pub(super) member: Member,
    pub(super) framing: Framing,
}

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
            let sender = Sender { to: To::Here(connection.clone()), member, framing };
            self.apply(key, sender, command, bytes);
        } else {
            let room = self.rooms().get_mut(key).name.clone();
            self.post(owner, Mail::Command { room, from: member, framing, command, bytes });
        }
    }

    /// Applies a command to a room that this shard owns, in the current turn.
    pub(super) fn apply(&self, key: RoomKey, sender: Sender<D>, command: D::Command, bytes: usize) {
        let mut rooms = self.rooms();
        let room = rooms.get_mut(key);
        let mut turn = self.turn.borrow_mut();
        if turn.is_empty() {
            self.read_clock();
            self.env.signals[self.shard].work.notify_one();
        }
        turn.bytes += bytes;
        if let Err(error) = self.apply_in(&mut turn, key, room, sender, command) {
            tracing::error!(%error, "a room's log cannot be made");
        }
        if turn.bytes >= TURN_BYTES_MAX {
            drop((rooms, turn));
            self.end_turn();
        }
    }

    fn apply_in(
        &self,
        turn: &mut Turn<D>,
        key: RoomKey,
        room: &mut Room<D>,
        sender: Sender<D>,
        command: D::Command,
    ) -> Result<(), Error> {
        if let Err(error) = self.ensure_log(room) {
            turn.senders.push(sender.to.clone());
            self.fail(&sender.to);
            return Err(error);
        }
        let Role::Owner(owner) = &mut room.role else { return Ok(()) };
        let mirrored = !owner.mirrors.is_empty();
        let index = *owner.turn.get_or_insert_with(|| {
            let sole = match &room.followers[..] {
                [follower] if !mirrored => Some(follower.member()),
                _ => None,
            };
            // How those follow who are elsewhere is not known here.
            let used = room.framings.map(|count| mirrored || count > 0);
            turn.rooms.push(RoomTurn::new(key, used, sole));
            turn.rooms.len() - 1
        });
        let Sender { to, member, framing } = sender;
        if !turn.senders.last().is_some_and(|last| last.is(member)) {
            turn.senders.push(to.clone());
        }
        let Some(log) = &room.log else { return Ok(()) };
        let mut collections = RoomLog {
            log,
            batch: &mut turn.batch,
            last_seq: &mut owner.last_seq,
            bytes: &mut owner.bytes,
        };
        let mut effects = TurnEffects {
            dialect: &self.dialect,
            room_name: &room.name,
            room: &mut turn.rooms[index],
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
            refused: None,
        };
        let applied =
            owner.state.apply(member, command, self.now(), &mut collections, &mut effects);
        debug_assert!(applied.is_ok(), "no dialect reads yet");
        let refused = effects.refused;
        turn.commands += 1;
        if let Some(why) = refused {
            self.env.counters.refused.increment(1);
            tracing::warn!(?why, "a command was refused: the room is full");
        }
        Ok(())
    }

    /// The room's log, for reading.
    pub(super) fn log_of<'a>(&self, room: &'a mut Room<D>) -> Result<&'a Log, Error> {
        self.ensure_log(room)?;
        room.log.as_ref().ok_or(Error::Poisoned)
    }

    fn ensure_log(&self, room: &mut Room<D>) -> Result<(), Error> {
        if room.log.is_none() {
            room.log = Some(self.env.store.log(&collection::<D>(&room.name))?);
        }
        Ok(())
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
                let sender = Sender { to: To::There(from), member: from, framing };
                self.apply(key, sender, command, bytes);
            }
            None => {
                debug_assert!(false, "a room that is mirrored is present");
                self.env.relieve(self.shard, bytes);
            }
        }
    }

    /// Commits what was applied since the last commit. Its effects wait for the watermark.
    pub(super) fn end_turn(&self) {
        if self.turn.borrow().is_empty() {
            return;
        }
        let turn = self.turn.take();
        self.env.counters.commits.increment(1);
        let Turn { batch, rooms: room_turns, replies, senders, bytes, commands } = turn;
        self.env.counters.commands.increment(commands);
        let position = if batch.is_empty() {
            Ok(Position(0))
        } else {
            self.env.store.commit(batch).map(|commit| commit.position())
        };
        match position {
            Ok(position) => self.wait_for(position, room_turns, replies.finish(), bytes),
            Err(error) => self.give_up(&error, &room_turns, &senders, bytes),
        }
    }

    fn wait_for(
        &self,
        position: Position,
        room_turns: Vec<RoomTurn>,
        replies: Vec<(To<D>, bytes::Bytes)>,
        bytes: usize,
    ) {
        let mut all = self.rooms();
        let mut rooms = Vec::with_capacity(room_turns.len());
        let mut made = 0;
        for room_turn in room_turns {
            let key = room_turn.room;
            let Role::Owner(owner) = &mut all.get_mut(key).role else { continue };
            owner.turn = None;
            match room_turn.finish() {
                Some(released) => {
                    owner.pending += 1;
                    made += released.bytes();
                    rooms.push((key, released));
                }
                None => all.remove_if_unused(key),
            }
        }
        self.env.press(self.shard, made);
        let (bytes, since) = (bytes + made, std::time::Instant::now());
        self.pending.borrow_mut().push_back(Pending { position, rooms, replies, bytes, since });
    }

    /// The store refused the turn: nothing of it happened, and its senders are told.
    fn give_up(&self, error: &Error, room_turns: &[RoomTurn], senders: &[To<D>], bytes: usize) {
        tracing::error!(%error, "a batch was not committed; its senders are closed");
        self.env.counters.commit_failures.increment(1);
        self.env.relieve(self.shard, bytes);
        let mut rooms = self.rooms();
        for room_turn in room_turns {
            let room = rooms.get_mut(room_turn.room);
            let Role::Owner(owner) = &mut room.role else { continue };
            owner.turn = None;
            owner.state = self.dialect.room(&room.name);
            owner.last_seq = room.log.as_ref().map_or(0, |log| log.next_seq().0 - 1);
            owner.bytes = room.log.as_ref().map_or(0, Log::bytes);
            rooms.remove_if_unused(room_turn.room);
        }
        drop(rooms);
        senders.iter().for_each(|sender| self.fail(sender));
    }

    fn fail(&self, sender: &To<D>) {
        match sender {
            To::Here(connection) => connection.close(1011, "the change could not be stored"),
            To::There(member) => {
                self.post(super::shard_of(*member), Mail::Fail { to: *member });
            }
        }
    }
}
