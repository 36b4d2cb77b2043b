//! What happens in one world: which bad luck it has, and turn by turn what is done.
//! Knows chance; what is right is for the verdict.

use bytes::Bytes;
use syncline_protocol::dialects::maps::{Ack, Limits, Settings, memory::Delays};

use super::{
    super::local::Write,
    dice::Dice,
    verdict,
    world::{Network, WALL, World},
};

pub(super) const MAPS: &[&str] = &["todos", "notes", "a/b.c:d"];
const MINUTE: u64 = 60_000;

/// The kind of world that it is.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) devices: u64,
    pub(super) turns: u64,
    /// Of each map.
    pub(super) keys: u64,
    ack: Ack,
    lost: u64,
    delay_ms_max: u64,
    /// How long the server's disk takes.
    sync_ms_max: u64,
    limits: Limits,
    offers: &'static [&'static str],
    /// Of a hundred values so many have a life.
    ttl: u64,
    /// Clocks that are beyond what the server takes.
    wrong_clocks: bool,
    /// Devices with the name of another.
    clones: u64,
    /// Tombstones are forgotten while devices are away.
    absences: bool,
    /// The server restarts, in a thousand turns.
    restarts: u64,
}

impl Kind {
    /// One of all kinds.
    pub(super) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(!seed);
        let mut limits = Limits::default();
        if dice.below(3) > 0 {
            // Small pages and pushes make for many of them.
            limits.page_ops_max = dice.of(&[3, 7, 100]);
            limits.batch_ops_max = dice.of(&[2, 16, 100]);
            limits.queue_ops_max = dice.of(&[8, 64]);
            limits.in_flight_max = dice.of(&[1, 2, 8]);
            limits.page_bytes_max = dice.of(&[500, 4000, 1 << 20]);
        }
        if dice.below(6) == 0 {
            (limits.requests_per_second, limits.requests_burst) = (4, 8);
        }
        let absences = dice.below(3) == 0;
        if absences {
            limits.tombstone_retention_ms = 10 * MINUTE;
        }
        Self {
            devices: 8,
            turns: 250 + dice.below(250),
            keys: dice.of(&[4, 20, 100]),
            ack: dice.of(&[Ack::Durable, Ack::Memory]),
            lost: dice.of(&[0, 10, 100]),
            delay_ms_max: dice.of(&[0, 5, 50, 300]),
            sync_ms_max: dice.of(&[5, 20, 1000]),
            limits,
            offers: dice.of(&[&["cursor", "negentropy1"][..], &["cursor"], &["negentropy1"], &[]]),
            ttl: dice.of(&[0, 0, 10]),
            wrong_clocks: dice.below(3) == 0,
            clones: dice.of(&[0, 0, 0, 1, 2]),
            absences,
            restarts: dice.of(&[3, 10, 30]),
        }
    }

    /// Eight devices, 5,000 writes, a tenth of the frames lost, and one restart of the server.
    pub(super) fn large() -> Self {
        Self {
            turns: 7200,
            keys: 200,
            ack: Ack::Memory,
            lost: 100,
            delay_ms_max: 50,
            sync_ms_max: 20,
            limits: Limits { page_ops_max: 50, ..Limits::default() },
            offers: &["cursor", "negentropy1"],
            ttl: 0,
            wrong_clocks: false,
            clones: 0,
            absences: false,
            restarts: 0,
            ..Self::of(0)
        }
    }
}

/// A world in the course of its bad luck.
pub(super) struct Life {
    pub(super) world: World,
    pub(super) kind: Kind,
    written: u64,
}

impl Life {
    pub(super) fn new(seed: u64, kind: Kind) -> Self {
        let settings = Settings { ack: kind.ack, limits: kind.limits };
        let delays = Delays { seed, ask_ms_max: 3, sync_ms_max: kind.sync_ms_max };
        let mut world = World::new(seed, settings, delays, MAPS);
        world.offers = kind.offers;
        world.network = Network { delay_ms_max: kind.delay_ms_max, lost: kind.lost };
        for at in 0..kind.devices - kind.clones {
            world.join(&format!("device-{at}"));
        }
        let mut life = Self { world, kind, written: 0 };
        for at in 0..life.world.devices.len() {
            life.set_clock(at);
        }
        life
    }

