//! Participants wired in memory under virtual time: a room that relays as a server does.
//!
//! Knows packets only as far as a server does, by their sender and target.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use syncline_protocol::dialects::peer::{
    id::{PeerId, RequestId},
    kind::RoomKind,
    now::Now,
    packet::{Kind, Packet},
    participant::{Edit, HostPin, Opening, Output, Participant, Settings, Welcome},
    store::MemoryStore,
};

pub(crate) use super::member::{Member, Seeded};

/// The wall clock when a world begins.
pub(crate) const START_MS: i64 = 1_800_000_000_000;

pub(crate) const ROOM: &str = "room-1";

/// A packet that was sent.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) at: Duration,
    pub(crate) from: usize,
    pub(crate) packet: Packet,
    pub(crate) frame: Bytes,
}

struct Flight {
    to: usize,
    frame: Bytes,
}

type Fate = Box<dyn FnMut(&Sent, usize) -> Option<Duration>>;

/// Rooms with participants.
pub(crate) struct World {
    pub(crate) elapsed: Duration,
    pub(crate) members: Vec<Member>,
    pub(crate) sent: Vec<Sent>,
    /// How long a packet is under way to a receiver; `None` loses it.
    pub(crate) fate: Fate,
    wire: BTreeMap<(Duration, u64), Flight>,
    numbered: u64,
    pub(crate) random: Seeded,
    /// Those who are in the room and not wired: what is for them goes nowhere.
    pub(crate) ghosts: Vec<PeerId>,
    /// Whether a server keeps its clock and tells it.
    pub(crate) tells_time: bool,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            elapsed: Duration::from_secs(1),
            members: Vec::new(),
            sent: Vec::new(),
            fate: Box::new(|_, _| Some(Duration::ZERO)),
            wire: BTreeMap::new(),
            numbered: 0,
            random: Seeded(seed),
            ghosts: Vec::new(),
            tells_time: true,
        }
    }

    pub(crate) fn now(&self, of: usize) -> Now {
        let wall_ms = START_MS + self.members.get(of).map_or(0, |member| member.wall_off_ms);
        Now { elapsed: self.elapsed, wall_micros: wall_ms * 1000 + self.elapsed.as_micros() as i64 }
    }

    pub(crate) fn opening(&mut self, name: &str) -> Opening<MemoryStore> {
        let mut settings = Settings::default();
        settings.tables = ["tasks", "notes"].map(str::to_owned).to_vec();
        Opening {
            room: ROOM.to_owned(),
            kind: RoomKind::Data,
            me: PeerId::new(name).unwrap(),
            settings,
            store: MemoryStore::default(),
            random: Box::new(Seeded(self.random.next())),
            is_host: false,
            expected_host: None,
        }
    }

    /// A participant that is not in the room yet.
    pub(crate) fn add(&mut self, opening: Opening<MemoryStore>) -> usize {
        let (id, room, now) = (opening.me.clone(), opening.room.clone(), self.now(usize::MAX));
        let participant = Participant::open(opening, now).unwrap();
        let events = Vec::new();
        self.members.push(Member {
            id,
            room,
            participant,
            events,
            is_connected: false,
            wall_off_ms: 0,
        });
        self.members.len() - 1
    }

    /// A participant of the usual room that enters it; the first one is its host.
    pub(crate) fn enter(&mut self, name: &str) -> usize {
        let mut opening = self.opening(name);
        opening.is_host = self.members.is_empty();
        let at = self.add(opening);
        self.connect(at);
        at
    }

    /// One that was invited by another.
    pub(crate) fn enter_invited(&mut self, name: &str, by: usize) -> usize {
        let mut opening = self.opening(name);
        let keys = Some(self.members[by].participant.keys());
        opening.expected_host = Some(HostPin { peer: self.members[by].id.clone(), keys });
        let at = self.add(opening);
        self.connect(at);
        at
    }

    /// Enters a room of its own kind and name.
    pub(crate) fn connect(&mut self, at: usize) {
        let others = self.others(at);
        let participants = others.iter().map(|&other| self.members[other].id.clone()).collect();
        let server_ms =
            self.tells_time.then(|| START_MS + i64::try_from(self.elapsed.as_millis()).unwrap());
        let now = self.now(at);
        self.members[at].is_connected = true;
        let welcome = Welcome { participants, server_ms, ..Welcome::default() };
        self.members[at].participant.connected(welcome, now);
        let id = self.members[at].id.clone();
        for other in others {
            let now = self.now(other);
            self.members[other].participant.joined(id.clone(), now);
        }
        self.flush();
    }

    pub(crate) fn disconnect(&mut self, at: usize) {
        let now = self.now(at);
        self.members[at].is_connected = false;
        self.members[at].participant.disconnected(now);
        self.wire.retain(|_, flight| flight.to != at);
        let id = self.members[at].id.clone();
        for other in self.others(at) {
            let now = self.now(other);
            self.members[other].participant.left(&id, now);
        }
        self.flush();
    }

    /// Ends a participant as a crash does, and opens it anew over what its store has.
    pub(crate) fn restart(&mut self, at: usize, opening: Opening<MemoryStore>) {
        if self.members[at].is_connected {
            self.disconnect(at);
        }
        let now = self.now(at);
        self.members[at].participant = Participant::open(opening, now).unwrap();
    }

    /// The same over its own store, with a power cut.
    pub(crate) fn restart_kept(&mut self, at: usize) {
        let name = self.members[at].id.to_string();
        let fresh = self.opening(&name);
        let other = Participant::open(fresh, self.now(at)).unwrap();
        let old = std::mem::replace(&mut self.members[at].participant, other);
        let mut store = old.into_store();
        store.cut_power();
        let mut opening = self.opening(&name);
        opening.store = store;
        opening.is_host = at == 0;
        let was_connected = self.members[at].is_connected;
        self.members[at].is_connected = false;
        let now = self.now(at);
        self.members[at].participant = Participant::open(opening, now).unwrap();
        if was_connected {
            let id = self.members[at].id.clone();
            for other in self.others(at) {
                let now = self.now(other);
                self.members[other].participant.left(&id, now);
            }
        }
        self.flush();
    }

    pub(crate) fn others(&self, at: usize) -> Vec<usize> {
        let same_room = |other: &usize| self.members[*other].room == self.members[at].room;
        (0..self.members.len())
            .filter(|other| *other != at && self.members[*other].is_connected)
            .filter(same_room)
            .collect()
    }

    pub(crate) fn write(&mut self, at: usize, table: &str, id: &str, value: Option<&str>) {
        let now = self.now(at);
        let edit = Edit { table: table.into(), id: id.into(), value: value.map(str::to_owned) };
        self.members[at].participant.write(vec![edit], now).unwrap();
        self.flush();
    }

    /// Makes one the owner of a group, with others as plain members.
    pub(crate) fn found_group(&mut self, at: usize, members: &[&str]) {
        let owner = self.members[at].id.to_string();
        let edit = |table: &str, id: &str, value: String| Edit {
            table: table.into(),
            id: id.into(),
            value: Some(value),
        };
        let mut edits = vec![
            edit("group_settings", "g", format!(r#"{{"name":"lobby","ownerId":"{owner}"}}"#)),
            edit("roles", "admin", r#"{"name":"admin","position":9,"permissions":-1}"#.into()),
            edit("roles", "member", r#"{"name":"member","position":1,"permissions":0}"#.into()),
            edit("members", &owner, r#"{"roleIds":["admin"]}"#.into()),
        ];
        for member in members {
            edits.push(edit("members", member, r#"{"roleIds":["member"]}"#.into()));
        }
        let now = self.now(at);
        self.members[at].participant.write(edits, now).unwrap();
        self.flush();
    }

    /// Gives a participant bytes as if the room had relayed them.
    pub(crate) fn inject(&mut self, to: usize, frame: Bytes) {
        let now = self.now(to);
        self.members[to].participant.received(frame, now);
        self.flush();
    }

    /// Takes what all have to say until nobody says anything more at this moment.
    pub(crate) fn flush(&mut self) {
        loop {
            let mut sent = false;
            for from in 0..self.members.len() {
                for output in self.members[from].participant.outputs().unwrap() {
                    match output {
                        Output::Event(event) => self.members[from].events.push(event),
                        Output::Send(frame) => {
                            assert!(self.members[from].is_connected, "sent without a connection");
                            sent |= self.relay(from, frame);
                        }
                    }
                }
            }
            if !sent {
                return;
            }
        }
    }

    fn relay(&mut self, from: usize, frame: Bytes) -> bool {
        assert!(frame.len() <= 64 << 10, "a frame of {} bytes", frame.len());
        let packet = Packet::decode(frame.clone()).unwrap();
        assert_eq!(packet.sender, self.members[from].id);
        let sent = Sent { at: self.elapsed, from, packet, frame };
        self.sent.push(sent.clone());
        let others = self.others(from);
        let to: Vec<usize> = match &sent.packet.target {
            None => others,
            Some(target) => {
                let found: Vec<usize> =
                    others.into_iter().filter(|at| self.members[*at].id == *target).collect();
                if found.is_empty() && !self.ghosts.contains(target) {
                    let (request, now) = (sent.packet.request.clone(), self.now(from));
                    self.members[from].participant.undeliverable(&request, target, now);
                }
                found
            }
        };
        for to in to {
            if let Some(latency) = (self.fate)(&sent, to) {
                self.numbered += 1;
                let key = (self.elapsed + latency, self.numbered);
                self.wire.insert(key, Flight { to, frame: sent.frame.clone() });
            }
        }
        true
    }

    /// Lets time pass, with everything that happens in it.
    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.elapsed + time;
        for _ in 0..200_000 {
            self.flush();
            let wire = self.wire.keys().next().map(|(at, _)| *at);
            let due = self.members.iter().filter_map(|member| member.participant.deadline()).min();
            let Some(next) = [wire, due].into_iter().flatten().min().filter(|at| *at <= until)
            else {
                self.elapsed = until;
                return;
            };
            self.elapsed = self.elapsed.max(next);
            self.step();
        }
        panic!("something is due all the time");
    }

    fn step(&mut self) {
        while let Some(entry) = self.wire.first_entry()
            && entry.key().0 <= self.elapsed
        {
            let Flight { to, frame } = entry.remove();
            if self.members[to].is_connected {
                let now = self.now(to);
                self.members[to].participant.received(frame, now);
                self.flush();
            }
        }
        for at in 0..self.members.len() {
            if self.members[at].participant.deadline().is_some_and(|due| due <= self.elapsed) {
                let now = self.now(at);
                self.members[at].participant.due(now);
            }
        }
        self.flush();
    }

    pub(crate) fn run_ms(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis));
    }

    pub(crate) fn run_secs(&mut self, seconds: u64) {
        self.run(Duration::from_secs(seconds));
    }

    /// Packets of one kind that were sent since the `since`th.
    pub(crate) fn sent_since(&self, since: usize, kind: Kind) -> Vec<&Sent> {
        self.sent[since..].iter().filter(|sent| sent.packet.kind == kind as i32).collect()
    }

    pub(crate) fn assert_same(&self) {
        let digest = self.members[0].participant.digest();
        for member in &self.members[1..] {
            assert_eq!(member.participant.digest(), digest, "{} is different", member.id);
        }
    }
}

/// A request's name.
pub(crate) fn request(name: &str) -> RequestId {
    RequestId::new(name).unwrap()
}
