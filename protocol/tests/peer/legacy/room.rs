//! A world with an original client in it, to which its packets are carried.

use std::ops::{Deref, DerefMut};

use bytes::Bytes;
use prost::Message as _;
use syncline_protocol::dialects::peer::{
    id::PeerId,
    keys::PublicKeys,
    participant::{HostPin, MinVersion},
};

use super::{client::Old, wire::Wire};
use crate::participants::world::{START_MS, World};

/// A world, and how much of it the original client has heard.
pub(crate) struct Room {
    world: World,
    heard: usize,
}

impl Deref for Room {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Room {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Room {
    pub(crate) fn new(seed: u64) -> Self {
        Self { world: World::new(seed), heard: 0 }
    }

    /// One of ours that takes version 1. The first one is the room's host, unless one is expected.
    pub(crate) fn enter_old(&mut self, name: &str, host: Option<&str>) -> usize {
        let mut opening = self.world.opening(name);
        opening.settings.min_version = MinVersion::V1;
        opening.is_host = self.members.is_empty() && host.is_none();
        opening.expected_host =
            host.map(|host| HostPin { peer: PeerId::new(host).unwrap(), keys: None });
        let at = self.add(opening);
        self.connect(at);
        at
    }

    /// The original client comes: the room tells of it, and it says who it is.
    pub(crate) fn join(&mut self, old: &mut Old) {
        let id = PeerId::new(&old.id).unwrap();
        self.ghosts.push(id.clone());
        self.heard = self.sent.len();
        for at in 0..self.members.len() {
            let now = self.now(at);
            self.members[at].joined(id.clone(), now);
        }
        self.flush();
        old.ms = self.ms();
        old.join();
        self.carry(old);
    }

    /// The keys that one of ours knows of somebody, and the version.
    pub(crate) fn pin(&self, at: usize, name: &str) -> Option<(PublicKeys, u32)> {
        let peer = PeerId::new(name).unwrap();
        let version = self.members[at].version_of(&peer)?;
        Some((self.members[at].keys_of(&peer)?, version))
    }

    pub(crate) fn ms(&self) -> i64 {
        START_MS + i64::try_from(self.elapsed.as_millis()).unwrap()
    }

    /// Carries everything to and from the original client.
    pub(crate) fn carry(&mut self, old: &mut Old) {
        old.ms = self.ms();
        loop {
            let said = std::mem::take(&mut old.out);
            for packet in &said {
                self.give(packet);
            }
            let heard: Vec<Bytes> = self.sent[self.heard..]
                .iter()
                .filter(|sent| {
                    sent.packet.target.as_ref().is_none_or(|target| target.as_str() == old.id)
                })
                .map(|sent| sent.frame.clone())
                .collect();
            self.heard = self.sent.len();
            if said.is_empty() && heard.is_empty() {
                return;
            }
            for frame in heard {
                old.received(&Wire::decode(frame).unwrap());
            }
        }
    }

    /// Gives a packet to those whom it is for.
    pub(crate) fn give(&mut self, packet: &Wire) {
        let frame = Bytes::from(packet.encode_to_vec());
        for at in 0..self.members.len() {
            let is_for = packet.target.is_empty() || packet.target == self.members[at].id.as_str();
            if is_for && self.members[at].is_connected {
                self.inject(at, frame.clone());
            }
        }
    }

    /// Lets time pass with the original client in it.
    pub(crate) fn live(&mut self, old: &mut Old, seconds: u64) {
        for _ in 0..seconds * 20 {
            self.run_ms(50);
            self.carry(old);
        }
    }
}
