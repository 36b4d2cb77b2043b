//! The invite room: a stranger shows a code, hosts answer. What a code is worth is said in the data rooms.

use std::{collections::BTreeMap, time::Duration};

use zeroize::Zeroizing;

use super::{Event, HostPin, InviteAsk, Participant, Redeemed, Why, WriteError, halt::Step};
use crate::dialects::peer::{
    id::PeerId,
    invite::{Ask, Joiner, Outcome, REFUSAL, Refusal, Refusals},
    keys::PublicKeys,
    kind::RoomKind,
    now::{Now, earlier},
    packet::{Kind, Packet},
    store::Store,
    sync::Control,
};

/// A code longer than this is none.
const CODE_BYTES_MAX: usize = 128;
/// So long a joiner waits for the keys of the host it expects, before it shows its code unsealed, if it was not
/// given them.
const HOST_WAIT: Duration = Duration::from_secs(3);
/// Hosts that told which data room is theirs, of whom it is remembered: all who can be in a lobby.
const HOSTS_MAX: usize = 64;

/// What goes on in an invite room.
#[derive(Debug, Default)]
pub(super) struct Lobby {
    joiner: Option<Joiner>,
    /// Until then the code is shown to nobody but the host that is expected.
    holds_until: Duration,
    refusals: Refusals,
    /// By host, its data room and its keys there.
    told: BTreeMap<PeerId, (String, PublicKeys)>,
}

impl<S: Store> Participant<S> {
    /// Shows a code in an invite room until somebody answers, for 15 s at most. The answer is an event. An
    /// [expected host](super::Opening::expected_host) is the only one who is shown it and believed: sealed, unless
    /// its keys are neither given with it nor announced within 3 s.
    ///
    /// # Errors
    /// [`WriteError::WrongRoomKind`] in a data room.
    pub fn request_invite(&mut self, code: &str, now: Now) -> Result<(), WriteError> {
        if self.kind != RoomKind::Invite {
            return Err(WriteError::WrongRoomKind);
        }
        let host = self.expected_host.as_ref().map(|host| host.peer.clone());
        let request = self.new_request();
        self.lobby.joiner = Some(Joiner::new(request, code, host, now));
        self.lobby.holds_until = now.elapsed + HOST_WAIT;
        self.lobby.told.clear();
        self.due_lobby(now);
        self.settle(now);
        Ok(())
    }

    /// Whether a host is expected whose keys are not known.
    fn lacks_host(&self) -> bool {
        let host = self.expected_host.as_ref();
        host.is_some_and(|host| self.people.keys_of(&host.peer).is_none())
    }

    /// Whether the code waits for the keys of the host that is expected.
    fn holds_code(&self, now: Now) -> bool {
        self.lacks_host() && now.elapsed < self.lobby.holds_until
    }

    fn show_code(&mut self, ask: &Ask, now: Now) {
        let keys = self.keys.public();
        let mut packet = self.packet(Kind::InviteReq, &ask.request);
        packet.sender_public_key = keys.sign.to_vec().into();
        packet.encryption_public_key = keys.exchange.to_vec().into();
        let sealed = ask
            .to
            .as_ref()
            .is_some_and(|host| self.send_to(host, packet.clone(), ask.code.as_bytes(), now));
        let has_keys = self.expected_host.as_ref().is_some_and(|host| host.keys.is_some());
        // Who knows the host's keys shows the code to nobody else, and waits for it.
        if !sealed && !has_keys {
            packet.target.clone_from(&ask.to);
            self.send_plain(packet, ask.code.as_bytes(), now);
        }
    }

    /// Does what is due in an invite room.
    pub(super) fn due_lobby(&mut self, now: Now) {
        if !self.is_connected || self.kind != RoomKind::Invite {
            return;
        }
        if !self.holds_code(now)
            && let Some(ask) = self.lobby.joiner.as_mut().and_then(|joiner| joiner.ask(now))
        {
            self.show_code(&ask, now);
        }
        let ended = self.lobby.joiner.as_mut().and_then(|joiner| joiner.ended(now));
        self.end_joining(ended);
        for Refusal { request, joiner } in self.lobby.refusals.due(now) {
            let packet = self.packet(Kind::InviteNack, &request);
            self.send_to(&joiner, packet, REFUSAL.as_bytes(), now);
        }
    }

    pub(super) fn lobby_deadline(&self) -> Option<Duration> {
        let joiner = self.lobby.joiner.as_ref().and_then(Joiner::deadline);
        let joiner = match self.lacks_host() {
            true => joiner.map(|at| at.max(self.lobby.holds_until)),
            false => joiner,
        };
        earlier(joiner, self.lobby.refusals.deadline())
    }

