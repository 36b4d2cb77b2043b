//! `/admin/peer/…`: what an operator sees of rooms and does about participants.
//!
//! Who may ask was asked before.

use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::peer::{
        id::PeerId,
        kind::RoomKind,
        relay::{Answer as Told, Command, Description, FOREVER},
    },
};
use tokio::task::spawn_local;

use super::{
    Api,
    failed::Failed,
    packets::{number, text},
    place::room_name,
};
use crate::{
    config::WebhookEvent,
    http::{
        answer::{Answer, json as answer},
        now, target,
    },
    hub::CallFailed,
    webhooks::Happened,
};

/// What every path here begins with, without the slash behind it.
pub(in crate::http) const PREFIX: &str = "/admin/peer/rooms";

/// Rooms that are told of at a time.
const ROOMS_MAX: usize = 1_000;

/// The longest ban that is not for ever, in seconds: some 300 years.
const BAN_SECONDS_MAX: u64 = 10_000_000_000;

impl Api {
    /// Answers an operator whose path begins with [`PREFIX`].
    pub(in crate::http) async fn moderate<B>(&self, request: &Request<B>) -> Answer {
        let (path, query) = (request.uri().path(), request.uri().query());
        let told = match target::below(path, PREFIX) {
            None if path == PREFIX && request.method() == Method::GET => self.rooms(query),
            None if path == PREFIX => Err(Failed::WrongMethod("GET")),
            None => Err(Failed::NoPlace),
            Some(rest) => self.moderate_room(request.method(), rest, query).await,
        };
        match told {
            Ok(told) => answer(StatusCode::OK, told.to_string()),
            Err(failed) => failed.into_answer(),
        }
    }

    /// Rooms in which somebody is, in the order of their names.
    fn rooms(&self, query: Option<&str>) -> Result<Value, Failed> {
        let after = text(query, "after")?.unwrap_or_default();
        let mut rooms = self.shared.participants.behind(&after, ROOMS_MAX + 1);
        let more = rooms.len() > ROOMS_MAX;
        rooms.truncate(ROOMS_MAX);
        let told = |(room, participants)| json!({ "room": room, "participants": participants });
        let rooms: Vec<Value> = rooms.into_iter().map(told).collect();
        Ok(json!({ "rooms": rooms, "more": more }))
    }

    async fn moderate_room(
        &self,
        method: &Method,
        rest: &str,
        query: Option<&str>,
    ) -> Result<Value, Failed> {
        let (room, what) = rest.split_once('/').unwrap_or((rest, ""));
        let room = room_name(room)?;
        let wanted = match what {
            "" => &Method::GET,
            "packets" => &Method::DELETE,
            "kick" | "ban" | "unban" | "close" => &Method::POST,
            _ => return Err(Failed::NoPlace),
        };
        if method != wanted {
            return Err(Failed::WrongMethod(match what {
                "" => "GET",
                "packets" => "DELETE",
                _ => "POST",
            }));
        }
        let command = match what {
            "" => return Ok(described(&room, &self.describe(&room).await?)),
            "packets" => Command::Forget,
            "close" => Command::CloseRoom,
            "unban" => Command::Unban { identity: identity(query)? },
            "ban" => {
                Command::Kick { identity: identity(query)?, ban_until: Some(until(query, now())?) }
            }
            _ => Command::Kick { identity: identity(query)?, ban_until: None },
        };
        let id = text(query, "id")?.unwrap_or_default();
        let (hub, shared, what) = (self.hub.clone(), self.shared.clone(), what.to_owned());
        // An operator who does not wait for the answer is no reason to say nothing of what was done.
        let doing = spawn_local(async move {
            let told = told(hub.call(&room, command, 0).await?)?;
            tracing::info!(what, room, id, %told, "an operator has moderated a room of the peer dialect");
            if let Some(webhooks) = &shared.webhooks
                && let Some(happened) = happened(&what, &room, &id, &told)
            {
                webhooks.tell(happened);
            }
            Ok(told)
        });
        doing.await.unwrap_or(Err(Failed::Closed))
    }
}

/// What webhooks tell of what was done, in the names of the path. Who is only kicked has left: that is told by the
/// room.
fn happened<'a>(what: &str, room: &'a str, id: &'a str, told: &Value) -> Option<Happened<'a>> {
    let (event, participant) = match what {
        "ban" => (WebhookEvent::ParticipantBanned, Some(id)),
        "unban" if told["was_banned"] == true => (WebhookEvent::ParticipantUnbanned, Some(id)),
        "close" => (WebhookEvent::RoomClosed, None),
        "packets" => (WebhookEvent::RoomForgotten, None),
        _ => return None,
    };
    Some(Happened { event, room, participant, reason: None })
}

/// `?id=`
fn identity(query: Option<&str>) -> Result<PeerId, Failed> {
    let identity = text(query, "id")?.and_then(|name| PeerId::new(&name));
    identity.ok_or(Failed::Bad("id wants the name of a participant, of 1 to 128 bytes"))
}

/// `?seconds=`, or for ever.
fn until(query: Option<&str>, now: UnixMillis) -> Result<UnixMillis, Failed> {
    match number(query, "seconds")? {
        None => Ok(FOREVER),
        Some(seconds @ 1..=BAN_SECONDS_MAX) => Ok(UnixMillis(now.0 + seconds * 1000)),
        Some(_) => Err(Failed::Bad("seconds wants 1 to 10000000000, and nothing means for ever")),
    }
}

fn described(room: &str, there: &Description) -> Value {
    let participants = there.participants.iter();
    let bans = there.bans.iter();
    json!({
        "room": room,
        "kind": there.kind.map(RoomKind::name),
        "participants": participants
            .map(|one| json!({ "id": one.identity.as_str(), "since_ms": one.since.0 }))
            .collect::<Vec<_>>(),
        "bans": bans
            .map(|ban| {
                let until = (ban.until != FOREVER).then_some(ban.until.0);
                json!({ "id": ban.identity.as_str(), "until_ms": until })
            })
            .collect::<Vec<_>>(),
        "packets": there.packets,
        "packet_bytes": there.packet_bytes,
        // As everybody is told it: of what is certain.
        "last_seq": there.durable_seq,
    })
}

fn told(answer: Told) -> Result<Value, Failed> {
    match answer {
        Told::Kicked { connections } | Told::Closed { connections } => {
            Ok(json!({ "connections": connections }))
        }
        Told::Unbanned { was_banned } => Ok(json!({ "was_banned": was_banned })),
        Told::Swept { dropped, kept } => Ok(json!({ "dropped": dropped, "kept": kept })),
        Told::Refused(_) => Err(Failed::Call(CallFailed::RoomFull)),
        _ => Err(Failed::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_is_for_so_long_or_for_ever() {
        let until = |query| until(query, UnixMillis(5)).map(|at| at.0);
        assert_eq!(until(None).unwrap(), FOREVER.0);
        assert_eq!(until(Some("seconds=2")).unwrap(), 2_005);
        for bad in ["seconds=0", "seconds=10000000001", "seconds=soon", "seconds="] {
            assert!(until(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_participant_is_named() {
        assert_eq!(identity(Some("id=user%3Aann")).unwrap().as_str(), "user:ann");
        for bad in [None, Some("id="), Some("id=user%3A"), Some("id=a%0a"), Some("id=%ff")] {
            assert!(identity(bad).is_err(), "{bad:?}");
        }
    }
}
