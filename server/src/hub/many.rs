//! What the hub keeps of a session that speaks with many rooms: how much it has asked.
//!
//! Knows no room, no connection and no answer.

/// A connection is not read from while it has this many questions without an answer.
pub(super) const ASKED_MAX: usize = 256;

/// A session that speaks with many rooms.
#[derive(Debug, Default)]
pub(super) struct Many {
    /// Questions without an answer.
    asked: usize,
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

    /// An answer has come. True when the connection may be read from again for that.
    pub(super) fn note_answered(&mut self) -> bool {
        debug_assert!(self.asked > 0, "every answer has its question");
        self.asked -= 1;
        self.asked + 1 == ASKED_MAX
    }
}
