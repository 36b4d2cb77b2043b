//! The order in which answers leave: that of their requests.
//!
//! Knows numbers and bytes; nothing of what was asked.

use bytes::Bytes;

use super::{super::cursor::Cursor, ring::Ring};
use crate::dialect::Violation;

/// A request that has not been answered to its client.
#[derive(Debug)]
pub(super) struct Open {
    /// What its answer names.
    pub(super) correlation_id: String,
    /// How much it counts among those that are under way; 0 before it has begun.
    pub(super) weight: u32,
    /// How many operations it has.
    pub(super) ops: u32,
    ready: Option<Ready>,
}

/// An answer that waits for those before it.
#[derive(Debug, Default)]
pub(super) struct Ready {
    /// The messages.
    pub(super) messages: Messages,
    /// What comes about when they have left.
    pub(super) then: Then,
}

/// The messages of one answer.
#[derive(Debug, Default)]
pub(super) enum Messages {
    #[default]
    None,
    One(Bytes),
    Many(Vec<Bytes>),
}

/// What comes about when an answer has left.
#[derive(Debug, Default)]
pub(super) enum Then {
    #[default]
    Nothing,
    /// The client has what there is of this map, or of what begins so, up to here.
    Got(Got),
    /// The connection ends.
    Close(Violation),
}

/// What a client has after an answer.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) map: Box<str>,
    /// The number of the following that it was asked for.
    pub(super) number: u64,
    pub(super) key_prefix: Box<str>,
    pub(super) up_to: Cursor,
    pub(super) how: How,
}

/// How far an answer brings a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// To the end of what there is.
    Whole,
    /// Somewhere before it: the client will ask on.
    Page,
    /// Nowhere, but the client wants to be told what comes from here on.
    Look,
    /// Nowhere, but the client was there before and wants to be told what has come since.
    Resume,
}

impl From<Bytes> for Ready {
    fn from(message: Bytes) -> Self {
        Self { messages: Messages::One(message), then: Then::Nothing }
    }
}

/// All requests that have not been answered, in their order.
#[derive(Debug, Default)]
pub(super) struct Answers(Ring<Open>);

impl Answers {
    /// A new request: the number by which it is known here.
    pub(super) fn open(&mut self, correlation_id: String, ops: u32) -> u64 {
        self.0.begin(Open { correlation_id, weight: 0, ops, ready: None })
    }

    /// One that has no answer yet.
    pub(super) fn find(&mut self, place: u64) -> Option<&mut Open> {
        self.0.find(place).filter(|open| open.ready.is_none())
    }

    /// Gives it its answer. Whatever comes later is ignored.
    pub(super) fn answer(&mut self, place: u64, ready: Ready) {
        if let Some(open) = self.find(place) {
            open.ready = Some(ready);
        }
    }

    /// The next answer that may leave.
    pub(super) fn leave(&mut self) -> Option<Ready> {
        let (place, oldest) = self.0.oldest()?;
        oldest.ready.as_ref()?;
        self.0.end(place)?.ready
    }

    /// Whether all have been answered.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many have not been answered.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(answers: &mut Answers) -> Vec<Bytes> {
        std::iter::from_fn(|| answers.leave())
            .map(|ready| match ready.messages {
                Messages::One(message) => message,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn an_answer_waits_for_those_before_it_and_comes_once() {
        let mut answers = Answers::default();
        let places: Vec<u64> = (0..3).map(|_| answers.open(String::new(), 1)).collect();
        answers.answer(places[2], Bytes::from_static(b"c").into());
        answers.answer(places[1], Bytes::from_static(b"b").into());
        answers.answer(places[1], Bytes::from_static(b"again").into());
        assert!(said(&mut answers).is_empty());
        assert!(answers.find(places[1]).is_none() && answers.find(places[0]).is_some());
        answers.answer(places[0], Bytes::from_static(b"a").into());
        assert_eq!(said(&mut answers), ["a", "b", "c"]);
        assert_eq!(answers.len(), 0);
    }
}
