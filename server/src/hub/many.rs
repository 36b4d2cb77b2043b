//! What the hub keeps of a session that speaks with many rooms: how much it has asked, and what it
//! watches.
//!
//! Knows no room, no connection and no answer.

use std::sync::Arc;

use hashbrown::HashMap;

/// A connection is not read from while it has this many questions without an answer.
pub(super) const ASKED_MAX: usize = 256;

/// A session that speaks with many rooms.
#[derive(Debug, Default)]
pub(super) struct Many {
    /// Questions without an answer.
    asked: usize,
    /// Bytes of messages that it took while it waited for answers: what it asks next may hold them.
    unasked_bytes: usize,
    /// The rooms that it watches, and its place among those of this shard who do.
    watches: HashMap<Arc<str>, usize>,
    /// It was told that its peer does not keep up, and is to be told when that is over.
    is_behind: bool,
}

impl Many {
    /// Whether it should have answers before it says more.
    pub(super) fn has_asked_enough(&self) -> bool {
        self.asked >= ASKED_MAX
    }

    /// A question is on its way.
    pub(super) fn note_asked(&mut self) {
        self.asked += 1;
    }

    /// A message was taken and nothing asked with it. Says whether its bytes are kept.
    pub(super) fn note_unasked(&mut self, bytes: usize) -> bool {
        let keeps = self.asked > 0;
        if keeps {
            self.unasked_bytes += bytes;
        }
        keeps
    }

    /// The bytes of such messages, which are noted no more.
    pub(super) fn take_unasked(&mut self) -> usize {
        std::mem::take(&mut self.unasked_bytes)
    }

    /// As [`Many::take_unasked`], when nothing is left that it could still ask for.
    pub(super) fn take_settled(&mut self) -> usize {
        if self.asked == 0 { self.take_unasked() } else { 0 }
    }

    /// An answer has come. True when the connection may be read from again for that.
    pub(super) fn note_answered(&mut self) -> bool {
        debug_assert!(self.asked > 0, "every answer has its question");
        self.asked -= 1;
        self.asked + 1 == ASKED_MAX
    }

    pub(super) fn watches(&self, room: &str) -> bool {
        self.watches.contains_key(room)
    }

    /// It watches a room, in this place.
    pub(super) fn note_watch(&mut self, room: Arc<str>, place: usize) {
        let before = self.watches.insert(room, place);
        debug_assert!(before.is_none(), "a room is watched once");
    }

    /// It watches a room no more; its place, if it did.
    pub(super) fn end_watch(&mut self, room: &str) -> Option<usize> {
        self.watches.remove(room)
    }

    /// All that it watches, which it does no more.
    pub(super) fn end_all(&mut self) -> HashMap<Arc<str>, usize> {
        std::mem::take(&mut self.watches)
    }

    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Says whether it is behind. True when that is new.
    pub(super) fn set_behind(&mut self, is_behind: bool) -> bool {
        std::mem::replace(&mut self.is_behind, is_behind) != is_behind
    }
}
