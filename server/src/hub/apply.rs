//! Applying one command to a room: with the room's collections and effects, in the current turn.

use std::{marker::PhantomData, rc::Rc};

use syncline_protocol::dialect::{Dialect, Member, Refused, Room as _, Unreadable};

use super::{
    Hub,
    call::{Answered, CallFailed},
    collections::RoomCollections,
    connection::Connection,
    effects::{Found, Present, TurnEffects},
    mail::{Afar, Mail},
    prepare::prepares,
    published::Published,
    release::{Sender, To, Wanted},
    room::{Owner, Role, Room, RoomKey},
    shard_of,
    turn::{RoomTurn, Turn},
};

/// A turn is committed at once when its commands have this many bytes: a busy shard goes on with the next one while
/// the device takes this one, and what it has read for a change is still near when that is committed.
const TURN_BYTES_MAX: usize = 256 << 10;

impl<D: Dialect> Hub<D> {
    /// A command of a session of this shard; `opens` when it asks for the opening message.
    pub(super) fn command(
        &self,
        connection: &Rc<Connection<D>>,
        command: D::Command,
        bytes: usize,
        opens: bool,
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
            let answer = Wanted::Nothing;
            self.apply(key, Sender { to, member, framing, opens, answer }, command, bytes);
        } else {
            let room = self.rooms().get_mut(key).name.clone();
            let sender = Afar { member, framing, opens };
            self.post(owner, Mail::Command { room, sender, command, bytes });
        }
    }

    /// Mail to the owner of a room: a command from afar.
    pub(super) fn command_from_afar(
        &self,
        name: &str,
        sender: Afar,
        command: D::Command,
        bytes: usize,
    ) {
        let present = self.rooms().find(name);
        match present {
            Some(key) => {
                let Afar { member, framing, opens } = sender;
                let to = To::There(member);
                let sender = Sender { to, member, framing, opens, answer: Wanted::Nothing };
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
        if prepares::<D>() && !self.is_ready(key) {
            return self.apply_when_ready(key, sender, command, bytes);
        }
        // Whoever reads entries finds there what was applied before; and who asks for an opening
        // message gets all that is released with it or later.
        let apart = (sender.opens && !D::WRITES_BEHIND) || self.dialect.reads_entries(&command);
        if apart && self.turn.borrow().has_changes() {
            self.end_turn();
        }
        let mut rooms = self.rooms();
        let room = rooms.get_mut(key);
        let mut turn = self.turn.borrow_mut();
        if turn.is_empty() {
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
        let Some(index) = room_turn(turn, key, room, sender.opens) else { return false };
        let Role::Owner(owner) = &mut room.role else { return false };
        let Owner { state, numbers, version, maps, is_watched, mirrors, durable_seq, .. } =
            &mut **owner;
        let Sender { to, member, framing, .. } = &sender;
        let (member, framing) = (*member, *framing);
        let is_of_a_follower = matches!(sender.answer, Wanted::Nothing);
        if is_of_a_follower && !turn.senders.last().is_some_and(|last| last.is(member)) {
            turn.senders.push(to.clone());
        }
        let present = Present::of(&room.followers, !mirrors.is_empty());
        let RoomTurn { published, overlay, trimmed, notices, showing, .. } = &mut turn.rooms[index];
        let mut collections = RoomCollections {
            dialect: PhantomData::<D>,
            store: &self.env.store,
            room: &room.name,
            log: &mut room.log,
            maps,
            numbers,
            durable_seq: *durable_seq,
            version,
            overlay,
            batch: &mut turn.batch,
            fault: &mut turn.fault,
            trimmed,
            has_written: false,
        };
        let mut effects = TurnEffects {
            dialect: &self.dialect,
            key,
            room_name: &room.name,
            version,
            published,
            openings: &mut turn.openings,
            replies: &mut turn.replies,
            resends: &mut turn.resends,
            showing,
            present,
            notices: (*is_watched || self.observer.is_some()).then_some(notices),
            find: |other| match other == member {
                true => Some((to.clone(), Some(framing))),
                false => self.find_anywhere(other),
            },
            answer: None,
            early: false,
            refused: None,
        };
        let applied = state.apply(member, command, self.now(), &mut collections, &mut effects);
        let (trimmed, keeps) = (*collections.trimmed, collections.has_written);
        if D::WRITES_BEHIND && sender.opens {
            effects.end_replays(collections.numbers.last_seq, collections.durable_seq);
        }
        let TurnEffects { answer, early, refused, .. } = effects;
        self.note_untaken(applied, refused, is_of_a_follower.then_some(to));
        if let Some(to) = sender.into_hearer() {
            let answered = Answered { to, outcome: outcome(applied, refused, answer), keeps };
            if early { turn.early.push(answered) } else { turn.answers.push(answered) }
        }
        trimmed
    }

    /// Notes how a command was not taken, if so, and tells who follows the room and sent it.
    fn note_untaken(
        &self,
        applied: Result<(), Unreadable>,
        refused: Option<Refused>,
        follower: Option<&To<D>>,
    ) {
        if let Some(why) = refused {
            self.env.counters.refused.increment(1);
            tracing::warn!(?why, "a command was refused: the room is full");
        }
        if let Err(unreadable) = applied {
            tracing::warn!(%unreadable, "a command could not be applied");
            if let Some(to) = follower {
                self.fail(to, 1011, "what the room keeps cannot be read");
            }
        }
    }

    /// A member of any shard. Of one on another shard it is not known whether it is still there.
    fn find_anywhere(&self, member: Member) -> Found<D> {
        if member == Member::CALLER {
            return None;
        }
        if shard_of(member) != self.shard {
            return Some((To::There(member), None));
        }
        let found = self.find(member)?;
        let framing = found.framing();
        Some((To::Here(found), Some(framing)))
    }
}

/// What a caller is told once the turn is durable.
fn outcome<A>(
    applied: Result<(), Unreadable>,
    refused: Option<Refused>,
    answer: Option<A>,
) -> Result<A, CallFailed> {
    match (applied, refused, answer) {
        (Ok(()), None, Some(answer)) => Ok(answer),
        (Ok(()), Some(_), _) => Err(CallFailed::RoomFull),
        (applied, ..) => {
            debug_assert!(applied.is_err(), "a caller is answered or refused");
            Err(CallFailed::Unreadable)
        }
    }
}

/// The place in the turn of a room that this shard owns. `opens` when somebody may follow it since
/// the place was made.
fn room_turn<D: Dialect>(
    turn: &mut Turn<D>,
    key: RoomKey,
    room: &mut Room<D>,
    opens: bool,
) -> Option<usize> {
    let Role::Owner(owner) = &mut room.role else { return None };
    if let Some(index) = owner.turn
        && (!opens || D::WRITES_BEHIND)
    {
        return Some(index);
    }
    let mirrored = !owner.mirrors.is_empty();
    let sole = match &room.followers[..] {
        [follower] if !mirrored => Some(follower.member()),
        _ => None,
    };
    // How those follow who are elsewhere is not known here.
    let used = room.framings.map(|count| mirrored || count > 0);
    let published = Published::new(used, sole);
    match owner.turn {
        Some(index) => {
            debug_assert!(turn.rooms[index].published.is_empty(), "an opening stands apart");
            turn.rooms[index].published = published;
        }
        None => {
            owner.turn = Some(turn.rooms.len());
            turn.rooms.push(RoomTurn::new(key, published));
        }
    }
    owner.turn
}
