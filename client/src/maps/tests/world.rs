//! Devices, one coordinator and a bad network between them, in virtual time and from one seed.
//!
//! A frame is lost only with its connection, as on a WebSocket; what is under way when a connection
//! breaks may still arrive. Knows who speaks to whom; not what is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use bytes::Bytes;
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{
        Limits, Settings,
        memory::{Coordinator, Delays, Out, Sent},
        proto::{Envelope, envelope::Payload},
        wire,
    },
};

use super::{super::machine::Ended, device::Device, dice::Dice, ledger::Ledger};

/// When it all begins.
pub(super) const WALL: u64 = 1_700_000_000_000;
/// How far ahead of the server's clock a timestamp may be.
const DRIFT_MS: u64 = 60_000;
/// A device that lost its connection tries again within this time.
const RETRY_MS: u64 = 1000;

/// What the network does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Network {
    /// A frame is under way for up to so many milliseconds.
    pub(super) delay_ms_max: u64,
    /// With so many frames of a thousand the connection breaks.
    pub(super) lost: u64,
}

/// Something under way.
enum Parcel {
    Up(u64, Bytes),
    Down(u64, Sent),
    /// A frame that does not arrive: the connection breaks.
    Lost(u64),
    /// The server hears that a connection is gone.
    Gone(u64),
}

/// The whole of it.
pub(super) struct World {
    /// Milliseconds since it began.
    pub(super) now: u64,
    pub(super) network: Network,
    pub(super) coordinator: Coordinator,
    pub(super) devices: Vec<Device>,
    pub(super) ledger: Ledger,
    pub(super) dice: Dice,
    /// What the server says that it can do is cut down to this.
    pub(super) offers: &'static [&'static str],
    maps: &'static [&'static str],
    parcels: BTreeMap<(u64, u64), Parcel>,
    parcel: u64,
    /// When the last parcel of a session arrives, each way: they do not overtake each other.
    last: BTreeMap<(u64, bool), u64>,
    /// Sessions between which and their devices nothing passes any more.
    cut_off: BTreeSet<u64>,
    trace: DefaultHasher,
    /// Frames so far.
    pub(super) frames: u64,
}

