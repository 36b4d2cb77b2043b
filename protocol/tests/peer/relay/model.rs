//! Random rooms against a plain model: who is in it, what each one hears and in which order, how each one
//! is closed, what is stored.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};
use syncline_protocol::{
    dialect::{Ended, Member, UnixMillis},
    dialects::peer::{
        id::RequestId,
        kind::RoomKind,
        relay::{Code, Command, Control, FOREVER, Handshake, Left, Rate, Settings, Stored},
    },
};

use super::double::{Got, World, handshake, id, packet};

const NAMES: [&str; 5] = ["alice", "bob", "carol", "user:Bob", "dave"];
const PARTICIPANTS_MAX: usize = 3;
const PACKETS_MAX: u64 = 5;

fn settings() -> Settings {
    let mut settings = Settings {
        participants_max: PARTICIPANTS_MAX,
        invite_participants_max: PARTICIPANTS_MAX,
        invite_packets: Rate { per_second: 1, burst: 1000 },
        enters: Rate { per_second: 0, burst: 1 },
        ..Settings::default()
    };
    settings.retention.packets_max = PACKETS_MAX;
    settings
}

#[derive(Clone, Debug)]
enum Happens {
    Enter { name: usize, kind: RoomKind, since_seq: Option<u64> },
    End { which: prop::sample::Index, how: Ended },
    Send { which: prop::sample::Index, kind: i32, from: Option<usize>, to: Option<usize> },
    Rubbish { which: prop::sample::Index },
    Kick { name: usize, ban: bool },
    Unban { name: usize },
    Close,
    Sweep,
}

fn any_event() -> impl Strategy<Value = Happens> {
    let name = || 0..NAMES.len();
    let kind = prop_oneof![4 => Just(RoomKind::Data), 1 => Just(RoomKind::Invite)];
    let how = prop_oneof![Just(Ended::Closed), Just(Ended::TimedOut)];
    let target = proptest::option::of(name());
    let forged = proptest::option::weighted(0.1, name());
    prop_oneof![
        4 => (name(), kind, proptest::option::of(0..12_u64))
            .prop_map(|(name, kind, since_seq)| Happens::Enter { name, kind, since_seq }),
        2 => (any::<prop::sample::Index>(), how).prop_map(|(which, how)| Happens::End { which, how }),
        12 => (any::<prop::sample::Index>(), 0..11, forged, target)
            .prop_map(|(which, kind, from, to)| Happens::Send { which, kind, from, to }),
        1 => any::<prop::sample::Index>().prop_map(|which| Happens::Rubbish { which }),
        1 => (name(), any::<bool>()).prop_map(|(name, ban)| Happens::Kick { name, ban }),
        1 => name().prop_map(|name| Happens::Unban { name }),
        1 => Just(Happens::Close),
        1 => Just(Happens::Sweep),
    ]
}

/// What should be.
#[derive(Default)]
struct Model {
    kind: Option<RoomKind>,
    here: BTreeMap<&'static str, Member>,
    /// Everything that each connection has heard.
    heard: BTreeMap<Member, Vec<Got>>,
    banned: BTreeSet<String>,
    stored: Vec<(u64, Bytes)>,
    last_seq: u64,
}

fn text(control: &Control) -> Got {
    Got::Text(String::from_utf8(control.encode()).unwrap())
}

fn canonical(name: &str) -> String {
    name.to_lowercase().trim_start_matches("user:").to_owned()
}

impl Model {
    fn hear(&mut self, member: Member, got: Got) {
        self.heard.entry(member).or_default().push(got);
    }

    fn all_hear(&mut self, but: &str, got: &Got) {
        let others: Vec<Member> =
            self.here.iter().filter(|(name, _)| **name != but).map(|(_, member)| *member).collect();
        others.into_iter().for_each(|member| self.hear(member, got.clone()));
    }

    fn go(&mut self, name: &str, reason: Left) {
        self.here.remove(name);
        self.all_hear("", &text(&Control::Leave { id: id(name), reason }));
        if self.here.is_empty() {
            self.kind = None;
        }
    }

    fn enter(
        &mut self,
        member: Member,
        name: &'static str,
        kind: RoomKind,
        since: Option<u64>,
        now: UnixMillis,
    ) {
        let others = self.here.keys().filter(|other| **other != name).count();
        let is_wrong = self.kind.is_some_and(|live| live != kind);
        if self.banned.contains(&canonical(name)) || is_wrong || others >= PARTICIPANTS_MAX {
            return self.hear(member, Got::Closed(4403));
        }
        if let Some(before) = self.here.get(name).copied() {
            self.hear(before, Got::Closed(4409));
            self.go(name, Left::Replaced);
        }
        self.kind = Some(kind);
        self.all_hear("", &text(&Control::Join(id(name))));
        let participants: Vec<_> = self.here.keys().map(|name| id(name)).collect();
        let mut of_welcome = World::new(settings());
        of_welcome.now = now;
        let alone = of_welcome.connect(Handshake { kind, ..handshake(name) });
        let Control::Welcome(mut welcome) = of_welcome.told(alone).remove(0) else { panic!() };
        (welcome.participants, welcome.last_seq) = (participants, self.last_seq);
        self.hear(member, text(&Control::Welcome(welcome)));
        if let (Some(since), RoomKind::Data) = (since, kind) {
            for (seq, frame) in self.stored.clone() {
                let record = record(&frame);
                let route = Stored::decode(&record).unwrap().route;
                let is_for_it = route.target_id.is_empty() || route.target_id == name;
                if seq > since && is_for_it && route.sender_id != name {
                    self.hear(member, Got::Packet(frame));
                }
            }
        }
        self.here.insert(name, member);
    }

