//! What a receiver is told, and how it looks on the wire: who, where, when; nothing of a packet, no key, no token.

use std::time::Instant;

use serde::Serialize;

use crate::config::WebhookEvent;

/// Something that has happened in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Happened<'a> {
    pub(crate) event: WebhookEvent,
    pub(crate) room: &'a str,
    /// Whom it is about.
    pub(crate) participant: Option<&'a str>,
    /// Why somebody has gone.
    pub(crate) reason: Option<&'static str>,
}

/// The same, with a name of its own. It waits for its turn.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// No other event of any server has it.
    pub(super) id: String,
    /// When it happened, in milliseconds since the Unix epoch.
    pub(super) at_ms: u64,
    /// The same by the clock that nobody sets.
    pub(super) since: Instant,
    pub(super) event: WebhookEvent,
    room: Box<str>,
    participant: Option<Box<str>>,
    reason: Option<&'static str>,
}

/// The order of its fields is that on the wire.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    at: u64,
    event: &'static str,
    room: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl Event {
    pub(super) fn new(id: String, at_ms: u64, since: Instant, happened: Happened<'_>) -> Self {
        let Happened { event, room, participant, reason } = happened;
        let participant = participant.map(Into::into);
        Self { id, at_ms, since, event, room: room.into(), participant, reason }
    }

    /// The body of the request.
    pub(super) fn body(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Body {
            id: &self.id,
            at: self.at_ms,
            event: self.event.name(),
            room: &self.room,
            participant: self.participant.as_deref(),
            reason: self.reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(happened: Happened<'_>) -> String {
        let event = Event::new("a-1".into(), 1_760_000_000_000, Instant::now(), happened);
        String::from_utf8(event.body().unwrap()).unwrap()
    }

    #[test]
    fn a_body_has_what_there_is_in_a_fixed_order() {
        let left = Happened {
            event: WebhookEvent::ParticipantLeft,
            room: "team/\"a\"",
            participant: Some("user:änn"),
            reason: Some("timeout"),
        };
        assert_eq!(
            body(left),
            r#"{"id":"a-1","at":1760000000000,"event":"participant_left","room":"team/\"a\"","participant":"user:änn","reason":"timeout"}"#
        );
        let event = WebhookEvent::RoomBegan;
        let began = Happened { event, room: "a", participant: None, reason: None };
        assert_eq!(
            body(began),
            r#"{"id":"a-1","at":1760000000000,"event":"room_began","room":"a"}"#
        );
    }
}
