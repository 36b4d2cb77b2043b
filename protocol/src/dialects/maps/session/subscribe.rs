//! Subscribe and Unsubscribe, and what reading a map does to what is followed.
//!
//! Knows which maps a client follows; not how it is told of their changes.

use super::{
    Asked, INTERNAL, Session,
    answers::{Got, How, Ready, Then},
    say::{self, Failure},
    watches::Begun,
    writes::FORBIDDEN,
};
use crate::{
    dialect::Act,
    dialects::maps::{
        command::{Answer, Command, Fed, Feed},
        cursor::Cursor,
        permissions::Op,
        proto::{Ack, ErrorCode, Subscribe, Unsubscribe},
        settings::is_map_name,
    },
};

const BAD_MAP: Failure =
    Failure::new(ErrorCode::BadRequest, "mapName must have 1 to 128 of A-Z a-z 0-9 _ . : / -");
const LONG_PREFIX: Failure = Failure::new(ErrorCode::TooLarge, "keyPrefix is too long");
const TOO_MANY: Failure = Failure::new(ErrorCode::TooLarge, "too many maps are followed");
const BAD_CURSOR: Failure =
    Failure::new(ErrorCode::CursorInvalid, "the cursor leads nowhere: pull with an empty one");

/// A map that a client has asked to follow.
pub(super) struct Subscribing {
    place: u64,
    map: Box<str>,
    /// The number of the following.
    number: u64,
    key_prefix: Box<str>,
    from: Option<Cursor>,
}

impl Session {
    pub(super) fn subscribe(&mut self, place: u64, request: Subscribe) {
        let Subscribe { map_name, key_prefix, cursor } = request;
        if !is_map_name(&map_name) {
            return self.fail(place, BAD_MAP);
        }
        if key_prefix.len() > self.limits().key_bytes_max {
            return self.fail(place, LONG_PREFIX);
        }
        if !self.may(&map_name, Op::Read) {
            return self.fail(place, FORBIDDEN);
        }
        let from = match (cursor.is_empty(), Cursor::parse(&map_name, &cursor)) {
            (true, _) => None,
            (false, Ok(cursor)) => Some(cursor),
            (false, Err(_)) => return self.fail(place, BAD_CURSOR),
        };
        let Some(number) = self.begin_watch(&map_name, true) else {
            return self.fail(place, TOO_MANY);
        };
        let key_prefix: Box<str> = key_prefix.into();
        let command = match from {
            None => Command::Position,
            // Whether the map still knows the way from there; what it says will be asked for again.
            Some(after) => {
                let key_prefix = key_prefix.clone();
                Command::Feed(Feed { after, key_prefix, ops_max: 1, bytes_max: 1 })
            }
        };
        let map = map_name.as_str().into();
        let subscribing = Subscribing { place, map, number, key_prefix, from };
        self.ask(&map_name, command, Asked::Subscribe(subscribing));
    }

    /// What a map says to somebody who wants to follow it.
    pub(super) fn subscribed(
        &mut self,
        subscribing: Subscribing,
        outcome: Result<Answer, Failure>,
    ) {
        let Subscribing { place, map, number, key_prefix, from } = subscribing;
        let at = match (outcome, from) {
            (Ok(Answer::Position { cursor, .. }), None) => Ok((cursor, How::Look)),
            // From beyond the end what comes next would look like what the client has.
            (Ok(Answer::Fed(Fed { reset: false, position, .. })), Some(from))
                if from.seq <= position.seq =>
            {
                Ok((from, How::Resume))
            }
            (Ok(Answer::Fed(_)), _) => Err(BAD_CURSOR),
            (Ok(Answer::Refused(fault)), _) => Err(fault.into()),
            (Ok(_), _) => Err(INTERNAL),
            (Err(failure), _) => Err(failure),
        };
        match at {
            Ok((up_to, how)) => {
                self.watches.has_answer(&map, number);
                let got = Got { map, number, key_prefix, up_to, how };
                self.acknowledge_empty(place, Then::Got(got));
            }
            Err(failure) => {
                self.unwatch_after_failure(&map, number);
                self.fail(place, failure);
            }
        }
    }

    pub(super) fn unsubscribe(&mut self, place: u64, request: &Unsubscribe) {
        if self.watches.leave(&request.map_name, &request.key_prefix) {
            self.acts.push(Act::Unwatch(request.map_name.clone()));
        }
        self.acknowledge_empty(place, Then::Nothing);
    }

    fn acknowledge_empty(&mut self, place: u64, then: Then) {
        let Some(open) = self.answers.find(place) else { return };
        let id = std::mem::take(&mut open.correlation_id);
        self.answer(place, Ready { then, ..say::ack(id, Ack::default()).into() });
    }

    /// Watches a map that is about to be shown; the number of the following, or `None` when its client
    /// will not follow it.
    pub(super) fn begin_watch(&mut self, map: &str, asked_for: bool) -> Option<u64> {
        match self.watches.begin(map, asked_for) {
            Begun::New(number) => {
                self.acts.push(Act::Watch(map.into()));
                Some(number)
            }
            Begun::Known(number) => Some(number),
            Begun::Not => None,
        }
    }

    /// What was to show a map has not: it is not followed for that.
    pub(super) fn unwatch_after_failure(&mut self, map: &str, number: u64) {
        if self.watches.fail(map, number) {
            self.acts.push(Act::Unwatch(map.into()));
        }
    }

    /// Follows no more what the client may not read any more.
    pub(super) fn drop_what_is_forbidden(&mut self) {
        let Some(rights) = self.rights() else { return };
        let grants = rights.grants.clone();
        for map in self.watches.end_where(|map| !grants.may(map, Op::Read)) {
            self.acts.push(Act::Unwatch(map.into()));
        }
    }
}
