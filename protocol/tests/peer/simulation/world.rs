//! Participants, one relay and a bad network between them, in virtual time and from one seed.
//!
//! Text of the relay arrives, in order, or the connection breaks. Packets may be lost, doubled and
//! overtaken. Knows who speaks to whom; not what is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use bytes::Bytes;
use syncline_protocol::{
    dialect::{Ended, UnixMillis},
    dialects::peer::{
        id::PeerId,
        keys::PublicKeys,
        kind::RoomKind,
        participant::{Event, HostPin, Participant, Redeemed, WriteError},
        relay::Route,
    },
};

use super::{
    ledger::Ledger,
    seat::{Plan, Seat, WALL_MICROS},
    server::{Sent, Server},
};
use crate::dice::Dice;

const SYNC_CLAIM: i32 = 1;

/// What the network does. Chances are percents.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Network {
    /// A frame is under way for up to so many milliseconds, each way.
    pub(super) delay_ms_max: u64,
    pub(super) lost: u64,
    pub(super) doubled: u64,
    /// Packets overtake each other.
    pub(super) reorders: bool,
    /// Who claims a request dies of it.
    pub(super) claimers_die: u64,
}

enum Parcel {
    Up(u64, Bytes),
    Down(u64, Sent),
    /// The server hears that a connection is gone.
    Gone(u64, Ended),
}

