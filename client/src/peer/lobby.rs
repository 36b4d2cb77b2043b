//! What goes on in an invite room: a code is shown and answered. Knows no store; whether a code is good is the
//! machine's to say.

use std::{sync::Weak, time::Duration};

use syncline_protocol::dialects::peer::{
    kind::RoomKind,
    participant::{Event, HostPin, InviteAsk, Redeemed},
};
use tokio::time::timeout;

use super::{
    error::JoinError,
    room::{Handle, Happened, Room},
    status::Connection,
};
use crate::{task::Stopped, transport::ConnectionError};

/// A joiner gives up after 15 s of connection; after so long without one as well.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

/// What lets into a data room: who said so, and which room it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The name of the data room at the server.
    pub data_room: String,
    /// The host that let this peer in.
    pub host: HostPin,
}

/// Shows a code in an invite room once it is entered, and waits for what comes of it.
pub(super) async fn show_code(lobby: &Room, code: &str) -> Result<Invitation, JoinError> {
    let mut events = lobby.events();
    enter_lobby(lobby).await?;
    lobby.step(|core, now| core.machine.request_invite(code, now))?;
    let answer = async {
        loop {
            match events.next().await {
                Some(Happened::Event(Event::Invited { data_room, host })) => {
                    return Ok(Invitation { data_room, host });
                }
                Some(Happened::Event(Event::InviteRefused { message })) => {
                    return Err(JoinError::Refused(message));
                }
                Some(Happened::Event(Event::InviteUnanswered)) => {
                    return Err(JoinError::Unanswered);
                }
                Some(_) => {}
                None => return Err(Stopped.into()),
            }
        }
    };
    timeout(ANSWER_WAIT, answer).await.unwrap_or(Err(JoinError::Unanswered))
}

/// Waits until the server lets in, or says that it does not.
async fn enter_lobby(lobby: &Room) -> Result<(), JoinError> {
    let mut status = lobby.status();
    loop {
        match &status.borrow_and_update().connection {
            Connection::Online => return Ok(()),
            Connection::Offline { retry_in, error } if retry_in.is_none() || bad_token(error) => {
                return Err(JoinError::NotLetIn(error.clone()));
            }
            Connection::Stopped => return Err(Stopped.into()),
            Connection::Connecting | Connection::Offline { .. } => {}
        }
        status.changed().await.map_err(|_| Stopped)?;
    }
}

/// Whether the server did not take the token. Another one may come; nobody waits for it with a code.
fn bad_token(error: &ConnectionError) -> bool {
    matches!(
        error,
        ConnectionError::Refused { status: 401 } | ConnectionError::Closed { code: Some(4401) }
    )
}

/// Answers strangers in an invite room as long as somebody holds it.
pub(super) async fn answer(lobby: Weak<Handle>) {
    loop {
        let Some(shared) = lobby.upgrade().map(|lobby| lobby.shared.clone()) else { return };
        let ask = tokio::select! {
            ask = shared.next_ask() => ask,
            () = shared.task.stop_asked() => return,
        };
        let Some(peers) = lobby.upgrade().map(|lobby| lobby.peers.clone()) else { return };
        let answer = ask_rooms(&peers.open_rooms(), &ask).await;
        shared.step_if_open(|core, now| core.machine.answer_invite(&ask, answer, now));
    }
}

/// What the data rooms say to a code: the first that lets in; else a refusal, if one refuses.
async fn ask_rooms(rooms: &[Room], ask: &InviteAsk) -> Redeemed {
    let mut answer = Redeemed::NotMine;
    for room in rooms.iter().filter(|room| room.kind() == RoomKind::Data) {
        match room.step(|core, now| core.machine.redeem(ask, now)) {
            Ok(Redeemed::NotMine) => {}
            Ok(Redeemed::Refused) => answer = Redeemed::Refused,
            // Nobody is let in by what a power cut could take back.
            Ok(granted) if room.durable().await.is_ok() => return granted,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a code could not be looked at"),
        }
    }
    answer
}