    fn end_joining(&mut self, outcome: Option<Outcome>) {
        let Some(outcome) = outcome else { return };
        self.lobby.joiner = None;
        let event = match outcome {
            Outcome::Joined { data_room, host } => {
                let told = self.lobby.told.remove(&host);
                let keys = told.filter(|(room, _)| *room == data_room).map(|(_, keys)| keys);
                Event::Invited { data_room, host: HostPin { peer: host, keys } }
            }
            Outcome::Refused { message } => Event::InviteRefused { message },
            Outcome::TimedOut => Event::InviteUnanswered,
        };
        self.tell(event);
    }

    /// A stranger shows a code: it must be signed with the key that it tells.
    pub(super) fn shown(&mut self, packet: &Packet, now: Now) -> Step {
        let array = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| Why::BadPayload);
        let sign = array(&packet.sender_public_key)?;
        let exchange = array(&packet.encryption_public_key)?;
        let keys = PublicKeys { sign, exchange };
        match self.pins.find(&packet.sender.canonical()).copied() {
            Some(pin) if pin.keys != keys => return Err(Why::KeyConflict.into()),
            Some(pin) => self.check_version(packet, &pin)?,
            None if packet.version < self.version_min() => {
                return Err(Why::VersionFloor.into());
            }
            None => {}
        }
        if !keys.are_usable() || !packet.is_signed_by(&self.room, &sign) {
            return Err(Why::BadSignature.into());
        }
        self.check_fresh(Kind::InviteReq, packet, &keys, now)?;
        self.learn(packet, keys, now)?;
        let opened = self.open_payload(packet, &keys).ok_or(Why::Undecryptable)?;
        if opened.plaintext.len() > CODE_BYTES_MAX {
            return Err(Why::BadPayload.into());
        }
        let code = std::str::from_utf8(&opened.plaintext).map_err(|_| Why::BadPayload)?;
        if self.lobby.joiner.is_some() {
            return Err(Why::Unasked.into());
        }
        self.tell(Event::InviteAsked(InviteAsk {
            group: self.room.clone(),
            request: packet.request.clone(),
            joiner: packet.sender.clone(),
            keys,
            code: Zeroizing::new(code.to_owned()),
        }));
        Ok(())
    }

    /// Gives the answer of the data rooms to a code: in an invite room. Refusals are told later, and
    /// [`Redeemed::NotMine`] not at all.
    pub fn answer_invite(&mut self, ask: &InviteAsk, answer: Redeemed, now: Now) {
        match answer {
            Redeemed::NotMine => {}
            Redeemed::Refused => {
                let refusal = Refusal { request: ask.request.clone(), joiner: ask.joiner.clone() };
                self.lobby.refusals.refuse(now, refusal);
            }
            Redeemed::Granted { data_room, host } => {
                let told = Control::InviteHost {
                    room: data_room.clone(),
                    sign: host.sign,
                    exchange: host.exchange,
                };
                self.send_control(&ask.joiner, &ask.request, &told, now);
                let packet = self.packet(Kind::InviteAck, &ask.request);
                self.send_to(&ask.joiner, packet, data_room.as_bytes(), now);
            }
        }
        self.settle(now);
    }

    /// A host tells its keys in the data room, sealed for this participant alone.
    pub(super) fn host_told(&mut self, by: &PeerId, (room, keys): (String, PublicKeys)) -> Step {
        let is_wanted = self.kind == RoomKind::Invite && self.lobby.joiner.is_some();
        if !is_wanted || !keys.are_usable() || self.lobby.told.len() >= HOSTS_MAX {
            return Err(Why::Unasked.into());
        }
        self.lobby.told.insert(by.clone(), (room, keys));
        Ok(())
    }

    /// A host lets this participant in.
    pub(super) fn let_in(&mut self, packet: &Packet, payload: &[u8]) -> Step {
        let room = std::str::from_utf8(payload).map_err(|_| Why::BadPayload)?;
        let joiner = self.lobby.joiner.as_mut().ok_or(Why::Unasked)?;
        let outcome = joiner.accepted(&packet.sender, &packet.request, room);
        if outcome.is_none() {
            return Err(Why::Unasked.into());
        }
        self.end_joining(outcome);
        Ok(())
    }

    /// A host refuses a code.
    pub(super) fn refused(&mut self, packet: &Packet, payload: &[u8], now: Now) -> Step {
        let message = String::from_utf8_lossy(payload);
        let joiner = self.lobby.joiner.as_mut().ok_or(Why::Unasked)?;
        joiner.refused(&packet.sender, &packet.request, &message, now);
        Ok(())
    }
}
