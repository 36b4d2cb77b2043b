//! The side of a dialect that orders and keeps what is shared.

use std::sync::Arc;

use bytes::Bytes;

use super::session::{Framing, UnixMillis, Violation};

/// One session in a room: unique among the sessions of a running server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Member(pub u64);

impl Member {
    /// Who sends a command without a session. It gets no message, only an [`Effects::answer`].
    pub const CALLER: Self = Self(u64::MAX);
}

/// Why a room did not take a command. Counted and logged; the connection lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The room holds as many bytes as it may.
    RoomBytes,
    /// The room holds as many records as it may.
    RoomRecords,
}

/// What the room keeps could not be read: its bytes are damaged, or the disk failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what the room keeps cannot be read")]
pub struct Unreadable;

/// A message for one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The whole message, in the framing of the member.
    pub message: &'a [u8],
    /// True when it says all that an earlier `cumulative` reply of the same member said, so that
    /// only the last one of a commit need be sent.
    pub cumulative: bool,
}

/// Who gets what a room [relays](Effects::relay).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone in the room but this one.
    AllBut(Option<Member>),
    /// This member alone.
    One(Member),
}

/// What the sessions of one dialect share and order.
///
/// A room is a deterministic function of its collections, the command and the time given. It may be
/// dropped whenever no session is in it and made anew from what it keeps in its collections.
pub trait Room {
    /// What a session or a caller may ask.
    type Command;
    /// What a caller is answered.
    type Answer;
    /// What those who watch it are told.
    type Notice;
    /// What was [prepared](super::Dialect::prepare) for it.
    type Prepared;

    /// Takes what was prepared. Called before the first command, unless there was nothing.
    fn take_prepared(&mut self, prepared: Self::Prepared) {
        let _ = prepared;
    }

    /// What the room wants to do now without being asked. Asked about once a second while the room is
    /// in memory, of dialects that [prepare](super::Dialect::prepare) their rooms; the command is applied
    /// as one of [`Member::CALLER`] whose answer nobody hears.
    fn due(&self, now: UnixMillis) -> Option<Self::Command> {
        let _ = now;
        None
    }

    /// About how many bytes of memory it takes beside what lies in its collections. Asked as
    /// [`Room::due`] is; rooms that nobody needs are dropped when together they take too much.
    fn memory_bytes(&self) -> usize {
        0
    }

    /// Applies one command of `from`: changes the collections and says what becomes visible when
    /// the changes are durable.
    ///
    /// # Errors
    /// [`Unreadable`] when what it needs could not be read. It must have changed nothing by then
    /// and caused no effect; the sender is told and the connection closed.
    fn apply(
        &mut self,
        from: Member,
        command: Self::Command,
        now: UnixMillis,
        collections: &mut impl Collections,
        effects: &mut impl Effects<Answer = Self::Answer, Notice = Self::Notice>,
    ) -> Result<(), Unreadable>;
}

/// The collections of one room: a log, and maps that are told apart by number. The server keeps
/// them in the engine, the tests in plain memory. What a command changed is seen by its own later
/// reads, and by those of the commands after it.
pub trait Collections {
    /// The last sequence number of the room's log, counting what this command appended; 0 when
    /// the log is empty. It only grows, also over [`Collections::trim`].
    fn last_seq(&self) -> u64;

    /// The last sequence number of the room's log that a power cut cannot take back. The same as
    /// [`Collections::last_seq`] unless the room [writes behind](super::Dialect::WRITES_BEHIND): what others
    /// tell waits until all of it is durable.
    fn durable_seq(&self) -> u64 {
        self.last_seq()
    }

    /// The records the room's log holds.
    fn log_records(&self) -> u64;

    /// The payload bytes the room's log holds.
    fn log_bytes(&self) -> u64;

    /// Appends a record to the room's log and returns its sequence number.
    fn append(&mut self, record: &[u8]) -> u64;

    /// As [`Collections::append`], with a record that is the parts one behind the other.
    fn append_parts(&mut self, parts: &[&[u8]]) -> u64 {
        self.append(&parts.concat())
    }

    /// Drops the records of the log before `seq`, which is at most the next one's.
    fn trim(&mut self, seq: u64);

