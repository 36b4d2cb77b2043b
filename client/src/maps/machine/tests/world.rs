//! Devices, one coordinator and a bad network between them, in virtual time and from one seed.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{
        Record, Settings,
        memory::{Coordinator, Delays, Out, Sent},
    },
};

use super::{Envelope, Machine, Memory, Now, Payload, Rules, WALL, decode, encode};
use crate::maps::{machine::time::Chance, replica::Replica};

/// What the network does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Network {
    /// A message is under way for up to so many milliseconds.
    pub(super) delay_ms_max: u64,
    /// Of a thousand messages, so many are lost, without anybody being told.
    pub(super) lost: u64,
}

/// Something under way.
enum Parcel {
    Up(u64, Bytes),
    Down(u64, Sent),
}

/// One device.
pub(super) struct Device {
    pub(super) machine: Machine,
    pub(super) replica: Memory,
    pub(super) session: Option<u64>,
    /// It does not connect before.
    pub(super) away_until: u64,
    /// How far its clock is off, in milliseconds.
    pub(super) clock_off: i64,
    rules: Rules,
}

/// The whole of it.
pub(super) struct World {
    /// Milliseconds since it began.
    pub(super) now: u64,
    pub(super) network: Network,
    pub(super) coordinator: Coordinator,
    pub(super) devices: Vec<Device>,
    chance: Chance,
    parcels: BTreeMap<(u64, u64), Parcel>,
    parcel: u64,
    /// When the last parcel of a session arrives, each way: they do not overtake each other.
    last: BTreeMap<(u64, bool), u64>,
    /// Bytes that were sent, up and down.
    pub(super) bytes: [usize; 2],
    /// What the server says that it can do is cut down to this.
    pub(super) offers: &'static [&'static str],
    /// What the server heard.
    pub(super) heard: Vec<Payload>,
}

impl World {
    pub(super) fn new(seed: u64, settings: Settings, delays: Delays) -> Self {
        let coordinator = Coordinator::new(settings, delays);
        coordinator.tokens().allow("token", "anna", UnixMillis(u64::MAX));
        Self {
            now: 0,
            network: Network::default(),
            coordinator,
            devices: Vec::new(),
            chance: Chance::new(seed),
            parcels: BTreeMap::new(),
            parcel: 0,
            last: BTreeMap::new(),
            bytes: [0; 2],
            offers: &["cursor", "negentropy1"],
            heard: Vec::new(),
        }
    }

