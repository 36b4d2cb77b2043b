//! Lobbies: false answers to who shows a code, and codes that are guessed by many.

use syncline_protocol::dialects::peer::{
    kind::RoomKind,
    packet::{Kind, Packet},
    participant::{Event, HostPin, Why},
};

use crate::participants::{
    rogue::Rogue,
    world::{World, request},
};

const LOBBY: &str = "lobby";
const CODE: &str = "ABCD-EFGH-JKMN-PQRS";

/// Alice's data room and lobby, and somebody in the lobby who shows a code.
struct Door {
    world: World,
    data: usize,
    lobby: usize,
    mallory: Rogue,
}

impl Door {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let data = world.enter("alice");
        world.found_group(data, &[]);
        let invites = format!(r#"[{{"code":"{CODE}","isSingleUse":false}}]"#);
        let settings = format!(r#"{{"name":"lobby","ownerId":"alice","invites":{invites}}}"#);
        world.write(data, "group_settings", "g", Some(&settings));
        let lobby = enter(&mut world, "alice", None);
        let mallory = Rogue::new("mallory", seed + 1);
        world.ghosts.push(mallory.id.clone());
        Self { world, data, lobby, mallory }
    }

    fn announce(&mut self) {
        let id = self.mallory.id.clone();
        let name = request("announced");
        let mut packet = Packet::announcement(&self.mallory.keys.public(), name, id);
        let stamped = self.mallory.packet(Kind::Handshake, &self.world);
        packet.physical_time = stamped.physical_time;
        packet.sign(LOBBY, &self.mallory.keys);
        for at in 1..self.world.members.len() {
            self.world.inject(at, packet.encode());
        }
    }

    /// Alice carries what she is asked to her data room and back, for a while.
    fn run_secs(&mut self, seconds: u64) {
        for _ in 0..seconds * 10 {
            self.world.run_ms(100);
            for event in std::mem::take(&mut self.world.members[self.lobby].events) {
                if let Event::InviteAsked(ask) = event {
                    let now = self.world.now(self.data);
                    let answer = self.world.members[self.data].redeem(&ask, now).unwrap();
                    self.world.members[self.lobby].answer_invite(&ask, answer, now);
                    self.world.flush();
                }
            }
        }
    }

    fn invited_by(&self, at: usize) -> Option<(String, String)> {
        self.world.members[at].events.iter().find_map(|event| match event {
            Event::Invited { data_room, host } => Some((data_room.clone(), host.peer.to_string())),
            _ => None,
        })
    }

    /// Mallory answers the request that somebody showed last.
    fn answer_falsely(&mut self, to: usize, kind: Kind, payload: &[u8]) {
        let asked = self
            .world
            .sent
            .iter()
            .rfind(|sent| sent.from == to && sent.packet.kind == Kind::InviteReq as i32);
        let Some(request) = asked.map(|sent| sent.packet.request.clone()) else { return };
        let mut packet = self.mallory.packet(kind, &self.world);
        packet.request = request;
        packet.payload = payload.to_vec().into();
        packet.sign(LOBBY, &self.mallory.keys);
        self.world.inject(to, packet.encode());
    }
}

fn enter(world: &mut World, name: &str, host: Option<HostPin>) -> usize {
    let mut opening = world.opening(name);
    (opening.room, opening.kind) = (LOBBY.into(), RoomKind::Invite);
    opening.expected_host = host;
    let at = world.add(opening);
    world.connect(at);
    at
}

fn show(door: &mut Door, at: usize, code: &str) {
    let now = door.world.now(at);
    door.world.members[at].request_invite(code, now).unwrap();
    door.world.flush();
}

#[test]
fn who_knows_its_host_believes_nobody_else() {
    let mut door = Door::new(700);
    let keys = Some(door.world.members[door.lobby].keys());
    let alice = HostPin { peer: door.world.members[door.lobby].id.clone(), keys };
    let dave = enter(&mut door.world, "dave", Some(alice));
    door.announce();
    show(&mut door, dave, CODE);
    // The request's name is on the wire; the code is not.
    assert!(door.world.sent.iter().any(|sent| sent.packet.kind == Kind::InviteReq as i32));
    for sent in door.world.sent.iter().filter(|sent| sent.packet.kind == Kind::InviteReq as i32) {
        assert!(sent.packet.encrypted && sent.packet.target.is_some());
    }
    door.answer_falsely(dave, Kind::InviteAck, b"room-of-mallory");
    door.answer_falsely(dave, Kind::InviteNack, b"no");
    assert_eq!(door.invited_by(dave), None);
    assert!(door.world.members[dave].drops(Why::Unasked) >= 1);
    door.run_secs(3);
    assert_eq!(door.invited_by(dave), Some(("room-1".into(), "alice".into())));
}

#[test]
fn an_answer_to_nobodys_question_is_none() {
    let mut door = Door::new(702);
    let dave = enter(&mut door.world, "dave", None);
    door.world.run_ms(500);
    door.announce();
    // Before it asks, and of another request.
    for name in ["a", "b"] {
        let mut packet = door.mallory.packet(Kind::InviteAck, &door.world);
        packet.request = request(name);
        packet.payload = b"room-of-mallory".to_vec().into();
        packet.sign(LOBBY, &door.mallory.keys);
        door.world.inject(dave, packet.encode());
        show(&mut door, dave, CODE);
    }
    assert_eq!(door.world.members[dave].drops(Why::Unasked), 2);
    assert_eq!(door.invited_by(dave), None);
    // Nor one that nobody signed, or that somebody else did.
    for signs in [false, true] {
        let asked = door.world.sent.iter().rfind(|sent| sent.from == dave).unwrap();
        let mut packet = door.mallory.packet(Kind::InviteAck, &door.world);
        packet.request = asked.packet.request.clone();
        packet.sender = door.world.members[door.lobby].id.clone();
        packet.payload = b"room-of-mallory".to_vec().into();
        if signs {
            packet.sign(LOBBY, &door.mallory.keys);
        }
        door.world.inject(dave, packet.encode());
    }
    assert_eq!(door.world.members[dave].drops(Why::BadSignature), 2);
    door.run_secs(3);
    assert_eq!(door.invited_by(dave), Some(("room-1".into(), "alice".into())));
}

#[test]
fn many_who_guess_find_nothing_and_are_locked_out() {
    let mut door = Door::new(703);
    let mut guesses = 0;
    for n in 0..12 {
        let mut guesser = Rogue::new(&format!("guesser-{n}"), 704 + n);
        for try_ in 0..10 {
            let mut packet = guesser.packet(Kind::InviteReq, &door.world);
            packet.payload = format!("WRONG-{n}-{try_}").into_bytes().into();
            let keys = guesser.keys.public();
            packet.sender_public_key = keys.sign.to_vec().into();
            packet.encryption_public_key = keys.exchange.to_vec().into();
            packet.sign(LOBBY, &guesser.keys);
            let lobby = door.lobby;
            door.world.inject(lobby, packet.encode());
            guesses += 1;
        }
        door.run_secs(1);
    }
    assert_eq!(guesses, 120);
    let before = door.world.members[door.data].value("group_settings", "g");
    // Who has the code is not let in meanwhile, nor told anything else than who guesses.
    let dave = enter(&mut door.world, "dave", None);
    show(&mut door, dave, CODE);
    door.run_secs(20);
    assert_eq!(door.invited_by(dave), None);
    assert_eq!(door.world.members[door.data].value("members", "dave"), None);
    assert_eq!(door.world.members[door.data].value("group_settings", "g"), before);
    door.run_secs(600);
    show(&mut door, dave, CODE);
    door.run_secs(10);
    assert_eq!(door.invited_by(dave), Some(("room-1".into(), "alice".into())));
}

#[test]
fn a_code_for_a_host_whose_keys_are_known_is_never_shown_in_the_open() {
    let mut door = Door::new(705);
    let keys = Some(door.world.members[door.lobby].keys());
    let alice = HostPin { peer: door.world.members[door.lobby].id.clone(), keys };
    // She is away, or the server says so: then it would like to see what is sent for her.
    let lobby = door.lobby;
    door.world.disconnect(lobby);
    let dave = enter(&mut door.world, "dave", Some(alice));
    let since = door.world.sent.len();
    show(&mut door, dave, CODE);
    door.world.run_secs(8);
    let in_the_open = |door: &Door| {
        let shown = door.world.sent_since(since, Kind::InviteReq);
        shown.iter().filter(|sent| !sent.packet.encrypted).count()
    };
    assert_eq!(in_the_open(&door), 0);
    door.world.connect(lobby);
    door.run_secs(5);
    assert_eq!(door.invited_by(dave), Some(("room-1".into(), "alice".into())));
    assert_eq!(in_the_open(&door), 0);
}

#[test]
fn in_a_lobby_nobody_is_asked_for_the_time() {
    // A server lets one say a word in a second there: what is said must be worth it.
    let mut door = Door::new(706);
    let since = door.world.sent.len();
    let dave = enter(&mut door.world, "dave", None);
    show(&mut door, dave, CODE);
    door.run_secs(150);
    assert!(door.invited_by(dave).is_some());
    let controls = door.world.sent_since(since, Kind::UnicastReq);
    let lobby = controls.iter().filter(|sent| door.world.members[sent.from].room == LOBBY);
    assert_eq!(lobby.count(), 1, "the host's keys in the data room, and nothing else");
}
