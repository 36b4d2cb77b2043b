//! How somebody comes into a room, or is kept out of it.

use std::sync::Arc;

use super::{Room, Shows, bans};
use crate::{
    dialect::{Audience, Collections, Member, UnixMillis, Unreadable, Violation},
    dialects::peer::{
        kind::RoomKind,
        relay::{
            close,
            command::Entering,
            control::{Control, FrameLimits, Left, Welcome},
            notice::Notice,
            rate::Rates,
        },
    },
};

impl Room {
    pub(super) fn enter(
        &mut self,
        from: Member,
        entering: Entering,
        now: UnixMillis,
        collections: &mut impl Collections,
        effects: &mut impl Shows,
    ) -> Result<(), Unreadable> {
        let is_banned = bans::is_banned(&entering.identity, now, collections)?;
        if let Some(violation) = self.objection(&entering, is_banned, now) {
            effects.dismiss(from, violation);
            return Ok(());
        }
        let Entering { identity, kind, since_seq } = entering;
        if self.people.is_empty() {
            effects.notify(Notice::Began);
        }
        if let Some(before) = self.people.named(identity.as_str()) {
            self.remove(before, Left::Replaced, close::REPLACED, effects);
        }
        if self.kind.replace(kind).is_none() {
            let most = self.settings.participants_max(kind);
            self.packet_rates = Rates::new(self.settings.packets(kind), most);
        }
        effects.say(Control::Join(identity.clone()).encode(), Audience::AllBut(Some(from)));
        let welcome = Welcome {
            room: self.name.to_string(),
            kind,
            me: identity.clone(),
            participants: self.people.iter().map(|(other, _)| other.clone()).collect(),
            server_time: now,
            last_seq: collections.durable_seq(),
            limits: self.frame_limits(kind),
        };
        effects.open(from, Control::Welcome(welcome).encode().into());
        if let Some(after) = since_seq {
            self.kept.trim(now, collections);
            let reader: Arc<str> = identity.as_str().into();
            effects.replay(from, after.min(collections.last_seq()), &reader);
        }
        effects.notify(Notice::Joined(identity.clone()));
        self.people.insert(from, identity, now);
        Ok(())
    }

    /// Why somebody may not come in, if it may not.
    fn objection(
        &mut self,
        entering: &Entering,
        is_banned: bool,
        now: UnixMillis,
    ) -> Option<Violation> {
        let Entering { identity, kind, .. } = entering;
        if is_banned {
            return Some(close::BANNED);
        }
        if self.kind.is_some_and(|live| live != *kind) {
            return Some(close::WRONG_KIND);
        }
        if !self.enter_rates.take(identity, now) {
            return Some(close::TOO_OFTEN);
        }
        let others =
            self.people.len() - usize::from(self.people.named(identity.as_str()).is_some());
        (others >= self.settings.participants_max(*kind)).then_some(close::FULL)
    }

    fn frame_limits(&self, kind: RoomKind) -> FrameLimits {
        FrameLimits {
            frame_bytes_max: self.settings.frame_bytes_max(kind),
            queue_bytes_max: self.settings.queue_bytes_max,
            queue_frames_max: self.settings.queue_frames_max,
        }
    }
}
