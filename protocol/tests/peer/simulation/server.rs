//! A relay in memory: the rooms of the real one, over plain collections. What it sends comes out at once.
//! Knows no participant's secrets.

use std::collections::BTreeMap;

use bytes::Bytes;
use syncline_protocol::{
    dialect::{
        Audience, Dialect as _, Ended, Framing, Incoming, Member, Moment, Room as _, Session as _,
        Step, UnixMillis,
        memory::{Effect, Memory, Seen},
    },
    dialects::peer::{
        Peer,
        id::PeerId,
        kind::RoomKind,
        relay::{Answer, Command, Handshake, Notice, Rate, Room, Session, Settings},
    },
};

/// What a connection gets.
#[derive(Clone, Debug)]
pub(super) enum Sent {
    Text(String),
    Packet(Bytes),
    Closed,
}

struct Connected {
    session: Session,
    room: String,
}

/// A server with all its rooms.
pub(super) struct Server {
    peer: Peer,
    rooms: BTreeMap<String, (Room, Memory)>,
    connected: BTreeMap<u64, Connected>,
    members: BTreeMap<String, Vec<u64>>,
    last: u64,
}

impl Server {
    pub(super) fn new() -> Self {
        let enters = Rate { per_second: 0, burst: 1 };
        let peer = Peer::new(Settings { enters, ..Settings::default() });
        let (rooms, connected, members) = Default::default();
        Self { peer, rooms, connected, members, last: 0 }
    }

    /// A connection, and what everybody gets because of it.
    pub(super) fn connect(
        &mut self,
        (me, room, kind): (&PeerId, &str, RoomKind),
        since_seq: Option<u64>,
        now: UnixMillis,
    ) -> (u64, Vec<(u64, Sent)>) {
        let mut session = self.peer.accept(Handshake {
            identity: me.clone(),
            room: room.to_owned(),
            kind,
            may_publish: true,
            may_read_history: true,
            since_seq,
            expires: UnixMillis(u64::MAX),
        });
        let Step::Open { room, opening } = session.start() else {
            panic!("a session opens its room")
        };
        self.last += 1;
        self.connected.insert(self.last, Connected { session, room: room.clone() });
        self.members.entry(room.clone()).or_default().push(self.last);
        (self.last, self.apply(&room, self.last, opening, now))
    }

    pub(super) fn receive(&mut self, from: u64, frame: Bytes, now: UnixMillis) -> Vec<(u64, Sent)> {
        let Some(connected) = self.connected.get_mut(&from) else { return Vec::new() };
        let moment = Moment { now, ..Moment::default() };
        let step = connected.session.receive(Incoming::Binary(frame), moment);
        let room = connected.room.clone();
        match step.expect("a participant keeps to the rules") {
            Step::Command(command) => self.apply(&room, from, command, now),
            step => panic!("a participant's packet came to nothing: {step:?}"),
        }
    }

    /// A connection is gone.
    pub(super) fn gone(&mut self, from: u64, how: Ended, now: UnixMillis) -> Vec<(u64, Sent)> {
        let Some(mut connected) = self.connected.remove(&from) else { return Vec::new() };
        let command = connected.session.ended(how).expect("a last command");
        let sent = self.apply(&connected.room, from, command, now);
        self.members.entry(connected.room).or_default().retain(|member| *member != from);
        sent
    }

    /// All connections are gone; what was stored stays.
    pub(super) fn restart(&mut self) {
        self.connected.clear();
        self.members.clear();
        let peer = &self.peer;
        self.rooms.iter_mut().for_each(|(name, (room, _))| *room = peer.room(name));
    }

    fn apply(
        &mut self,
        name: &str,
        from: u64,
        command: Command,
        now: UnixMillis,
    ) -> Vec<(u64, Sent)> {
        let peer = &self.peer;
        let made = || (peer.room(name), Memory::default());
        let (room, memory) = self.rooms.entry(name.to_owned()).or_insert_with(made);
        let mut seen = Seen::<Answer, Notice>::default();
        room.apply(Member(from), command, now, memory, &mut seen).expect("memory can be read");
        let mut sent = Vec::new();
        for effect in seen.0 {
            self.effect(name, effect, &mut sent);
        }
        sent
    }

    fn effect(&mut self, room: &str, effect: Effect<Answer, Notice>, sent: &mut Vec<(u64, Sent)>) {
        match effect {
            Effect::Relay { framing, message, to } => {
                let one = match framing {
                    Framing::Text => Sent::Text(String::from_utf8(message.to_vec()).expect("text")),
                    Framing::Binary => Sent::Packet(message),
                };
                let members = self.members.entry(room.to_owned()).or_default();
                sent.extend(
                    members
                        .iter()
                        .filter(|member| is_for(**member, to))
                        .map(|to| (*to, one.clone())),
                );
            }
            Effect::Open { to, message } => {
                sent.push((to.0, Sent::Text(String::from_utf8(message.to_vec()).expect("text"))));
            }
            Effect::Replay { to, after, reader } => {
                let (_, log) = &self.rooms[room];
                let records = log.log.iter().zip(log.trimmed + 1..).filter(|(_, seq)| *seq > after);
                for (record, seq) in records {
                    let mut frame = Vec::new();
                    if self.peer.replay(&reader, seq, record, &mut frame).is_some() {
                        sent.push((to.0, Sent::Packet(frame.into())));
                    }
                }
            }
            Effect::Dismiss { member, .. } => {
                sent.push((member.0, Sent::Closed));
                self.connected.remove(&member.0);
                self.members.entry(room.to_owned()).or_default().retain(|other| *other != member.0);
            }
            Effect::Notify(_) => {}
            other => panic!("an effect of no relay: {other:?}"),
        }
    }
}

fn is_for(member: u64, to: Audience) -> bool {
    match to {
        Audience::One(one) => one.0 == member,
        Audience::AllBut(but) => but.is_none_or(|but| but.0 != member),
    }
}
