//! What rooms that write behind relay: at once, in order for each of them, and to those alone who are in the
//! room.

use super::{
    client::{Client, Frame},
    lobby::{Command, Lobby, Session},
    world::{Plan, World, until},
};

/// A world of the relaying dialect.
pub(super) fn lobby(adapt: impl FnOnce(&mut Plan)) -> World<Lobby> {
    let mut plan = Plan::default();
    adapt(&mut plan);
    World::of(plan, &Lobby::default())
}

/// Worlds that differ in where those live who are in a room: all with it, one with it, or all elsewhere.
pub(super) fn lobbies() -> [World<Lobby>; 4] {
    [(1, 1_024), (2, 1_024), (2, 1), (2, 0)].map(|(shards, moved_max)| {
        lobby(|plan| {
            plan.shards = shards;
            plan.config.limits.followers_moved_max = moved_max;
        })
    })
}

impl World<Lobby> {
    /// Somebody who has entered a room, on any of the shards.
    pub(super) fn enter(&self, n: usize, session: Session) -> Client {
        let mut client = self.attach(n % self.shards(), session);
        assert!(client.text().starts_with("welcome "));
        client
    }

    pub(super) fn describe(&self, room: &str) -> String {
        self.call(0, room, Command::Describe).unwrap()
    }
}

/// The next message, whatever its framing.
pub(super) fn next(client: &mut Client) -> String {
    match client.frame() {
        Frame::Text(text) => text,
        Frame::Binary(bytes) => String::from_utf8(bytes).unwrap(),
        Frame::Ping(payload) => {
            client.pong(&payload);
            next(client)
        }
        other => panic!("waited for a message, got {other:?}"),
    }
}

#[test]
fn who_is_in_a_room_gets_all_but_its_own_and_knows_who_comes_and_goes() {
    for world in lobbies() {
        let mut anna = world.enter(0, Session::of("r", "anna"));
        let mut ben = world.enter(1, Session::of("r", "ben"));
        assert_eq!(anna.frame(), Frame::Text("join ben".into()));
        let mut cleo = world.enter(0, Session::of("r", "cleo"));
        for other in [&mut anna, &mut ben] {
            assert_eq!(other.frame(), Frame::Text("join cleo".into()));
        }
        let mut dora = world.enter(1, Session::of("elsewhere", "dora"));
        anna.say("all one");
        anna.say("one ben two");
        anna.say("one nobody three");
        anna.say("one anna four");
        anna.say("all five");
        anna.say("ping");
        for (other, expected) in
            [(&mut ben, &["one", "two", "five"][..]), (&mut cleo, &["one", "five"][..])]
        {
            for message in expected {
                assert_eq!(other.frame(), Frame::Binary(message.as_bytes().into()));
            }
        }
        let own: Vec<String> = (0..3).map(|_| next(&mut anna)).collect();
        assert_eq!(own, ["absent", "four", "pong"]);
        ben.close();
        for other in [&mut anna, &mut cleo] {
            assert_eq!(other.frame(), Frame::Text("leave ben Closed".into()));
        }
        drop(cleo);
        assert_eq!(anna.frame(), Frame::Text("leave cleo Closed".into()));
        assert_eq!(world.describe("r"), "anna;ben Closed,cleo Closed;0 0 0");
        dora.say("ping");
        assert_eq!(dora.frame(), Frame::Text("pong".into()), "nothing came from the other room");
        drop(anna);
        until("the room has gone", || world.describe("r").starts_with(";"));
    }
}

#[test]
fn nothing_that_is_relayed_waits_for_the_device() {
    let mut plan = Plan::default();
    plan.hesitate();
    let world = World::of(plan, &Lobby::default());
    let mut anna = world.enter(0, Session::of("r", "anna"));
    let mut ben = world.enter(1, Session::of("r", "ben"));
    assert_eq!(anna.frame(), Frame::Text("join ben".into()));
    for round in 1..4 {
        anna.say(&format!("all !{round}"));
        assert_eq!(next(&mut ben), format!("!{round}"));
    }
    let mut cleo = world.attach(0, Session::of("r", "cleo").after(0));
    assert_eq!(cleo.frame(), Frame::Text("welcome 0".into()), "nothing is durable");
    for round in 1..4 {
        assert_eq!(next(&mut cleo), format!("!{round}"));
    }
    assert_eq!(world.describe("r").split(';').next_back(), Some("3 3 24"));
    world.sync();
    until("all is durable", || {
        let mut dora = world.attach(0, Session::of("r", "dora"));
        dora.frame() == Frame::Text("welcome 3".into())
    });
}

#[test]
fn a_new_connection_of_the_same_name_ends_the_one_before() {
    for world in lobbies() {
        let mut watch = world.enter(0, Session::of("r", "watch"));
        let mut olds = Vec::new();
        for n in 0..4 {
            olds.push(world.enter(n, Session::of("r", "anna")));
            assert_eq!(next(&mut watch), "join anna");
        }
        let mut last = olds.pop().unwrap();
        for old in &mut olds {
            assert_eq!(old.closed(), 4409);
        }
        until("the old ones have ended", || {
            world.describe("r") == "anna,watch;anna Closed,anna Closed,anna Closed;0 0 0"
        });
        last.say("all here");
        assert_eq!(next(&mut watch), "here", "no one has left");
        assert_eq!(world.call(0, "r", Command::Kick("anna".into())), Ok("done".into()));
        assert_eq!(last.closed(), 4403);
    }
}

#[test]
fn who_is_dismissed_instead_of_opened_has_never_been_there() {
    for world in lobbies() {
        let mut anna = world.enter(0, Session::of("r", "anna"));
        for n in 0..3 {
            assert_eq!(
                world.attach(n % world.shards(), Session::of("r", "bad")).frame(),
                Frame::Close(4403)
            );
        }
        until("they have ended", || {
            world.describe("r") == "anna;bad Closed,bad Closed,bad Closed;0 0 0"
        });
        anna.say("ping");
        assert_eq!(next(&mut anna), "pong");
    }
}

#[test]
fn a_message_over_the_limit_is_answered_as_the_dialect_says() {
    let world = lobby(|plan| plan.config.limits.message_bytes_max = 1_000);
    let mut anna = world.enter(0, Session::of("r", "anna"));
    anna.say(&format!("all {}", "x".repeat(2_000)));
    assert_eq!(anna.closed(), 4413);
}

#[test]
fn a_panic_of_a_room_ends_nobody_who_did_not_cause_it() {
    for world in lobbies() {
        let mut anna = world.enter(0, Session::of("r", "anna"));
        let mut ben = world.enter(1, Session::of("r", "ben"));
        assert_eq!(next(&mut anna), "join ben");
        assert!(world.call(0, "r", Command::Panic).is_err());
        ben.say("all still");
        assert_eq!(next(&mut anna), "still");
        assert_eq!(world.describe("r"), "anna,ben;;0 0 0");
    }
}
