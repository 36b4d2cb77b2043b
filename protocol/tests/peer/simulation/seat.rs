//! One participant of the world: its disk, its clock, its connection. Knows nobody else.

use std::time::Duration;

use bytes::Bytes;
use syncline_protocol::dialects::peer::{
    id::PeerId,
    kind::RoomKind,
    now::Now,
    participant::{
        Event, HostPin, OpenError, Opening, Output, Participant, Settings, Welcome, Why,
    },
    relay::{Code, Control},
};

use super::disk::Disk;
use crate::dice::Dice;

/// When it all begins, in microseconds since the Unix epoch.
pub(super) const WALL_MICROS: i64 = 1_700_000_000_000_000;

pub(super) struct Seat {
    /// Whose it is: one may sit in several rooms.
    pub(super) person: usize,
    pub(super) me: PeerId,
    pub(super) room: String,
    kind: RoomKind,
    is_host: bool,
    host: Option<HostPin>,
    settings: Settings,
    dice: Dice,
    pub(super) disk: Disk,
    /// How far its clock is ahead.
    pub(super) skew_micros: i64,
    /// `None` while it is down.
    pub(super) participant: Option<Participant<Disk>>,
    pub(super) connection: Option<u64>,
    /// When it starts, or connects, again.
    pub(super) away_until: u64,
    /// The last stored packet that it knows of.
    pub(super) last_seq: Option<u64>,
    /// It does not come back.
    pub(super) is_closed: bool,
    /// It had lost its disk: its keys are others than those that are known.
    pub(super) is_new: bool,
    /// It shows a code.
    pub(super) is_asking: bool,
    pub(super) events: Vec<Event>,
    /// How often it went wrong in its store.
    pub(super) failures: u64,
}

/// What a seat is made of.
pub(super) struct Plan {
    pub(super) person: usize,
    pub(super) me: PeerId,
    pub(super) room: String,
    pub(super) kind: RoomKind,
    pub(super) is_host: bool,
    pub(super) host: Option<HostPin>,
    pub(super) settings: Settings,
}

impl Seat {
    pub(super) fn new(plan: Plan, seed: u64) -> Self {
        let Plan { person, me, room, kind, is_host, host, settings } = plan;
        Self {
            person,
            me,
            room,
            kind,
            is_host,
            host,
            settings,
            dice: Dice::new(seed),
            disk: Disk::default(),
            skew_micros: 0,
            participant: None,
            connection: None,
            away_until: 0,
            last_seq: None,
            is_closed: false,
            is_new: false,
            is_asking: false,
            events: Vec::new(),
            failures: 0,
        }
    }

    pub(super) fn kind(&self) -> RoomKind {
        self.kind
    }

    /// Its time, so many milliseconds after the beginning of the world.
    pub(super) fn at(&self, ms: u64) -> Now {
        let wall_micros =
            WALL_MICROS + i64::try_from(ms).expect("a time") * 1000 + self.skew_micros;
        Now { elapsed: Duration::from_millis(ms), wall_micros }
    }

    /// Starts, with what its disk has.
    pub(super) fn start(&mut self, ms: u64) {
        let now = self.at(ms);
        let opening = Opening {
            room: self.room.clone(),
            kind: self.kind,
            me: self.me.clone(),
            settings: self.settings.clone(),
            store: self.disk.clone(),
            random: Box::new(Dice::new(self.dice.roll())),
            is_host: self.is_host,
            expected_host: self.host.clone(),
        };
        match Participant::open(opening, now) {
            Ok(participant) => self.participant = Some(participant),
            Err(OpenError::Store(_)) => {
                self.stop(None);
                self.away_until = ms + 1000;
            }
            Err(error) => panic!("{} does not start: {error}", self.me),
        }
    }

    /// Whether it has heard what the owner made it.
    pub(super) fn knows_its_role(&self) -> bool {
        let has = |table, id| {
            let found = self.participant.as_ref().map(|participant| participant.get(table, id));
            matches!(found, Some(Ok(Some(_))))
        };
        has("members", self.me.as_str()) && has("roles", "admins")
    }

