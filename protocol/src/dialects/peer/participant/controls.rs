//! What a `UNICAST_REQ` or a `UNICAST_ACK` says, and what is done.

use super::{
    Event, Participant, Why,
    halt::Step,
    ladder::{Opened, Rung},
};
use crate::dialects::peer::{
    access::Permission,
    keys::{Pin, PublicKeys},
    now::Now,
    packet::{Kind, Packet},
    store::Store,
    sync::{Ack, Control},
};

/// What who is no member is told when it asks for rows.
const NOT_MEMBER: &str = "not_member";

impl<S: Store> Participant<S> {
    /// Somebody who is no member asks for rows: who manages members says so, that it need not wait.
    pub(super) fn disown(&mut self, packet: &Packet, now: Now) {
        let manages = self.access.allows(&self.me.canonical(), Permission::ManageRoles);
        if manages && self.group.disowned.may(&packet.sender, now) {
            let ack = Ack { ok: false, code: Some(NOT_MEMBER.into()) };
            let answer = self.packet(Kind::UnicastAck, &packet.request);
            self.send_to(&packet.sender, answer, &ack.encode(), now);
        }
    }

    /// An answer to a request came, verified and opened.
    pub(super) fn acked(&mut self, packet: &Packet, opened: &Opened) -> Step {
        let ack = Ack::parse(&opened.plaintext).map_err(|_| Why::BadPayload)?;
        let by = packet.sender.canonical();
        let is_disowned = !ack.ok && ack.code.as_deref() == Some(NOT_MEMBER);
        let counts = opened.rung == Rung::Pairwise
            && (self.access.allows(&by, Permission::ManageRoles) || self.is_awaited_host(&by));
        if is_disowned && counts && !std::mem::replace(&mut self.is_disowned, true) {
            self.tell(Event::Removed);
        }
        Ok(())
    }

    /// A control message came, verified and opened.
    pub(super) fn controlled(
        &mut self,
        packet: &Packet,
        pin: &Pin,
        opened: Opened,
        now: Now,
    ) -> Step {
        let control = Control::parse(&opened.plaintext).map_err(|_| Why::BadPayload)?;
        let by = &packet.sender;
        if packet.is_version_1() {
            return self.controlled_in_version_1(by, control, opened.rung, now);
        }
        match control {
            Control::SyncPing { t0 } => {
                let t1 = now.wall_ms();
                let pong = Control::SyncPong { t0, t1, t2: t1 };
                self.send_control(by, &packet.request, &pong, now);
                Ok(())
            }
            Control::SyncPong { t0, t1, t2 } => match self.time.answered(by, (t0, t1, t2), now) {
                Some(_) => Ok(()),
                None => Err(Why::Unasked.into()),
            },
            Control::GskReq => self.key_asked(by, now),
            Control::GskShare { key, epoch, .. } => {
                if opened.rung != Rung::Pairwise {
                    return Err(Why::NotPairwise.into());
                }
                self.key_given(by, (&key, epoch), now)
            }
            Control::KeyRotate { sign, exchange, pop } => {
                // The one in force signed it: who has only the new one cannot.
                debug_assert!(packet.is_signed_by(&self.room, &pin.keys.sign));
                self.rotated(by, (PublicKeys { sign, exchange }, &pop), now)
            }
            Control::InviteHost { room, sign, exchange } => {
                if opened.rung != Rung::Pairwise {
                    return Err(Why::NotPairwise.into());
                }
                self.host_told(by, (room, PublicKeys { sign, exchange }))
            }
            Control::InviteClaim { request } => self.invite_claimed(&request, by, now),
            Control::KeyReq => self.vault_key_asked(by, now),
            Control::RoomKey { key } => {
                if opened.rung != Rung::Pairwise {
                    return Err(Why::NotPairwise.into());
                }
                self.vault_key_given(by, key)
            }
            Control::Unknown(_) => {
                if packet.target.is_some() {
                    let ack = Ack { ok: false, code: Some("unsupported".into()) };
                    let answer = self.packet(Kind::UnicastAck, &packet.request);
                    self.send_to(by, answer, &ack.encode(), now);
                }
                Err(Why::UnknownType.into())
            }
        }
    }
}
