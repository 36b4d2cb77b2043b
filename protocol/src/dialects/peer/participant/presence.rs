//! The transport: up, down, who comes and who goes.

use super::{Participant, Welcome};
use crate::dialects::peer::{
    id::{PeerId, RequestId},
    kind::RoomKind,
    now::Now,
    store::Store,
};

/// Bytes of a frame below which no server's word is taken: a piece must fit.
const FRAME_BYTES_MIN: usize = 4 << 10;

impl<S: Store> Participant<S> {
    /// The transport is up: who is in the room.
    pub fn connected(&mut self, welcome: Welcome, now: Now) {
        if self.is_connected {
            self.disconnected(now);
        }
        self.is_connected = true;
        (self.is_synced, self.is_disowned, self.was_host_asked) = (false, false, false);
        let most = self.settings.limits.frame_bytes_max;
        let told = welcome.frame_bytes_max.unwrap_or(most);
        self.frame_bytes_max = told.clamp(FRAME_BYTES_MIN.min(most), most);
        self.time.connected(welcome.server_ms, now);
        if self.kind == RoomKind::Data {
            self.requester.connected(now);
            self.consistency.changed(now);
            self.live.want();
        }
        self.handshakes.announce(now.elapsed);
        self.shake_hands(now);
        for peer in &welcome.participants {
            self.enter(peer, now);
        }
        if self.people.has_strangers() {
            self.request_keys(None, now);
        }
        self.settle(now);
    }

    fn enter(&mut self, peer: &PeerId, now: Now) {
        if peer.canonical() == self.me.canonical() || !self.people.enter(peer) {
            return;
        }
        if let Some(pin) = self.pins.find(&peer.canonical()).copied() {
            self.prove_keys(Some(peer), now);
            self.reach(peer, pin.keys, now);
        } else {
            self.handshakes.seek(now.elapsed);
        }
    }

    /// The transport is down. What is written meanwhile is sent when it is up again.
    pub fn disconnected(&mut self, now: Now) {
        self.is_connected = false;
        self.people.clear();
        self.handshakes.clear();
        self.time.disconnected();
        self.requester.disconnected();
        self.election.clear();
        self.consistency.disconnected();
        self.answers.clear();
        self.group.disconnected();
        self.vault.disconnected();
        self.settle(now);
    }

    /// Somebody entered the room.
    pub fn joined(&mut self, peer: PeerId, now: Now) {
        if self.is_connected {
            self.enter(&peer, now);
            self.settle(now);
        }
    }

    /// Somebody left the room.
    pub fn left(&mut self, peer: &PeerId, now: Now) {
        self.people.leave(peer);
        self.handshakes.left(peer);
        self.time.left(peer);
        self.requester.left(peer, now);
        self.election.left(peer);
        self.consistency.left(peer);
        self.answers.retain(|answer| answer.to() != Some(peer));
        self.settle(now);
    }

    /// A packet of this request did not reach its target, who is not in the room.
    pub fn undeliverable(&mut self, request: &RequestId, target: &PeerId, now: Now) {
        let _ = request;
        self.left(target, now);
    }
}