impl World {
    pub(super) fn new(
        seed: u64,
        settings: Settings,
        delays: Delays,
        maps: &'static [&'static str],
    ) -> Self {
        let coordinator = Coordinator::new(settings, delays);
        coordinator.tokens().allow("token", "anna", UnixMillis(u64::MAX));
        Self {
            now: 0,
            network: Network::default(),
            coordinator,
            devices: Vec::new(),
            ledger: Ledger::default(),
            dice: Dice::new(seed),
            offers: &["cursor", "negentropy1"],
            maps,
            parcels: BTreeMap::new(),
            parcel: 0,
            last: BTreeMap::new(),
            cut_off: BTreeSet::new(),
            trace: DefaultHasher::new(),
            frames: 0,
        }
    }

    pub(super) fn join(&mut self, node: &str) -> usize {
        let device = Device::new(node, self.maps, WALL + self.now, self.dice.roll());
        self.devices.push(device);
        self.devices.len() - 1
    }

    /// A device's disk is copied to another device, which goes on under the same name.
    pub(super) fn clone_device(&mut self, at: usize) {
        let (wall, seed) = (WALL + self.now, self.dice.roll());
        let mut clone = self.devices[at].cloned(wall, seed);
        clone.away_until = self.now;
        self.ledger.cloned(&clone.node);
        self.devices.push(clone);
    }

    pub(super) fn wall(&self) -> UnixMillis {
        UnixMillis(WALL + self.now)
    }

    /// What all that was sent comes to: the same for the same seed.
    pub(super) fn trace(&self) -> u64 {
        self.trace.finish()
    }

    /// Something was written on a device, which comes to its disk a little later.
    pub(super) fn wrote(&mut self, at: usize) {
        if self.devices[at].is_unsynced() && self.devices[at].sync_at.is_none() {
            let delay = self.dice.of(&[0, 1, 5, 30, 300]);
            self.devices[at].sync_at = Some(self.now + delay);
        }
    }

    // What goes wrong.

    /// A device's connection breaks, and it stays away for a while.
    pub(super) fn cut(&mut self, at: usize, away_ms: u64) {
        let device = &mut self.devices[at];
        device.away_until = device.away_until.max(self.now + away_ms);
        let Some(session) = device.session else { return };
        device.disconnected();
        // What it sent last may still arrive, and the server hears of it later.
        if self.dice.below(2) == 0 {
            self.cut_off.insert(session);
        }
        let later = self.dice.of(&[0, 10, 500, 20_000]);
        let gone_at = self.now + self.dice.below(later + 1);
        self.put(gone_at, Parcel::Gone(session));
        self.react(at);
    }

    /// A device is killed or loses power, and starts again.
    pub(super) fn kill(&mut self, at: usize, power_cut: bool, away_ms: u64) {
        self.cut(at, away_ms);
        let seed = self.dice.roll();
        let found = self.devices[at].die(power_cut, seed);
        self.ledger.died(at, found);
    }

    /// Nothing passes between a device and the server any more; both find out later.
    pub(super) fn partition(&mut self, at: usize, away_ms: u64) {
        self.devices[at].away_until = self.now + away_ms;
        if let Some(session) = self.devices[at].session {
            self.cut_off.insert(session);
            let found_out = self.now + self.dice.below(40_000);
            self.put(found_out, Parcel::Lost(session));
        }
    }

    /// The server stops and starts, with or without losing power.
    pub(super) fn restart(&mut self, power_cut: bool) {
        if power_cut {
            self.coordinator.power_cut();
            self.ledger.check_durable(&self.coordinator);
            super::verdict::judge_kept(self);
        } else {
            self.coordinator.restart();
        }
        for at in 0..self.devices.len() {
            let away = self.dice.below(RETRY_MS);
            self.cut(at, away);
        }
    }

    /// A device takes nothing that it is sent, or does again.
    pub(super) fn slow(&mut self, at: usize, slow: bool) {
        let Some(session) = self.devices[at].session else { return };
        self.devices[at].is_slow = slow;
        let out = self.coordinator.set_slow(session, slow, self.wall());
        self.deliver(out);
    }

    /// All devices take what they are sent.
    pub(super) fn speed_up(&mut self) {
        (0..self.devices.len()).for_each(|at| self.slow(at, false));
    }

    // Time.

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
        // Once a second the server looks after its rooms.
        let second = (self.now / 1000 + 1) * 1000;
        let wake = |device: &Device| {
            let wake = match device.session {
                Some(_) => {
                    let wake = device.wake_at().map(|at| at.as_micros().div_ceil(1000));
                    wake.map(|at| u64::try_from(at).unwrap().max(self.now + 1))
                }
                None => Some(device.away_until),
            };
            wake.into_iter().chain(device.sync_at).min()
        };
        let devices = self.devices.iter().filter_map(wake);
        devices.chain(parcel).chain(server).chain([second]).min().filter(|at| *at <= end)
    }

    fn step(&mut self) {
        let out = self.coordinator.tick(self.wall());
        self.deliver(out);
        while let Some(first) = self.parcels.first_entry().filter(|first| first.key().0 <= self.now)
        {
            match first.remove() {
                Parcel::Up(session, message) => self.reach_server(session, message),
                Parcel::Down(session, sent) => self.reach_device(session, sent),
                Parcel::Lost(session) => self.broken(session),
                Parcel::Gone(session) => self.coordinator.disconnect(session),
            }
        }
        for at in 0..self.devices.len() {
            self.connect(at);
            if self.devices[at].sync_at.is_some_and(|at| at <= self.now) {
                self.devices[at].sync_at = None;
                let now = self.devices[at].at(self.now, WALL + self.now);
                self.devices[at].sync(now);
            }
            self.react(at);
        }
    }

    fn connect(&mut self, at: usize) {
        if self.devices[at].session.is_some() || self.devices[at].away_until > self.now {
            return;
        }
        let session = self.coordinator.connect(self.wall());
        let device = &mut self.devices[at];
        let now = device.at(self.now, WALL + self.now);
        device.connected(session, now);
    }

    /// A device says what it has to say, and notes what it was told.
    pub(super) fn react(&mut self, at: usize) {
        let now = self.devices[at].at(self.now, WALL + self.now);
        while let Some(session) = self.devices[at].session {
            match self.devices[at].next_out(now) {
                Ok(Some(message)) => {
                    self.ledger.taken_until_ms = WALL + self.now + DRIFT_MS;
                    self.ledger.said(at, session, &self.devices[at].node, &read(&message));
                    self.send(session, true, Parcel::Up(session, message));
                }
                Ok(None) => break,
                Err(ended) => self.ended(at, &ended),
            }
        }
        for event in self.devices[at].told() {
            self.ledger.told(at, &event);
        }
        self.wrote(at);
    }

    fn ended(&mut self, at: usize, ended: &Ended) {
        let wanted = matches!(ended, Ended::TimedOut | Ended::Refused { .. });
        assert!(wanted, "device {at}: {ended}");
        let away = self.dice.below(RETRY_MS);
        self.cut(at, away);
    }

    fn broken(&mut self, session: u64) {
        let found = self.devices.iter().position(|device| device.session == Some(session));
        match found {
            Some(at) => {
                let away = self.dice.below(RETRY_MS);
                self.cut(at, away);
            }
            None => self.coordinator.disconnect(session),
        }
    }

    // Frames.

    fn reach_server(&mut self, session: u64, message: Bytes) {
        if !self.cut_off.contains(&session) {
            let out = self.coordinator.receive(session, message, self.wall());
            self.deliver(out);
        }
    }

    fn reach_device(&mut self, session: u64, sent: Sent) {
        let found = self.devices.iter().position(|device| device.session == Some(session));
        let Some(at) = found.filter(|_| !self.cut_off.contains(&session)) else { return };
        let Sent::Message(message) = sent else { return self.broken(session) };
        let message = self.cut_down(message);
        let now = self.devices[at].at(self.now, WALL + self.now);
        if let Err(ended) = self.devices[at].receive(message, now) {
            self.ended(at, &ended);
        }
        self.react(at);
    }

    /// A server that can do less.
    fn cut_down(&self, message: Bytes) -> Bytes {
        let mut envelope = read(&message);
        let Some(Payload::AuthResp(response)) = &mut envelope.payload else { return message };
        response.capabilities.retain(|name| self.offers.contains(&&**name));
        wire::encode(&envelope)
    }

    fn deliver(&mut self, out: Vec<Out>) {
        for Out { to, what, .. } in out {
            if let Sent::Message(message) = &what {
                self.ledger.answered(to, &read(message));
            }
            self.send(to, false, Parcel::Down(to, what));
        }
    }

    fn send(&mut self, session: u64, up: bool, parcel: Parcel) {
        self.frames += 1;
        (self.now, session, up).hash(&mut self.trace);
        if let Parcel::Up(_, message) | Parcel::Down(_, Sent::Message(message)) = &parcel {
            message.hash(&mut self.trace);
        }
        let lost = self.dice.below(1000) < self.network.lost;
        let delay = self.dice.below(self.network.delay_ms_max + 1);
        let last = self.last.entry((session, up)).or_default();
        let at = (self.now + delay).max(*last);
        *last = at;
        self.put(at, if lost { Parcel::Lost(session) } else { parcel });
    }

    fn put(&mut self, at: u64, parcel: Parcel) {
        self.parcel += 1;
        self.parcels.insert((at, self.parcel), parcel);
    }

    /// Whether nothing is under way.
    pub(super) fn is_quiet(&self) -> bool {
        let synced = self.devices.iter().all(|device| device.sync_at.is_none());
        synced && self.parcels.is_empty() && self.coordinator.next_due().is_none()
    }

    /// Whether a device shows that it has all that the server has, and nothing keeps it from hearing.
    pub(super) fn is_up_to_date(&self, device: &Device) -> bool {
        let hears = device.session.is_some_and(|session| !self.cut_off.contains(&session));
        hears && !device.is_slow && device.is_synced()
    }

    /// Whether every device shows its user that all is saved, and has proved it.
    pub(super) fn is_settled(&self) -> bool {
        self.devices.iter().all(Device::is_synced)
    }
}

fn read(message: &Bytes) -> Envelope {
    let limits = Limits { frame_bytes_max: 16 << 20, items_max: 1 << 18, ..Limits::default() };
    wire::decode(message.clone(), &limits).unwrap()
}