/// The whole of it.
pub(super) struct World {
    /// Milliseconds since it began.
    pub(super) now: u64,
    pub(super) network: Network,
    pub(super) server: Server,
    pub(super) seats: Vec<Seat>,
    pub(super) ledger: Ledger,
    /// Seats of strangers that were let in, and where.
    pub(super) invited: Vec<(usize, String, HostPin)>,
    pub(super) dice: Dice,
    /// Chances of ten thousand steps that power is lost before anything of one comes out.
    pub(super) sudden_cuts: u64,
    /// Packets do not pass between seats of different camps.
    pub(super) camps: BTreeMap<String, u64>,
    parcels: BTreeMap<(u64, u64), Parcel>,
    parcel: u64,
    /// When the last parcel of a connection arrives, each way.
    last: BTreeMap<(u64, bool), u64>,
    /// Connections between which and their seats nothing passes any more.
    cut_off: BTreeSet<u64>,
    trace: DefaultHasher,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            now: 0,
            network: Network::default(),
            server: Server::new(),
            seats: Vec::new(),
            ledger: Ledger::default(),
            invited: Vec::new(),
            dice: Dice::new(seed),
            sudden_cuts: 0,
            camps: BTreeMap::new(),
            parcels: BTreeMap::new(),
            parcel: 0,
            last: BTreeMap::new(),
            cut_off: BTreeSet::new(),
            trace: DefaultHasher::new(),
        }
    }

    pub(super) fn join(&mut self, plan: Plan) -> usize {
        let mut seat = Seat::new(plan, self.dice.roll());
        seat.away_until = self.now;
        self.seats.push(seat);
        self.seats.len() - 1
    }

    /// What all that was sent comes to: the same for the same seed.
    pub(super) fn trace(&self) -> u64 {
        self.trace.finish()
    }

    fn wall(&self) -> UnixMillis {
        UnixMillis(WALL_MICROS as u64 / 1000 + self.now)
    }

    // What goes wrong.

    /// A seat's connection breaks, and it stays away for a while.
    pub(super) fn cut(&mut self, at: usize, away_ms: u64) {
        let seat = &mut self.seats[at];
        seat.away_until = seat.away_until.max(self.now + away_ms);
        let Some(connection) = seat.connection else { return };
        seat.disconnected(self.now);
        // What it sent last may still arrive, and the server hears of it later.
        if self.dice.chance(50) {
            self.cut_off.insert(connection);
        }
        let how = if self.dice.chance(50) { Ended::Closed } else { Ended::TimedOut };
        let later = if how == Ended::Closed { 50 } else { 20_000 };
        let gone_at = self.now + self.dice.below(later);
        self.put(gone_at, Parcel::Gone(connection, how));
        self.react(at);
    }

    /// A seat dies, with or without its machine losing power, and starts again later.
    pub(super) fn kill(&mut self, at: usize, power_cut: bool, away_ms: u64) {
        self.cut(at, away_ms);
        let kept = power_cut.then(|| self.dice.below(4) as usize);
        self.seats[at].stop(kept);
        self.ledger.died(at);
        self.ledger.seen.deaths += 1;
    }

    /// A seat leaves for good.
    pub(super) fn close(&mut self, at: usize) {
        self.cut(at, u64::MAX / 2);
        (self.seats[at].participant, self.seats[at].is_closed) = (None, true);
    }

    /// A seat loses power before it could say anything of what it did last.
    pub(super) fn kill_before_outputs(&mut self, at: usize) {
        let away = self.dice.below(5000);
        let kept = self.dice.below(3) as usize;
        if let Some(connection) = self.seats[at].connection {
            self.put(self.now, Parcel::Gone(connection, Ended::Closed));
        }
        self.seats[at].stop(Some(kept));
        self.seats[at].away_until = self.now + away;
        self.ledger.died(at);
        self.ledger.seen.deaths += 1;
    }

    /// The server stops and starts.
    pub(super) fn restart_server(&mut self) {
        self.server.restart();
        for at in 0..self.seats.len() {
            if self.seats[at].connection.is_some() {
                let away = self.dice.below(1000);
                self.cut(at, away);
            }
        }
    }

    // Time.

    /// Lets time pass.
    pub(super) fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        self.run_until(ms, |_| false);
        self.now = end;
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

    fn next(&self, end: u64) -> Option<u64> {
        let parcel = self.parcels.keys().next().map(|(at, _)| *at);
        let wake = |seat: &Seat| {
            let connects = (seat.connection.is_none()).then_some(seat.away_until.max(self.now + 1));
            connects.into_iter().chain(seat.wake_at().map(|at| at.max(self.now + 1))).min()
        };
        self.seats.iter().filter_map(wake).chain(parcel).min().filter(|at| *at <= end)
    }

    fn step(&mut self) {
        while let Some(first) = self.parcels.first_entry().filter(|first| first.key().0 <= self.now)
        {
            match first.remove() {
                Parcel::Up(connection, frame) => self.reach_server(connection, frame),
                Parcel::Down(connection, sent) => self.reach_seat(connection, sent),
                Parcel::Gone(connection, how) => {
                    let sent = self.server.gone(connection, how, self.wall());
                    self.send_down(sent);
                }
            }
        }
        for at in 0..self.seats.len() {
            self.connect(at);
            self.seats[at].due(self.now);
            self.react(at);
        }
    }

    fn connect(&mut self, at: usize) {
        let seat = &mut self.seats[at];
        if seat.connection.is_some() || seat.away_until > self.now {
            return;
        }
        if seat.participant.is_none() {
            seat.start(self.now);
        }
        if seat.participant.is_none() {
            return;
        }
        let since = seat.last_seq.filter(|_| self.dice.chance(50));
        let who =
            (&self.seats[at].me.clone(), &*self.seats[at].room.clone(), self.seats[at].kind());
        let (connection, sent) = self.server.connect(who, since, self.wall());
        self.seats[at].connection = Some(connection);
        self.send_down(sent);
        if self.seats[at].is_new {
            // It was away when others were told of its keys: now they can ask it.
            (0..self.seats.len()).for_each(|other| self.look_at_conflicts(other));
        }
    }

    /// A seat says what it has to say, and what has happened there is seen to.
    pub(super) fn react(&mut self, at: usize) {
        if self.seats[at].is_closed {
            // Power that it lost would bring it back.
            return;
        }
        if self.sudden_cuts > 0 && self.dice.below(10_000) < self.sudden_cuts {
            return self.kill_before_outputs(at);
        }
        let Some(packets) = self.seats[at].outputs() else {
            // Its store has failed: it starts anew.
            return self.kill(at, false, 1000);
        };
        self.ledger.kept(at);
        let mut dies = false;
        for frame in packets {
            let route = Route::scan(&frame).expect("a participant sends packets");
            (self.now, at, &frame).hash(&mut self.trace);
            self.ledger.seen.sent(route.kind);
            dies |= route.kind == SYNC_CLAIM && self.dice.chance(self.network.claimers_die);
            if let Some(connection) = self.seats[at].connection {
                self.send(connection, true, &|| Parcel::Up(connection, frame.clone()));
            }
        }
        if dies {
            let away = self.dice.below(10_000);
            self.ledger.seen.claimers_died += 1;
            self.kill(at, true, away);
        }
        for event in std::mem::take(&mut self.seats[at].events) {
            self.happened(at, event);
        }
    }

    fn happened(&mut self, at: usize, event: Event) {
        let ms = self.now;
        match event {
            Event::InviteAsked(ask) => {
                let me = self.seats[at].me.clone();
                let mut answer = Redeemed::NotMine;
                for other in 0..self.seats.len() {
                    let seat = &mut self.seats[other];
                    let now = seat.at(ms);
                    if seat.me == me
                        && seat.kind() == RoomKind::Data
                        && let Some(participant) = &mut seat.participant
                        && let Ok(redeemed) = participant.redeem(&ask, now)
                    {
                        self.react(other);
                        if redeemed != Redeemed::NotMine {
                            answer = redeemed;
                        }
                    }
                }
                let now = self.seats[at].at(ms);
                if let Some(participant) = &mut self.seats[at].participant {
                    participant.answer_invite(&ask, answer, now);
                }
            }
            Event::KeyConflict { .. } => self.look_at_conflicts(at),
            Event::Invited { data_room, host } => self.invited.push((at, data_room, host)),
            Event::InviteRefused { .. } | Event::InviteUnanswered => {
                self.seats[at].is_asking = false;
            }
            event => self.ledger.happened(&event),
        }
    }

    /// The owner of a seat sees what waits for it; what it cannot judge yet, it looks at later.
    fn look_at_conflicts(&mut self, at: usize) {
        let conflicts = self.seats[at].participant.as_ref().map(Participant::key_conflicts);
        for (peer, offered) in conflicts.unwrap_or_default() {
            self.approve(at, &peer, &offered);
        }
    }

    /// The owner of a seat takes the new keys of somebody who had lost its disk.
    fn approve(&mut self, at: usize, peer: &PeerId, offered: &PublicKeys) {
        let room = &self.seats[at].room;
        let is_of = |seat: &&Seat| seat.me.canonical() == peer.canonical() && seat.room == *room;
        let of = self.seats.iter().find(is_of);
        let is_true = of.is_some_and(|of| {
            of.is_new && of.participant.as_ref().is_some_and(|of| of.keys() == *offered)
        });
        let now = self.seats[at].at(self.now);
        if is_true && let Some(participant) = &mut self.seats[at].participant {
            self.ledger.seen.approved += 1;
            match participant.approve_key(peer, offered, now) {
                Ok(()) | Err(WriteError::Store(_)) => self.react(at),
                Err(error) => panic!("{at} cannot take the keys of {peer}: {error}"),
            }
        }
    }

    // Frames.

    fn reach_server(&mut self, connection: u64, frame: Bytes) {
        if !self.cut_off.contains(&connection) {
            let sent = self.server.receive(connection, frame, self.wall());
            self.send_down(sent);
        }
    }

    fn send_down(&mut self, sent: Vec<(u64, Sent)>) {
        for (connection, sent) in sent {
            let is_packet = matches!(sent, Sent::Packet(_));
            self.send(connection, is_packet, &|| Parcel::Down(connection, sent.clone()));
        }
    }

    fn reach_seat(&mut self, connection: u64, sent: Sent) {
        let found = self.seats.iter().position(|seat| seat.connection == Some(connection));
        let Some(at) = found.filter(|_| !self.cut_off.contains(&connection)) else { return };
        match sent {
            Sent::Text(text) => self.seats[at].told(&text, self.now),
            Sent::Packet(frame) if self.passes(&frame, at) => {
                self.seats[at].received(frame, self.now);
            }
            Sent::Packet(_) => {}
            Sent::Closed => {
                let away = self.dice.below(1000);
                self.cut(at, away);
            }
        }
        self.react(at);
    }

    fn passes(&self, frame: &[u8], to: usize) -> bool {
        let camp = |name: &str| self.camps.get(name).copied().unwrap_or(0);
        let sender = Route::scan(frame).expect("what was a packet before").sender_id;
        camp(sender) == camp(self.seats[to].me.as_str())
    }

    /// Something is on its way; packets with all that may happen to them.
    fn send(&mut self, connection: u64, is_packet: bool, parcel: &dyn Fn() -> Parcel) {
        let Network { delay_ms_max, lost, doubled, reorders, .. } = self.network;
        let is_up = matches!(parcel(), Parcel::Up(..));
        if is_packet && self.dice.chance(lost) {
            return;
        }
        let copies = 1 + u64::from(is_packet && self.dice.chance(doubled));
        for _ in 0..copies {
            let mut arrives = self.now + self.dice.below(delay_ms_max + 1);
            if is_packet && reorders {
                arrives += self.dice.below(3 * delay_ms_max + 1);
            } else {
                let last = self.last.entry((connection, is_up)).or_default();
                arrives = arrives.max(*last);
                *last = arrives;
            }
            self.put(arrives, parcel());
        }
    }

    fn put(&mut self, arrives: u64, parcel: Parcel) {
        self.parcel += 1;
        self.parcels.insert((arrives, self.parcel), parcel);
    }
}
