//! What happens in a coordinator in memory, in its order.
//!
//! Knows what each event does; not who asks for it.

use super::{
    Coordinator, Event, Out, SECOND_MS, Sent,
    rooms::{Applied, Outcome},
};
use crate::{
    dialect::{Act, Member, Moment, Session as _, UnixMillis},
    dialects::maps::Command,
};

impl Coordinator {
    pub(super) fn taken(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { now: UnixMillis(self.now), ..Moment::default() }
    }

    pub(super) fn later(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.events.insert((at, self.order), event);
    }

    /// A number up to this one, from the seed (splitmix64).
    fn draw(&mut self, max: u64) -> u64 {
        if max == 0 {
            return 0;
        }
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % (max + 1)
    }

    /// Does everything up to this moment in its order.
    pub(super) fn run(&mut self, until: u64) {
        loop {
            let event = self.events.keys().next().copied().filter(|(at, _)| *at <= until);
            let second = self.next_second.filter(|at| *at <= until);
            match (event, second) {
                (Some(key), second) if second.is_none_or(|second| key.0 <= second) => {
                    self.now = self.now.max(key.0);
                    if let Some(event) = self.events.remove(&key) {
                        self.happen(event);
                    }
                }
                (_, Some(second)) => {
                    self.now = self.now.max(second);
                    self.look_after_all();
                    // Of a long time in which nothing happens only the end is looked at.
                    let quiet = self.events.keys().next().map_or(until, |(at, _)| *at).min(until);
                    let next = (second + SECOND_MS).max(quiet.saturating_sub(10 * SECOND_MS));
                    self.next_second = Some(next);
                }
                _ => break,
            }
        }
        self.now = self.now.max(until);
    }

    fn look_after_all(&mut self) {
        let moment = self.moment();
        let sessions: Vec<u64> = self.peers.keys().copied().collect();
        for number in sessions {
            let Some(peer) = self.peers.get_mut(&number) else { continue };
            let acts = match peer.session.expires() {
                Some((end, why)) if end <= moment.now => vec![Act::Close(why)],
                _ => peer.session.ticked(moment),
            };
            self.act(number, acts);
        }
        for (room, command) in self.rooms.due(moment.now) {
            self.apply(Member::CALLER, 0, &room, command);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Ask { from, ticket, room, command } => self.apply(from, ticket, &room, command),
            Event::Answer { to, ticket, outcome } => self.answer(to, ticket, outcome),
            Event::Synced { room, changes, notices, answer } => {
                self.rooms.sync(&room, changes);
                if let Some((to, ticket, outcome)) = answer {
                    self.answer(to, ticket, outcome);
                }
                if let Some(at) = self.rooms.gather(&room, notices, self.now) {
                    self.later(at, Event::Window { room });
                }
            }
            Event::Window { room } => self.tell(&room),
        }
    }

    fn apply(&mut self, from: Member, ticket: u64, room: &str, command: Command) {
        let Applied { answer, changes, notices } =
            self.rooms.ask(room, from, command, UnixMillis(self.now));
        if !changes.is_empty() {
            let sync_ms = self.draw(self.delays.sync_ms_max);
            self.synced_at = self.synced_at.max(self.now + sync_ms);
        }
        let to = from.0;
        let answer = match answer {
            Some((outcome, true)) => {
                self.later(self.now, Event::Answer { to, ticket, outcome });
                None
            }
            Some((outcome, false)) => Some((to, ticket, outcome)),
            None => None,
        };
        let room = room.into();
        let release = Event::Synced { room, changes, notices, answer };
        self.later(self.synced_at.max(self.now), release);
    }

    fn answer(&mut self, to: u64, ticket: u64, outcome: Outcome) {
        let moment = self.moment();
        let Some(peer) = self.peers.get_mut(&to) else { return };
        let acts = peer.session.answered(ticket, outcome, moment);
        self.act(to, acts);
    }

    fn tell(&mut self, room: &str) {
        let Some((notices, watchers)) = self.rooms.window(room, self.now) else { return };
        for number in watchers {
            let Some(peer) = self.peers.get_mut(&number) else { continue };
            peer.told_slow |= peer.slow;
            let acts = peer.session.noticed(&notices, !peer.slow);
            self.act(number, acts);
        }
    }

    pub(super) fn act(&mut self, number: u64, acts: Vec<Act<Command>>) {
        let at = UnixMillis(self.now);
        for act in acts {
            match act {
                Act::Send(message) => {
                    self.out.push(Out { to: number, at, what: Sent::Message(message) });
                }
                Act::Close(why) => {
                    self.out.push(Out { to: number, at, what: Sent::Close(why) });
                    return self.disconnect(number);
                }
                Act::Watch(room) => self.rooms.watch(&room, number),
                Act::Unwatch(room) => self.rooms.unwatch(&room, number),
                Act::Ask { ticket, room, command } => {
                    let delay = self.draw(self.delays.ask_ms_max) + self.rooms.delay_ms(&room);
                    let last = self.last_asked.entry((number, room.clone())).or_default();
                    *last = (self.now + delay).max(*last);
                    let (at, from) = (*last, Member(number));
                    self.later(at, Event::Ask { from, ticket, room, command });
                }
            }
        }
    }
}