    pub(super) fn turn(&mut self) {
        let devices = self.world.devices.len() as u64;
        let at = self.world.dice.below(devices) as usize;
        if self.world.dice.below(1000) < self.kind.restarts {
            self.hurry();
            let power_cut = self.world.dice.below(3) > 0;
            return self.world.restart(power_cut);
        }
        match self.world.dice.below(100) {
            0..70 => self.write(at),
            70..73 => {
                let away = self.world.dice.below(2000);
                self.world.cut(at, away);
            }
            73..76 => self.kill(at),
            76 => self.part(),
            77..79 => self.slow_down(at),
            79 => self.set_clock(at),
            80 => self.be_away(at),
            81 => self.copy(at),
            _ => self.pass(),
        }
    }

    fn pass(&mut self) {
        let ms = self.world.dice.of(&[1, 10, 100, 7000]);
        let ms = self.world.dice.below(ms);
        self.world.run(ms);
        verdict::judge_quiet(&self.world);
    }

    fn write(&mut self, at: usize) {
        let world = &mut self.world;
        let map = world.dice.of(MAPS);
        let key = format!("key {}", world.dice.below(self.kind.keys));
        self.written += 1;
        let value = Bytes::from(format!("{at}: {}", self.written));
        let write = match world.dice.below(100) {
            0..25 => Write::Remove,
            part if part < 25 + self.kind.ttl => {
                let ttl_ms = world.dice.of(&[1, 1000, 3 * MINUTE]);
                Write::Put { value, ttl_ms }
            }
            _ => Write::Put { value, ttl_ms: 0 },
        };
        let _ = world.devices[at].at(world.now, WALL + world.now);
        let position = world.devices[at].write(map, &key, write).position;
        let record = world.devices[at].record(map, &key).unwrap();
        world.ledger.wrote(at, map, record, position);
        world.react(at);
    }

    /// Much is on its way.
    fn hurry(&mut self) {
        for _ in 0..6 {
            let at = self.world.dice.below(self.world.devices.len() as u64) as usize;
            self.write(at);
            let ms = self.world.dice.below(30);
            self.world.run(ms);
        }
    }

    fn kill(&mut self, at: usize) {
        if self.world.dice.below(3) == 0 {
            self.hurry();
        }
        let power_cut = self.world.dice.below(2) == 0;
        let away = self.world.dice.below(5000);
        self.world.kill(at, power_cut, away);
        verdict::judge_cursors(&self.world, at);
    }

    /// Some devices are cut off for a while.
    fn part(&mut self) {
        let away = self.world.dice.below(60_000);
        let group = self.world.dice.roll();
        for at in (0..self.world.devices.len()).filter(|at| group >> at & 1 == 1) {
            self.world.partition(at, away);
        }
    }

    /// A device takes nothing for a while.
    fn slow_down(&mut self, at: usize) {
        let slow = self.world.dice.below(3) > 0;
        self.world.slow(at, slow);
    }

    /// Clocks are off, and jump.
    fn set_clock(&mut self, at: usize) {
        let dice = &mut self.world.dice;
        let mut off = dice.below(40_000) as i64 - 20_000;
        if self.kind.wrong_clocks && dice.below(2) == 0 {
            off = dice.of(&[900_000, 100_000, -900_000, -100_000]);
        }
        self.world.devices[at].clock_off = off;
    }

    /// A device is away for longer than removals are remembered.
    fn be_away(&mut self, at: usize) {
        if self.kind.absences {
            // Who takes nothing for as long is told of nothing before the next change.
            self.world.speed_up();
            self.world.cut(at, 25 * MINUTE);
            self.world.run(7 * MINUTE);
        }
    }

    fn copy(&mut self, at: usize) {
        let is_right = self.world.devices[at].clock_off.abs() <= 20_000;
        if is_right && (self.world.devices.len() as u64) < self.kind.devices {
            self.world.clone_device(at);
        }
    }

    /// The bad luck ends, and time passes until all are equal, and a while longer.
    pub(super) fn heal(&mut self) {
        self.world.network = Network { delay_ms_max: 5, lost: 0 };
        self.world.speed_up();
        let _ = self.world.run_until(MINUTE, World::is_settled);
        verdict::judge_quiet(&self.world);
        self.world.run(5 * MINUTE);
        let settled = self.world.run_until(120 * MINUTE, World::is_settled);
        let status: Vec<_> = self.world.devices.iter().map(|d| d.status().to_string()).collect();
        assert!(settled, "not equal after two hours: {status:?}");
        let fresh = self.world.join("fresh");
        assert!(self.world.run_until(20 * MINUTE, World::is_settled), "device {fresh} not equal");
        // Lives end, and what was said last comes to the disks.
        self.world.run(4 * MINUTE);
        self.world.run_until(MINUTE, World::is_quiet);
        assert!(self.world.is_settled());
    }
}
