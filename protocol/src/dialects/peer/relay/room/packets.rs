//! What happens to a packet: it is refused, or passed on and, when it carries data, stored.

use super::{Room, Shows};
use crate::{
    dialect::{Audience, Collections, Framing, Member, UnixMillis},
    dialects::peer::relay::{
        close,
        command::Packet,
        control::{self, Code, Left},
        scan::Route,
        stored::STORED_KIND,
    },
};

impl Room {
    /// What is sent by somebody who is not in the room, or no longer, is nobody's.
    pub(super) fn packet(
        &mut self,
        from: Member,
        packet: &Packet,
        now: UnixMillis,
        collections: &mut impl Collections,
        effects: &mut impl Shows,
    ) {
        let Some(kind) = self.kind else { return };
        if !self.is_in_time(from, packet, now, effects) {
            return;
        }
        if !kind.allows(packet.kind) {
            return complain(from, packet, Code::TypeNotAllowed, effects);
        }
        if packet.is_for_all {
            effects.relay(Framing::Binary, &packet.frame, Audience::AllBut(Some(from)));
        } else if !self.pass_on(from, packet, effects) {
            return;
        }
        // No lobby allows such a packet.
        if packet.kind == STORED_KIND && self.settings.store {
            self.kept.keep(&packet.frame, now, collections);
        }
    }

    /// A frame that is no packet has come.
    pub(super) fn malformed(&mut self, from: Member, effects: &mut impl Shows) {
        if self.people.find(from).is_some() {
            effects.say(control::error(Code::Malformed, None), Audience::One(from));
            self.remove(from, Left::Closed, close::MALFORMED, effects);
        }
    }

    /// Whether the sender is here and does not send too often. Refused packets count against nobody, but
    /// who goes on is closed.
    fn is_in_time(
        &mut self,
        from: Member,
        packet: &Packet,
        now: UnixMillis,
        effects: &mut impl Shows,
    ) -> bool {
        let Some(person) = self.people.find(from) else { return false };
        if self.packet_rates.take(&person.identity, now) {
            person.refused = 0;
            return true;
        }
        person.refused += 1;
        let goes_on = person.refused > self.settings.refused_max;
        complain(from, packet, Code::Rate, effects);
        if goes_on {
            self.remove(from, Left::Closed, close::TOO_OFTEN, effects);
        }
        false
    }

    /// Brings a packet to the one it is for. What is for an absent one may still be stored; what is for
    /// its sender is nothing: false.
    fn pass_on(&mut self, from: Member, packet: &Packet, effects: &mut impl Shows) -> bool {
        let Ok(Route { request_id, target_id, .. }) = Route::scan(&packet.frame) else {
            return false;
        };
        match self.people.named(target_id) {
            Some(to) if to != from => {
                effects.relay(Framing::Binary, &packet.frame, Audience::One(to));
                true
            }
            here => {
                let message = control::undeliverable(request_id, target_id);
                effects.say(message, Audience::One(from));
                here.is_none()
            }
        }
    }
}

fn complain(from: Member, packet: &Packet, code: Code, effects: &mut impl Shows) {
    let route = Route::scan(&packet.frame).unwrap_or_default();
    effects.say(control::error(code, Some(route.request_id)), Audience::One(from));
}
