//! A group under attack: Alice owns it, Bob and Carol are members, and so is Mallory, whose packets are
//! made by hand.

use bytes::Bytes;
use syncline_protocol::dialects::peer::{
    id::PeerId,
    keys::PublicKeys,
    packet::{Kind, Packet},
    participant::{Event, Why},
};

use crate::participants::{
    rogue::{Rogue, hlc, row},
    world::World,
};

pub(super) const ALICE: usize = 0;
pub(super) const BOB: usize = 1;
pub(super) const CAROL: usize = 2;

pub(super) struct Siege {
    pub(super) world: World,
    pub(super) mallory: Rogue,
    written: usize,
}

impl Siege {
    pub(super) fn new(seed: u64) -> Self {
        Self::of(World::new(seed), seed)
    }

    /// The same without a server that tells the time.
    pub(super) fn without_time(seed: u64) -> Self {
        let mut world = World::new(seed);
        world.tells_time = false;
        Self::of(world, seed)
    }

    fn of(mut world: World, seed: u64) -> Self {
        world.enter("alice");
        world.found_group(ALICE, &["bob", "carol", "mallory"]);
        world.enter_invited("bob", ALICE);
        world.enter_invited("carol", ALICE);
        world.run_secs(10);
        let mallory = Rogue::new("mallory", seed + 1);
        world.ghosts.push(mallory.id.clone());
        let mut siege = Self { world, mallory, written: 0 };
        let announcement = siege.mallory.announcement(&siege.world);
        siege.relay(&announcement);
        siege.world.run_secs(5);
        siege
    }

    /// Gives a packet to all that are there.
    pub(super) fn relay(&mut self, frame: &Bytes) {
        for at in self.all() {
            self.world.inject(at, frame.clone());
        }
    }

    pub(super) fn all(&self) -> Vec<usize> {
        (0..self.world.members.len()).filter(|at| self.world.members[*at].is_connected).collect()
    }

    pub(super) fn whom(&self, at: usize) -> (PeerId, PublicKeys) {
        (self.world.members[at].id.clone(), self.world.members[at].keys())
    }

    /// A packet of Mallory's, sealed for one.
    pub(super) fn sealed(&mut self, kind: Kind, to: usize, plaintext: &[u8]) -> Packet {
        let (id, keys) = self.whom(to);
        let packet = self.mallory.packet(kind, &self.world);
        self.mallory.seal_for(packet, (&id, &keys), plaintext)
    }

    /// Gives one a packet that Mallory sealed for it.
    pub(super) fn send(&mut self, kind: Kind, to: usize, plaintext: &[u8]) {
        let packet = self.sealed(kind, to, plaintext);
        let frame = self.mallory.sign(packet);
        self.world.inject(to, frame);
    }

    /// Gives all of them a packet that Mallory sealed for each.
    pub(super) fn send_all(&mut self, kind: Kind, plaintext: &[u8]) {
        for at in self.all() {
            self.send(kind, at, plaintext);
        }
    }

    /// Gives one a changeset of Mallory's.
    pub(super) fn change(&mut self, to: usize, json: &str) {
        let (id, keys) = self.whom(to);
        for frame in self.mallory.changes_for(&self.world, (&id, &keys), json) {
            self.world.inject(to, frame);
        }
    }

    /// A row as Mallory writes it, a while from now.
    pub(super) fn row(&self, id: &str, value: &str, ahead_s: i64) -> String {
        row(id, value, &hlc(&self.world, ahead_s, "m"))
    }

    pub(super) fn drops(&self, at: usize, why: Why) -> u64 {
        self.world.members[at].drops(why)
    }

    pub(super) fn saw(&self, at: usize, is: impl Fn(&Event) -> bool) -> usize {
        self.world.members[at].saw(is)
    }

    /// The group is as it was, all honest ones go on to write, and all have everything within two minutes.
    pub(super) fn holds(&mut self) {
        let all = self.all();
        self.written += 1;
        for at in &all {
            let id = format!("honest-{at}-{}", self.written);
            self.world.write(*at, "tasks", &id, Some("x"));
        }
        self.world.run_secs(120);
        self.world.assert_same();
        for at in &all {
            let member = &self.world.members[*at];
            for other in &all {
                let id = format!("honest-{other}-{}", self.written);
                assert_eq!(member.value("tasks", &id).as_deref(), Some("x"), "{id}");
            }
            assert!(member.value("group_settings", "g").unwrap().contains(r#""ownerId":"alice""#));
            assert!(member.value("roles", "member").unwrap().contains(r#""permissions":0"#));
            let waiting = member.waiting();
            assert!(waiting[0].0 <= 1024 && waiting[0].1 <= 4 << 20, "{waiting:?}");
            assert!(waiting[1].0 <= 1024 && waiting[1].1 <= 8 << 20, "{waiting:?}");
        }
    }
}
