//! Peers that do not take what is relayed: they are closed when too much waits, and nobody else notices.

use std::rc::Rc;

use syncline_protocol::dialect::Queue;

use super::{
    super::follow::Follow,
    client::{Client, Frame},
    lobby::{Lobby, Session},
    relaying::next,
    world::{Plan, World, until},
};

const FRAMES_MAX: usize = 10;

fn narrow(shards: usize, moved_max: usize, queue: Queue) -> World<Lobby> {
    let mut plan = Plan { shards, ..Plan::default() };
    plan.config.limits.followers_moved_max = moved_max;
    World::of(plan, &Lobby { queue: Some(queue), ..Lobby::default() })
}

/// Bytes that wait for anybody in the world.
fn waiting(world: &World<Lobby>) -> usize {
    let on_shard = |shard| {
        world.on(shard, |hub| {
            let connections = hub.connections.borrow();
            connections.iter().map(|(_, connection)| connection.queued_bytes()).sum::<usize>()
        })
    };
    (0..world.shards()).map(on_shard).sum()
}

/// Sends a message and waits until somebody else has it.
fn say(from: &mut Client, to: &mut Client, message: &str) {
    from.say(&format!("all {message}"));
    assert_eq!(next(to).len(), message.len());
}

#[test]
fn who_has_too_many_frames_waiting_is_closed_and_nobody_else() {
    let queue = Queue { frames_max: FRAMES_MAX, bytes_max: usize::MAX };
    for (shards, moved_max) in [(1, 1_024), (2, 0)] {
        let world = narrow(shards, moved_max, queue);
        let mut slow = world.enter(0, Session::of("r", "slow"));
        let mut anna = world.enter(0, Session::of("r", "anna"));
        let mut ben = world.enter(1, Session::of("r", "ben"));
        assert_eq!(next(&mut anna), "join ben");
        let large = "x".repeat(60_000);
        while waiting(&world) == 0 {
            say(&mut anna, &mut ben, &large);
        }
        // One waits, cut in the midst; the kernel may take a little more yet.
        for _ in 1..FRAMES_MAX {
            say(&mut anna, &mut ben, "small");
        }
        assert_eq!(world.metric("syncline_connections_closed_total{code=\"4408\"}"), 0);
        let mut more = 0;
        loop {
            anna.say("all small");
            match &next(&mut ben)[..] {
                "small" => more += 1,
                "leave slow Closed" => break,
                other => panic!("{other}"),
            }
            assert!(more < 200, "it is closed some time");
        }
        assert_eq!(next(&mut anna), "leave slow Closed");
        assert_eq!(slow.closed(), 4408);
        assert_eq!(world.metric("syncline_connections_closed_total{code=\"4408\"}"), 1);
        drop(world);
    }
}

#[test]
fn who_has_too_many_bytes_waiting_is_closed_and_those_who_take_them_are_not() {
    let queue = Queue { frames_max: usize::MAX, bytes_max: 200_000 };
    for (shards, moved_max) in [(1, 1_024), (2, 0)] {
        let world = narrow(shards, moved_max, queue);
        let mut slow = world.enter(1, Session::of("r", "slow"));
        let mut anna = world.enter(0, Session::of("r", "anna"));
        let mut ben = world.enter(1, Session::of("r", "ben"));
        assert_eq!(next(&mut anna), "join ben");
        let large = "x".repeat(60_000);
        let one = "y".repeat(40_000);
        for n in 0.. {
            assert!(n < 400, "it is closed some time");
            anna.say(&format!("one slow {one}"));
            anna.say(&format!("all {large}"));
            let heard = next(&mut ben);
            if heard == "leave slow Closed" {
                break;
            }
            assert_eq!(heard.len(), large.len());
        }
        assert_eq!(slow.closed(), 4408);
    }
}

#[test]
fn what_is_held_during_a_replay_has_the_same_bound() {
    let queue = Queue { frames_max: FRAMES_MAX, bytes_max: usize::MAX };
    for (shards, moved_max) in [(1, 1_024), (2, 0)] {
        let world = narrow(shards, moved_max, queue);
        let mut anna = world.enter(0, Session::of("r", "anna"));
        let mut ben = world.enter(1, Session::of("r", "ben"));
        assert_eq!(next(&mut anna), "join ben");
        let large = format!("!{}", "x".repeat(60_000));
        for _ in 0..60 {
            say(&mut anna, &mut ben, &large);
        }
        let mut late = world.enter(1, Session::of("r", "late").after(0));
        let mut slow = world.enter(0, Session::of("r", "slow").after(0));
        for _ in 0..2 {
            next(&mut ben);
        }
        until("one is in the midst of it", || waiting(&world) > 0);
        // It has its history first, and then what was relayed, as much of it as may be held.
        for n in 0..FRAMES_MAX - 1 {
            say(&mut anna, &mut ben, &n.to_string());
        }
        for _ in 0..60 {
            assert_eq!(next(&mut late).len(), large.len());
        }
        assert_eq!(next(&mut late), "join slow");
        for n in 0..FRAMES_MAX - 1 {
            assert_eq!(next(&mut late), n.to_string());
        }
        for n in 0..2 {
            say(&mut anna, &mut late, &n.to_string());
            assert_eq!(next(&mut ben), n.to_string());
        }
        assert_eq!(next(&mut ben), "leave slow Closed");
        assert_eq!(slow.closed(), 4408);
        let is_live = |shard| {
            world.on(shard, |hub| {
                let connections = hub.connections.borrow();
                connections.iter().all(|(_, connection): (_, &Rc<_>)| {
                    matches!(&*connection.follow(), Follow::Live | Follow::Nothing)
                })
            })
        };
        assert!((0..world.shards()).all(is_live));
        late.say("all thanks");
        assert_eq!(next(&mut ben), "thanks");
        let end = loop {
            match anna.frame() {
                Frame::Binary(message) if message == b"thanks" => break true,
                Frame::End => break false,
                _ => {}
            }
        };
        assert!(end);
    }
}