    /// A number below this one.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        u64::from(self.chance.next()) % bound.max(1)
    }

    pub(super) fn join(&mut self, replica: Memory, rules: Rules) -> usize {
        let machine = Machine::new(rules.clone(), self.below(u64::MAX));
        let (session, away_until, clock_off) = (None, self.now, 0);
        self.devices.push(Device { machine, replica, session, away_until, clock_off, rules });
        self.devices.len() - 1
    }

    pub(super) fn wall(&self) -> UnixMillis {
        UnixMillis(WALL + self.now)
    }

    fn moment(&self, device: usize) -> Now {
        let wall = (WALL + self.now).saturating_add_signed(self.devices[device].clock_off);
        Now { at: Duration::from_millis(self.now), wall: UnixMillis(wall) }
    }

    /// A write on a device: the record that it makes.
    pub(super) fn write(&mut self, at: usize, map: &str, key: &str, value: Option<&str>) -> Record {
        let now = self.moment(at);
        let device = &mut self.devices[at];
        device.replica.write(map, key, value, now.wall.0);
        let bytes = key.len() + value.map_or(0, str::len);
        device.machine.wrote(&map.into(), 1, bytes, now);
        let record = device.replica.get(map, key).unwrap().clone();
        self.poll(at);
        record
    }

    /// A device's connection breaks, and it stays away for a while.
    pub(super) fn cut(&mut self, at: usize, away_ms: u64) {
        let device = &mut self.devices[at];
        device.away_until = self.now + away_ms;
        let Some(session) = device.session.take() else { return };
        device.machine.disconnected(&mut device.replica);
        self.coordinator.disconnect(session);
    }

    /// A device is killed and started again.
    pub(super) fn kill(&mut self, at: usize, away_ms: u64) {
        self.cut(at, away_ms);
        let seed = self.below(u64::MAX);
        let device = &mut self.devices[at];
        device.replica.restart();
        device.machine = Machine::new(device.rules.clone(), seed);
    }

    /// The coordinator stops and starts, with or without losing power.
    pub(super) fn restart(&mut self, power_cut: bool) {
        if power_cut {
            self.coordinator.power_cut();
        } else {
            self.coordinator.restart();
        }
        for at in 0..self.devices.len() {
            let away = self.below(1000);
            self.cut(at, away);
        }
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(next) = self.next(end) {
            self.now = next.max(self.now);
            self.step();
        }
        self.now = end;
        self.step();
    }

    /// Lets time pass until something holds, or so many milliseconds are over.
    pub(super) fn run_until(&mut self, ms: u64, holds: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + ms;
        while !holds(self) {
            let Some(next) = self.next(end) else { return false };
            self.now = next.max(self.now);
            self.step();
        }
        true
    }

    /// When something happens next.
    fn next(&self, end: u64) -> Option<u64> {
        let parcel = self.parcels.keys().next().map(|(at, _)| *at);
        let server = self.coordinator.next_due().map(|due| due.0 - WALL);
        let devices = self.devices.iter().filter_map(|device| match device.session {
            Some(_) => {
                let wake = device.machine.wake_at()?.as_micros().div_ceil(1000);
                Some(u64::try_from(wake).unwrap().max(self.now + 1))
            }
            None => Some(device.away_until),
        });
        devices.chain(parcel).chain(server).min().filter(|at| *at <= end)
    }

    fn step(&mut self) {
        let out = self.coordinator.tick(self.wall());
        self.deliver(out);
        while let Some(first) = self.parcels.first_entry().filter(|first| first.key().0 <= self.now)
        {
            match first.remove() {
                Parcel::Up(session, message) => {
                    self.heard.extend(read(&message).payload);
                    let out = self.coordinator.receive(session, message, self.wall());
                    self.deliver(out);
                }
                Parcel::Down(session, sent) => self.arrive(session, sent),
            }
        }
        for at in 0..self.devices.len() {
            self.connect(at);
            self.poll(at);
        }
    }

    fn connect(&mut self, at: usize) {
        if self.devices[at].session.is_some() || self.devices[at].away_until > self.now {
            return;
        }
        let (wall, now) = (self.wall(), self.moment(at));
        let session = self.coordinator.connect(wall);
        let device = &mut self.devices[at];
        device.session = Some(session);
        device.machine.connected(&mut device.replica, "token", now);
    }

    fn poll(&mut self, at: usize) {
        let now = self.moment(at);
        while let Some(session) = self.devices[at].session {
            let device = &mut self.devices[at];
            match device.machine.poll(&mut device.replica, now) {
                Ok(Some(message)) => {
                    self.bytes[0] += message.len();
                    self.send(session, true, Parcel::Up(session, message));
                }
                Ok(None) => return,
                Err(_) => self.cut_after_error(at),
            }
        }
    }

    fn arrive(&mut self, session: u64, sent: Sent) {
        let found = self.devices.iter().position(|device| device.session == Some(session));
        let Some(at) = found else { return };
        let now = self.moment(at);
        let device = &mut self.devices[at];
        let taken = match sent {
            Sent::Message(message) => {
                let mut envelope = read(&message);
                if let Some(Payload::AuthResp(response)) = &mut envelope.payload {
                    response.capabilities.retain(|name| self.offers.contains(&&**name));
                }
                let message = encode(&envelope);
                device.machine.receive(&mut device.replica, message, now)
            }
            Sent::Close(_) => return self.cut_after_error(at),
        };
        if let Err(error) = taken {
            assert!(!matches!(error, super::Ended::Violation(_)), "{error}");
            self.cut_after_error(at);
        }
    }

    fn cut_after_error(&mut self, at: usize) {
        let away = self.below(1000);
        self.cut(at, away);
    }

    fn deliver(&mut self, out: Vec<Out>) {
        for Out { to, what, .. } in out {
            if let Sent::Message(message) = &what {
                self.bytes[1] += message.len();
            }
            self.send(to, false, Parcel::Down(to, what));
        }
    }

    fn send(&mut self, session: u64, up: bool, parcel: Parcel) {
        let lost = self.below(1000) < self.network.lost;
        if lost && !matches!(parcel, Parcel::Down(_, Sent::Close(_))) {
            return;
        }
        let delay = self.below(self.network.delay_ms_max + 1);
        let last = self.last.entry((session, up)).or_default();
        let at = (self.now + delay).max(*last);
        *last = at;
        self.parcel += 1;
        self.parcels.insert((at, self.parcel), parcel);
    }

    /// Whether every device has this map proved equal and nothing waits.
    pub(super) fn is_settled(&self, maps: &[&str]) -> bool {
        self.devices.iter().all(|device| {
            device.replica.pending_len() == 0
                && maps
                    .iter()
                    .all(|map| device.machine.is_equal(map) && device.replica.unanswered(map) == 0)
        })
    }
}

fn read(message: &Bytes) -> Envelope {
    decode(message.clone(), &Rules::default().message).unwrap()
}
