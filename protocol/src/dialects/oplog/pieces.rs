//! A push in pieces, asked one after the other: so one that brings a million operations holds nobody up
//! for long, and none is larger than what a store takes at once.
//!
//! Knows which of the answers to the pieces is the answer to the push.

use super::{answer::Answer, part::Part, request::Push};

/// A push of which some pieces may have been answered.
#[derive(Debug)]
pub struct Pieces {
    rest: Push,
    began: bool,
    answer: Option<Answer>,
}

impl Push {
    /// The push in pieces of at most 16,384 operations and 16 MiB, or one operation. Each piece is stored
    /// whole or not at all, and each is durable before the next one is asked.
    #[must_use]
    pub fn into_pieces(self) -> Pieces {
        Pieces { rest: self, began: false, answer: None }
    }

    /// Bytes of its operations.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.ops.bytes()
    }

    fn with(&self, ops: Part) -> Self {
        Self { client_id: self.client_id.clone(), generation: self.generation.clone(), ops }
    }
}

impl Pieces {
    /// What to ask next; `None` when there is nothing left to ask. The first one is there even when it has no
    /// operation.
    pub fn next_piece(&mut self) -> Option<Push> {
        if self.began && self.rest.ops.len() == 0 {
            return None;
        }
        self.began = true;
        let ops = self.rest.ops.take_front();
        Some(self.rest.with(ops))
    }

    /// Takes the answer to the piece that was asked last. One that says that it was not stored ends the
    /// push: what was stored of it before is met again when the client repeats it.
    pub fn answered(&mut self, answer: Answer) {
        let had_no_key = self.rest.generation.is_empty();
        match &answer {
            Answer::Pushed { generation, .. } | Answer::Stale { generation, .. } if had_no_key => {
                // The rest belongs to the same generation, and to no later one.
                self.rest.generation = (**generation).into();
                self.answer = Some(answer);
            }
            // A client without a key is to apply the snapshot, wherever its other operations went.
            Answer::Pushed { .. } if matches!(self.answer, Some(Answer::Stale { .. })) => {}
            Answer::Pushed { .. } => self.answer = Some(answer),
            _ => {
                self.rest.ops.clear();
                self.answer = Some(answer);
            }
        }
    }

    /// The answer to the push; `None` when no piece was answered.
    #[must_use]
    pub fn into_answer(self) -> Option<Answer> {
        self.answer
    }
}