    fn send(&mut self, name: &str, frame: &Bytes) {
        let from = self.here[name];
        let record = record(frame);
        let route = Stored::decode(&record).unwrap().route;
        let request = RequestId::new(route.request_id).unwrap();
        let refused = |code| text(&Control::Error { code, request_id: Some(request.clone()) });
        if route.sender_id != name {
            return self.hear(from, refused(Code::SenderMismatch));
        }
        let is_lobby = self.kind == Some(RoomKind::Invite);
        if is_lobby && ![3, 5, 6, 7, 8, 9].contains(&route.kind) {
            return self.hear(from, refused(Code::TypeNotAllowed));
        }
        match (route.target_id, self.here.get(route.target_id).copied()) {
            ("", _) => self.all_hear(name, &Got::Packet(frame.clone())),
            (target, Some(to)) if target != name => self.hear(to, Got::Packet(frame.clone())),
            (target_id, _) => {
                let (request_id, target_id) = (request, target_id.to_owned());
                self.hear(from, text(&Control::Undeliverable { request_id, target_id }));
            }
        }
        if route.kind == 2 && !is_lobby && route.target_id != name {
            self.last_seq += 1;
            self.stored.push((self.last_seq, frame.clone()));
            if self.stored.len() as u64 > PACKETS_MAX {
                self.stored.remove(0);
            }
        }
    }
}

fn record(frame: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    Stored::encode(UnixMillis(0), frame, &mut record);
    record
}

/// Both of them.
struct Both {
    model: Model,
    world: World,
    /// The connections that are not known to be closed, with their names.
    open: Vec<(&'static str, Member)>,
    count: u32,
}

impl Both {
    fn happen(&mut self, event: &Happens) {
        self.count += 1;
        self.world.after_ms(10);
        match *event {
            Happens::Enter { name, kind, since_seq } => {
                let (name, now) = (NAMES[name], self.world.now);
                let may_read_history = since_seq.is_some();
                let handshake = Handshake { kind, since_seq, may_read_history, ..handshake(name) };
                let member = self.world.connect(handshake);
                self.model.enter(member, name, kind, since_seq, now);
                self.open.push((name, member));
            }
            Happens::End { which, how } if !self.open.is_empty() => {
                let (name, member) = self.open.remove(which.index(self.open.len()));
                self.world.end(member, how);
                if self.model.here.get(name) == Some(&member) {
                    let reason = if how == Ended::Closed { Left::Closed } else { Left::Timeout };
                    self.model.go(name, reason);
                }
            }
            Happens::Send { which, kind, from, to } if !self.open.is_empty() => {
                let (name, member) = self.open[which.index(self.open.len())];
                let sender = from.map_or(name, |from| NAMES[from]);
                let request = format!("r{}", self.count);
                let frame = packet(kind, &request, sender, to.map_or("", |to| NAMES[to]), b"x");
                self.world.send(member, &frame);
                if self.model.here.get(name) == Some(&member) {
                    self.model.send(name, &frame);
                }
            }
            Happens::Rubbish { which } if !self.open.is_empty() => {
                let (name, member) = self.open[which.index(self.open.len())];
                self.world.send(member, &Bytes::from_static(b"\x0f"));
                if self.model.here.get(name) == Some(&member) {
                    let error = Control::Error { code: Code::Malformed, request_id: None };
                    self.model.hear(member, text(&error));
                    self.model.hear(member, Got::Closed(4400));
                    self.model.go(name, Left::Closed);
                }
            }
            Happens::Kick { name, ban } => self.kick(NAMES[name], ban),
            Happens::Unban { name } => {
                self.world.call(Command::Unban { identity: id(NAMES[name]) });
                self.model.banned.remove(&canonical(NAMES[name]));
            }
            Happens::Close => {
                self.world.call(Command::CloseRoom);
                for (_, member) in std::mem::take(&mut self.model.here) {
                    self.model.hear(member, Got::Closed(4403));
                }
                self.model.kind = None;
            }
            Happens::Sweep => drop(self.world.call(Command::Sweep)),
            _ => {}
        }
    }

    fn kick(&mut self, name: &str, ban: bool) {
        let ban_until = ban.then_some(FOREVER);
        self.world.call(Command::Kick { identity: id(name), ban_until });
        if ban {
            self.model.banned.insert(canonical(name));
        }
        for (other, member) in self.model.here.clone() {
            if canonical(other) == canonical(name) {
                self.model.hear(member, Got::Closed(4403));
                self.model.go(other, Left::Kicked);
            }
        }
    }

    fn compare(&mut self) {
        let heard = std::mem::take(&mut self.model.heard);
        for &(name, member) in &self.open {
            let expected = heard.get(&member).cloned().unwrap_or_default();
            assert_eq!(self.world.got(member), expected, "{name}");
            assert_eq!(self.world.is_open(member), self.model.here.get(name) == Some(&member));
        }
        let stored: Vec<_> =
            self.world.memory.log.iter().map(|record| record[9..].to_vec()).collect();
        let expected: Vec<_> = self.model.stored.iter().map(|(_, frame)| frame.to_vec()).collect();
        assert_eq!(stored, expected);
    }
}

fn cases() -> u32 {
    let asked = std::env::var("SYNCLINE_TEST_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    asked.unwrap_or(200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn a_room_does_what_a_plain_room_does(events in vec(any_event(), 1..120)) {
        let (model, world) = (Model::default(), World::new(settings()));
        let mut both = Both { model, world, open: vec![], count: 0 };
        for event in &events {
            both.happen(event);
            both.compare();
        }
    }
}