    /// What there is to say of it when something went wrong.
    pub(super) fn describe(&self) -> String {
        let Some(participant) = &self.participant else { return format!("{}: down", self.me) };
        let drops: Vec<_> = Why::ALL
            .into_iter()
            .filter(|why| participant.drops().of(*why) > 0)
            .map(|why| format!("{why:?} {}", participant.drops().of(why)))
            .collect();
        let known: Vec<_> = participant
            .present()
            .map(|peer| (peer.as_str(), participant.keys_of(peer).map(|keys| keys.sign[0])))
            .collect();
        format!(
            "{} {:?}: key {}, epoch {:?}, {:?} of {:?}, knows {known:?}, dropped {drops:?}, at {:?}",
            self.me,
            self.connection,
            participant.keys().sign[0],
            participant.epoch(),
            participant.counts(),
            participant.frontier(),
            participant.digest(),
        )
    }

    /// It stops; power may be lost, and then so many changes of the disk are kept.
    pub(super) fn stop(&mut self, power_cut: Option<usize>) {
        (self.participant, self.connection, self.is_asking) = (None, None, false);
        match power_cut {
            Some(kept) => self.disk.cut_power(kept),
            None => self.disk.kill(),
        }
    }

    /// Its disk is lost, and it begins anew under its name.
    pub(super) fn lose_disk(&mut self) {
        self.stop(None);
        (self.disk, self.is_new, self.last_seq) = (Disk::default(), true, None);
    }

    pub(super) fn disconnected(&mut self, ms: u64) {
        let now = self.at(ms);
        if self.connection.take().is_some()
            && let Some(participant) = &mut self.participant
        {
            participant.disconnected(now);
        }
    }

    /// The server says something.
    pub(super) fn told(&mut self, text: &str, ms: u64) {
        let now = self.at(ms);
        let Some(participant) = &mut self.participant else { return };
        match Control::decode(text).expect("the server speaks as it must") {
            Control::Welcome(welcome) => {
                self.last_seq = Some(welcome.last_seq);
                let welcome = Welcome {
                    participants: welcome.participants,
                    server_ms: i64::try_from(welcome.server_time.0).ok(),
                    frame_bytes_max: Some(welcome.limits.frame_bytes_max),
                };
                participant.connected(welcome, now);
            }
            Control::Join(peer) => participant.joined(peer, now),
            Control::Leave { id, .. } => participant.left(&id, now),
            Control::Undeliverable { request_id, target_id } => {
                if let Some(target) = PeerId::new(&target_id) {
                    participant.undeliverable(&request_id, &target, now);
                }
            }
            // A lobby takes no more than so much of one.
            Control::Error { code: Code::Rate, .. } if self.kind == RoomKind::Invite => {}
            Control::Error { code, .. } => panic!("{} is told {code:?}", self.me),
            _ => {}
        }
    }

    pub(super) fn received(&mut self, frame: Bytes, ms: u64) {
        let now = self.at(ms);
        if let Some(participant) = &mut self.participant {
            participant.received(frame, now);
        }
    }

    /// Does what is due.
    pub(super) fn due(&mut self, ms: u64) {
        let now = self.at(ms);
        if let Some(participant) = &mut self.participant
            && participant.deadline().is_some_and(|at| at <= now.elapsed)
        {
            participant.due(now);
            // Whatever is due is done at once, or it would be due for ever.
            let next = participant.deadline();
            assert!(
                next.is_none_or(|next| next > now.elapsed),
                "{}: {next:?} is due still",
                self.me
            );
        }
    }

    /// When something is due next, in milliseconds.
    pub(super) fn wake_at(&self) -> Option<u64> {
        let deadline = self.participant.as_ref()?.deadline()?;
        u64::try_from(deadline.as_micros().div_ceil(1000)).ok()
    }

    /// The packets that it wants sent; `None` when its store has failed.
    pub(super) fn outputs(&mut self) -> Option<Vec<Bytes>> {
        let Some(participant) = &mut self.participant else { return Some(Vec::new()) };
        let Ok(outputs) = participant.outputs() else {
            self.failures += 1;
            return None;
        };
        let mut packets = Vec::new();
        for output in outputs {
            match output {
                Output::Send(frame) => packets.push(frame),
                Output::Event(event) => self.events.push(event),
            }
        }
        Some(packets)
    }
}
