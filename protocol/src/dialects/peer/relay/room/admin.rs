//! What an operator does to a room.

use super::{Room, Shows, bans};
use crate::{
    dialect::{Collections, Member, Refused, UnixMillis, Unreadable},
    dialects::peer::{
        id::PeerId,
        relay::{
            close,
            command::{Answer, Description, Participant},
            control::Left,
            notice::Notice,
        },
    },
};

impl Room {
    pub(super) fn kick(
        &mut self,
        identity: &PeerId,
        ban_until: Option<UnixMillis>,
        now: UnixMillis,
        collections: &mut impl Collections,
        effects: &mut impl Shows,
    ) -> Result<Answer, Unreadable> {
        let ban_until = ban_until.filter(|&until| until > now);
        if let Some(until) = ban_until
            && !bans::ban(identity, until, now, self.settings.bans_max, collections)?
        {
            return Ok(Answer::Refused(Refused::RoomRecords));
        }
        let members = self.people.bearing(&identity.canonical());
        let violation = if ban_until.is_some() { close::BANNED } else { close::KICKED };
        for &member in &members {
            self.remove(member, Left::Kicked, violation, effects);
        }
        Ok(Answer::Kicked { connections: members.len() })
    }

    pub(super) fn close(&mut self, effects: &mut impl Shows) -> Answer {
        let members: Vec<Member> = self.people.iter().map(|(_, member)| member).collect();
        for &member in &members {
            if let Some(person) = self.people.remove(member) {
                effects.notify(Notice::Left(person.identity, Left::Kicked));
            }
            effects.dismiss(member, close::ROOM_CLOSED);
        }
        if !members.is_empty() {
            effects.notify(Notice::Ended);
        }
        self.kind = None;
        Answer::Closed { connections: members.len() }
    }

    pub(super) fn sweep(
        &mut self,
        now: UnixMillis,
        collections: &mut impl Collections,
    ) -> Result<Answer, Unreadable> {
        bans::lift(now, collections)?;
        let dropped = self.kept.trim(now, collections);
        Ok(Answer::Swept { dropped, kept: collections.log_records() })
    }

    pub(super) fn describe(
        &self,
        now: UnixMillis,
        collections: &impl Collections,
    ) -> Result<Answer, Unreadable> {
        let mut bans = bans::all(collections)?;
        bans.retain(|ban| ban.until > now);
        let participant = |(identity, member): (&PeerId, Member)| Participant {
            identity: identity.clone(),
            since: self.people.since(member),
        };
        Ok(Answer::Described(Description {
            kind: self.kind,
            participants: self.people.iter().map(participant).collect(),
            bans,
            packets: collections.log_records(),
            packet_bytes: collections.log_bytes(),
            last_seq: collections.last_seq(),
            durable_seq: collections.durable_seq(),
        }))
    }
}
