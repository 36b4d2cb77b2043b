//! Invites: checks 31 and 32. An owner carries codes and answers between its rooms, as here.

use syncline_protocol::dialects::peer::{
    id::CanonicalId,
    kind::RoomKind,
    packet::Kind,
    participant::{Event, HostPin, Why},
};

use super::world::World;

const CODE: &str = "ABCD-EFGH-JKMN-PQRS";

/// Alice owns a group with an invite, and is in its invite room too. The places of her participants.
struct Lobby {
    world: World,
    data: usize,
    lobby: usize,
}

fn settings(invites: &str) -> String {
    format!(r#"{{"name":"lobby","ownerId":"alice","invites":[{invites}]}}"#)
}

impl Lobby {
    fn new(seed: u64, invites: &str) -> Self {
        let mut world = World::new(seed);
        let data = world.enter("alice");
        world.found_group(data, &[]);
        world.write(data, "group_settings", "g", Some(&settings(invites)));
        let lobby = Self::enter(&mut world, "alice", None);
        Self { world, data, lobby }
    }

    fn enter(world: &mut World, name: &str, host: Option<HostPin>) -> usize {
        let mut opening = world.opening(name);
        (opening.room, opening.kind) = ("lobby".into(), RoomKind::Invite);
        opening.expected_host = host;
        let at = world.add(opening);
        world.connect(at);
        at
    }

    fn joiner(&mut self, name: &str, code: &str) -> usize {
        let at = Self::enter(&mut self.world, name, None);
        self.world.run_ms(300);
        self.show(at, code);
        at
    }

    fn show(&mut self, at: usize, code: &str) {
        self.world.members[at].events.clear();
        let now = self.world.now(at);
        self.world.members[at].request_invite(code, now).unwrap();
        self.world.flush();
    }

    /// Lets time pass in which Alice carries what she is asked to her data room and back.
    fn run_ms(&mut self, millis: u64) {
        for _ in 0..millis.div_ceil(50) {
            self.world.run_ms(50);
            self.carry(self.lobby, self.data);
        }
    }

    fn carry(&mut self, lobby: usize, data: usize) {
        let events = std::mem::take(&mut self.world.members[lobby].events);
        for event in events {
            if let Event::InviteAsked(ask) = event {
                let now = self.world.now(data);
                let answer = self.world.members[data].redeem(&ask, now).unwrap();
                self.world.flush();
                self.world.members[lobby].answer_invite(&ask, answer, now);
                self.world.flush();
            }
        }
    }

    fn invited(&self, at: usize) -> Option<(String, HostPin)> {
        self.world.members[at].events.iter().find_map(|event| match event {
            Event::Invited { data_room, host } => Some((data_room.clone(), host.clone())),
            _ => None,
        })
    }

    fn is_refused(&self, at: usize) -> bool {
        self.world.members[at].saw(|event| matches!(event, Event::InviteRefused { .. })) > 0
    }

    fn member(&self, name: &str) -> Option<String> {
        self.world.members[self.data].value("members", name)
    }
}

fn invite(rest: &str) -> String {
    format!(r#"{{"code":"{CODE}"{rest}}}"#)
}

#[test]
fn check_31_a_code_lets_in_once() {
    let mut lobby = Lobby::new(100, &invite(""));
    let bob = lobby.joiner("bob", &CODE.to_lowercase());
    lobby.run_ms(500);
    let (room, host) = lobby.invited(bob).unwrap();
    assert_eq!(room, "room-1");
    assert_eq!(host.peer.as_str(), "alice");
    assert_eq!(host.keys, Some(lobby.world.members[lobby.data].keys()));
    assert!(lobby.member("bob").unwrap().contains("member"));
    let left = lobby.world.members[lobby.data].value("group_settings", "g").unwrap();
    assert!(!left.contains(CODE), "{left}");
    // The same code with a new request.
    let eve = lobby.joiner("eve", CODE);
    lobby.run_ms(4000);
    assert!(lobby.is_refused(eve) && lobby.invited(eve).is_none());
    assert_eq!(lobby.member("eve"), None);
    // And he gets in, and has all.
    let mut opening = lobby.world.opening("bob");
    opening.expected_host = Some(host);
    let inside = lobby.world.add(opening);
    lobby.world.connect(inside);
    lobby.world.write(lobby.data, "tasks", "1", Some("x"));
    lobby.world.run_secs(10);
    assert_eq!(lobby.world.members[inside].value("tasks", "1").as_deref(), Some("x"));
    assert_eq!(lobby.world.members[inside].epoch(), Some(1));
    assert_eq!(lobby.world.members[inside].digest(), lobby.world.members[lobby.data].digest());
}

#[test]
fn check_31_an_answer_that_is_lost_is_given_again_and_nothing_used_up_twice() {
    let many = invite(r#","isSingleUse":true"#);
    let mut lobby = Lobby::new(101, &many);
    let mut lost = 0;
    lobby.world.fate = Box::new(move |sent, _| {
        if sent.packet.kind == Kind::InviteAck as i32 && lost == 0 {
            lost += 1;
            return None;
        }
        Some(std::time::Duration::ZERO)
    });
    let bob = lobby.joiner("bob", CODE);
    lobby.run_ms(500);
    assert!(lobby.invited(bob).is_none());
    let settings = lobby.world.members[lobby.data].value("group_settings", "g");
    let digest = lobby.world.members[lobby.data].digest();
    lobby.run_ms(2500);
    assert!(lobby.invited(bob).is_some());
    assert_eq!(lobby.world.members[lobby.data].value("group_settings", "g"), settings);
    assert_eq!(lobby.world.members[lobby.data].digest(), digest);
    let redeemed = |event: &Event| matches!(event, Event::InviteRedeemed { .. });
    assert_eq!(lobby.world.members[lobby.data].saw(redeemed), 1);
}

#[test]
fn check_31_what_was_granted_survives_a_restart_of_the_host() {
    let mut lobby = Lobby::new(102, &invite(""));
    let lost = std::rc::Rc::new(std::cell::Cell::new(true));
    let is_lost = lost.clone();
    lobby.world.fate = Box::new(move |sent, _| {
        let is_ack = sent.packet.kind == Kind::InviteAck as i32;
        (!(is_ack && is_lost.get())).then_some(std::time::Duration::ZERO)
    });
    let bob = lobby.joiner("bob", CODE);
    lobby.run_ms(500);
    assert!(lobby.member("bob").is_some() && lobby.invited(bob).is_none());
    lobby.world.restart_kept(lobby.data);
    lobby.world.connect(lobby.data);
    lost.set(false);
    lobby.run_ms(4000);
    assert!(lobby.invited(bob).is_some());
}

#[test]
fn check_31_what_expired_is_refused_and_what_is_no_invite_passed_over() {
    let expired = invite(r#","expiresAt":"2020-01-01T00:00:00Z""#);
    let good = r#"{"code":"SOMETHING-ELSE-0000","expiresAt":"2100-01-01T00:00:00Z"}"#;
    let mut lobby = Lobby::new(103, &format!(r#"7,{{"code":7}},{expired},{good}"#));
    lobby.world.write(lobby.data, "group_settings", "bad", Some("[not json"));
    let bob = lobby.joiner("bob", CODE);
    lobby.run_ms(4000);
    assert!(lobby.is_refused(bob));
    let carol = lobby.joiner("carol", "something-else-0000");
    lobby.run_ms(500);
    assert!(lobby.invited(carol).is_some());
}

#[test]
fn check_31_where_no_group_has_the_name_there_is_silence() {
    let mut lobby = Lobby::new(104, &invite(""));
    let other = r#"{"name":"elsewhere","ownerId":"alice","invites":[]}"#;
    lobby.world.write(lobby.data, "group_settings", "g", Some(other));
    let bob = lobby.joiner("bob", CODE);
    lobby.run_ms(14_000);
    assert!(!lobby.is_refused(bob));
    lobby.run_ms(2000);
    let unanswered = |event: &Event| *event == Event::InviteUnanswered;
    assert_eq!(lobby.world.members[bob].saw(unanswered), 1);
    let asked = lobby.world.sent_since(0, Kind::InviteReq);
    assert_eq!(asked.len(), 8, "each 2 s for 15 s");
    assert!(asked.iter().all(|sent| sent.packet.request == asked[0].packet.request));
}

#[test]
fn check_32_who_guesses_is_locked_out_for_a_while() {
    let mut lobby = Lobby::new(105, &invite(""));
    for n in 0..20 {
        let eve = lobby.joiner(&format!("eve-{n}"), &format!("WRONG-{n}"));
        lobby.run_ms(4000);
        assert!(lobby.is_refused(eve), "{n}");
        lobby.world.disconnect(eve);
    }
    let bob = lobby.joiner("bob", CODE);
    lobby.run_ms(4000);
    assert!(lobby.invited(bob).is_none(), "locked");
    lobby.world.run_secs(600);
    lobby.show(bob, CODE);
    lobby.run_ms(1000);
    assert!(lobby.invited(bob).is_some());
}

#[test]
fn refusals_are_late_and_say_nothing() {
    let mut lobby = Lobby::new(106, &invite(""));
    let since = lobby.world.sent.len();
    let _eve = lobby.joiner("eve", "WRONG");
    lobby.run_ms(450);
    assert_eq!(lobby.world.sent_since(since, Kind::InviteNack).len(), 0);
    lobby.run_ms(200);
    let told = lobby.world.sent_since(since, Kind::InviteNack);
    assert_eq!(told.len(), 1);
    assert!(told[0].packet.encrypted && told[0].packet.target.is_some());
}

#[test]
fn a_code_for_a_known_host_is_seen_by_nobody_else() {
    // H14.
    let mut lobby = Lobby::new(107, &invite(""));
    let keys = Some(lobby.world.members[lobby.lobby].keys());
    let peer = lobby.world.members[lobby.lobby].id.clone();
    let bob = Lobby::enter(&mut lobby.world, "bob", Some(HostPin { peer: peer.clone(), keys }));
    lobby.show(bob, CODE);
    lobby.run_ms(500);
    assert!(lobby.invited(bob).is_some());
    let asked = lobby.world.sent_since(0, Kind::InviteReq);
    assert!(asked.iter().all(|sent| sent.packet.encrypted));
    assert!(asked.iter().all(|sent| sent.packet.target.as_ref() == Some(&peer)));
    for sent in &lobby.world.sent {
        let shown = sent.frame.windows(CODE.len()).any(|part| part == CODE.as_bytes());
        assert!(!shown, "the code is in a packet of type {}", sent.packet.kind);
    }
}

#[test]
fn of_two_hosts_one_lets_in() {
    let mut lobby = Lobby::new(108, &invite(""));
    let data = lobby.data;
    lobby.world.write(data, "members", "zoe", Some(r#"{"roleIds":["admin"]}"#));
    let zoe = lobby.world.enter_invited("zoe", data);
    lobby.world.run_secs(10);
    let zoe_lobby = Lobby::enter(&mut lobby.world, "zoe", None);
    let bob = lobby.joiner("bob", CODE);
    for _ in 0..100 {
        lobby.world.run_ms(50);
        lobby.carry(lobby.lobby, data);
        lobby.carry(zoe_lobby, zoe);
    }
    assert!(lobby.invited(bob).is_some());
    assert!(!lobby.is_refused(bob));
    let redeemed = |event: &Event| matches!(event, Event::InviteRedeemed { .. });
    let times: usize = [data, zoe].iter().map(|at| lobby.world.members[*at].saw(redeemed)).sum();
    assert_eq!(times, 1);
    let owner = CanonicalId::of("bob");
    assert_eq!(owner.as_str(), "bob");
    assert!(lobby.world.members[zoe].value("members", "bob").is_some());
}

#[test]
fn rooms_of_one_kind_take_nothing_of_the_other() {
    let mut lobby = Lobby::new(109, &invite(""));
    let now = lobby.world.now(0);
    assert!(lobby.world.members[lobby.data].request_invite(CODE, now).is_err());
    let edits = vec![];
    assert!(lobby.world.members[lobby.lobby].write(edits, now).is_err());
    lobby.joiner("bob", CODE);
    lobby.world.run_ms(10);
    let asked = lobby.world.sent_since(0, Kind::InviteReq)[0].frame.clone();
    lobby.world.inject(lobby.data, asked);
    assert_eq!(lobby.world.members[lobby.data].drops(Why::WrongRoomKind), 1);
}
