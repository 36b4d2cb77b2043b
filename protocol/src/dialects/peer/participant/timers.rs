//! What is due without anything coming in.

use std::time::Duration;

use super::{Participant, Why, halt::Step};
use crate::dialects::peer::{
    id::PeerId,
    kind::RoomKind,
    now::{Now, earlier},
    store::Store,
    sync::Control,
};

const DAY_MICROS: i64 = 86_400_000_000;
/// Between two looks for old deletions, at most.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

impl<S: Store> Participant<S> {
    /// Does what is due at this moment.
    pub fn due(&mut self, now: Now) {
        if self.failed.is_some() {
            return;
        }
        self.time.look(now);
        for (count, why) in [
            (self.unknown.expire(now.elapsed), Why::UnknownSender),
            (self.sealed.expire(now.elapsed), Why::NoGroupKey),
            (self.reassembly.expire(now), Why::Incomplete),
        ] {
            (0..count).for_each(|_| self.dropped(why));
        }
        if self.is_connected {
            self.shake_hands(now);
            self.hold_elections(now);
            self.ask_for_rows(now);
            self.compare(now);
            self.ping(now);
            self.renew_key(now);
        }
        self.sweep(now);
        self.due_lobby(now);
        let step = self.due_host(now);
        self.end(step);
        self.settle(now);
    }

    /// When [`due`](Self::due) has something to do, in [`Now::elapsed`]; `None` while there is nothing.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if self.failed.is_some() {
            return None;
        }
        let always = [
            self.unknown.deadline(),
            self.sealed.deadline(),
            self.reassembly.deadline(),
            Some(self.sweep_at),
        ];
        let connected = [
            self.handshakes.deadline(),
            self.election.deadline(),
            self.requester.deadline(),
            self.consistency.deadline(),
            self.time.deadline(),
            self.group.deadline(),
            self.vault_deadline(),
            self.answers_deadline(),
            self.lobby_deadline(),
            self.host.deadline(),
        ];
        let connected = connected.into_iter().filter(|_| self.is_connected);
        always.into_iter().chain(connected).fold(None, earlier)
    }

    /// Takes old deletions out of what is compared, and forgets those that all know who were seen of late.
    fn sweep(&mut self, now: Now) {
        if now.elapsed < self.sweep_at {
            return;
        }
        let adjusted = self.time.adjusted(now);
        // All do it as a day of UTC begins, or else they would differ for up to an hour.
        let of_day = adjusted.wall_micros.rem_euclid(DAY_MICROS);
        let left = Duration::from_micros((DAY_MICROS - of_day).unsigned_abs());
        self.sweep_at = now.elapsed + left.min(SWEEP_EVERY);
        let swept = self
            .replica
            .floor(&mut self.store, adjusted)
            .and_then(|floor| self.replica.sweep(&mut self.store, floor.as_ref(), adjusted));
        if let Err(failed) = swept {
            self.failed = Some(failed);
        }
    }

    pub(super) fn shake_hands(&mut self, now: Now) {
        for shake in self.handshakes.due(now.elapsed) {
            self.shake(&shake, now);
        }
        self.seek_keys(now);
    }

    fn ping(&mut self, now: Now) {
        // In a lobby each word counts, and the server has told the time; the original clients tell the time since
        // they were started.
        let is_asked = |peer: &PeerId| self.kind == RoomKind::Data && !self.is_old(peer);
        let asked = self.people.reachable().filter(|(peer, _)| is_asked(peer));
        let reachable: Vec<PeerId> = asked.map(|(peer, _)| peer.clone()).collect();
        for (peer, t0) in self.time.due(reachable.iter(), now) {
            let request = self.new_request();
            self.send_control(&peer, &request, &Control::SyncPing { t0 }, now);
        }
    }

    /// What can be done at once after anything was done.
    pub(super) fn settle(&mut self, now: Now) {
        if self.failed.is_none() {
            let step = self.settle_all(now);
            self.end(step);
        }
    }

    fn settle_all(&mut self, now: Now) -> Step {
        if !self.is_connected {
            return Ok(());
        }
        self.make_first_key(now)?;
        self.make_vault_key()?;
        self.rotate_if_due(now)?;
        self.ask_for_key(now);
        self.ask_for_vault_key(now);
        self.publish(now)?;
        self.continue_answers(now)
    }
}