    /// The version that the last [`Effects::publish_entry`] of this room got; before the first since
    /// the room was made, a number that is not below any version it ever gave.
    fn version(&self) -> u64;

    /// The version for the next entry that is published: one above [`Collections::version`].
    fn next_version(&mut self) -> u64;

    /// The value of a key.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn get(&self, map: u64, key: &[u8]) -> Result<Option<Bytes>, Unreadable>;

    /// Calls `each` with every key and its value, in no order. For commands that
    /// [say that they read entries](super::Dialect::reads_entries), before they change anything; for
    /// others only where it is rare, for it reads all there is.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn entries(&self, map: u64, each: impl FnMut(&[u8], &[u8])) -> Result<(), Unreadable>;

    /// Gives a key its value. A key is at most 65,535 bytes long.
    fn put(&mut self, map: u64, key: &[u8], value: &[u8]);

    /// Removes a key, if it is there.
    fn remove(&mut self, map: u64, key: &[u8]);

    /// Ends a map: all its keys go. Its number is not used again, and this command puts nothing
    /// into it.
    fn drop_map(&mut self, map: u64);
}

/// What becomes visible once the command's changes are durable.
pub trait Effects {
    /// What a caller is answered.
    type Answer;
    /// What those who watch the room are told.
    type Notice;

    /// Brings a record just appended to everyone who follows the room, except `except`.
    fn publish(&mut self, seq: u64, record: &[u8], except: Option<Member>);

    /// Brings a change of an entry of map 0 to everyone who follows the room, except `except`.
    /// `record` is what [`Dialect::deliver`](super::Dialect::deliver) makes the message of; who is too
    /// slow gets the entry as it is stored when there is room for it. A room publishes either
    /// records or entries.
    fn publish_entry(&mut self, version: u64, key: &[u8], record: &[u8], except: Option<Member>);

    /// The opening message of a session that asked for it, whole and in its framing. It says all
    /// that was published up to now.
    fn open(&mut self, to: Member, message: Bytes);

    /// Sends an entry of map 0 to one member, as it is when it is sent. Counted in
    /// [`Received::resends`](super::Received::resends).
    fn resend(&mut self, to: Member, key: &[u8]);

    /// Brings a whole message, in this framing, to who is in the room, at once: it is not kept and waits
    /// for no device. In the room is who was [opened](Effects::open); who was not, or has gone, gets
    /// nothing. A member gets messages in the order in which the room relayed them. For dialects that
    /// [write behind](super::Dialect::WRITES_BEHIND) only. Who does not take them in time is closed
    /// as [too slow](super::Dialect::too_slow).
    fn relay(&mut self, framing: Framing, message: &Bytes, to: Audience) {
        let _ = (framing, message, to);
    }

    /// Closes the connection of a member, opened or not, behind what it was sent before; what waits behind
    /// a replay is not sent. For dialects that [write behind](super::Dialect::WRITES_BEHIND) only.
    fn dismiss(&mut self, member: Member, violation: Violation) {
        let _ = (member, violation);
    }

    /// Sends a member that was just [opened](Effects::open) by the same command the records of the log after
    /// `after`, up to the last there is at the end of it, as [`Dialect::replay`](super::Dialect::replay)
    /// makes messages of them for this `reader`. They come behind the opening message and before all that is
    /// relayed from now on, which is held meanwhile within the bounds of
    /// [`Dialect::queue`](super::Dialect::queue). Records may not be durable yet, no more than what is
    /// relayed; those that the store did not take are not sent.
    fn replay(&mut self, to: Member, after: u64, reader: &Arc<str>) {
        let _ = (to, after, reader);
    }

    /// Sends a message to one member.
    fn reply(&mut self, to: Member, reply: Reply<'_>);

    /// Answers the caller of this command: one without a session, or a session that
    /// [asked](super::Act::Ask). Every such command must be answered once.
    fn answer(&mut self, answer: Self::Answer);

    /// As [`Effects::answer`], but told as soon as the command's changes are in memory: a power cut may
    /// take them back.
    fn answer_early(&mut self, answer: Self::Answer) {
        self.answer(answer);
    }

    /// Tells those who [watch](super::Act::Watch) the room.
    fn notify(&mut self, notice: Self::Notice);

    /// Says that the command of `from` was not taken.
    fn refuse(&mut self, from: Member, why: Refused);
}
