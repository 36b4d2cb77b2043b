//! What the hub knows of what a peer has received: with its pongs, in order, and no further.

use super::{
    client::{Client, Frame},
    session::Session,
    world::World,
};

fn world(moved_max: usize) -> World {
    World::start(|plan| plan.config.limits.followers_moved_max = moved_max)
}

fn ping(peer: &mut Client) -> Vec<u8> {
    match peer.frame() {
        Frame::Ping(payload) => payload,
        other => panic!("waited for a ping, got {other:?}"),
    }
}

fn text(peer: &mut Client) -> String {
    match peer.frame() {
        Frame::Text(text) => text,
        other => panic!("waited for a message, got {other:?}"),
    }
}

fn marks(peer: &mut Client) -> String {
    peer.say("marks");
    text(peer)
}

#[test]
fn marks_move_with_pongs_and_one_ping_is_out_at_a_time() {
    for moved_max in [1_024, 0] {
        let world = world(moved_max);
        let room = world.room_of(1);
        let mut peer = world.attach(0, Session::of(&room));
        let mut other = world.attach(1, Session::of(&room));
        let opening = text(&mut peer);
        let v: u64 = opening.split(' ').nth(1).unwrap().parse().unwrap();
        other.opening();
        let first = ping(&mut peer);
        assert!((8..=16).contains(&first.len()));
        assert_eq!(marks(&mut peer), format!("marks false {v} 0 true"), "said, not yet received");
        // More is sent; no second ping while the first is out.
        other.say("put k 1");
        assert_eq!(text(&mut peer), format!("set {} k=1", v + 1));
        other.say("put k 2");
        assert_eq!(text(&mut peer), format!("set {} k=2", v + 2));
        assert_eq!(marks(&mut peer), format!("marks false {v} 0 true"));
        peer.pong(b"what is this");
        assert_eq!(marks(&mut peer), format!("marks false {v} 0 true"), "that was no answer");
        peer.pong(&first);
        let second = ping(&mut peer);
        assert_eq!(marks(&mut peer), format!("marks true {v} 0 true"), "only what was before");
        peer.pong(&second);
        assert_eq!(marks(&mut peer), format!("marks true {} 0 true", v + 2));
        peer.pong(&first);
        assert_eq!(marks(&mut peer), format!("marks true {} 0 true", v + 2), "no way back");
    }
}

#[test]
fn its_own_changes_need_no_ping() {
    for moved_max in [1_024, 0] {
        let world = world(moved_max);
        let room = world.room_of(1);
        let mut peer = world.attach(0, Session::of(&room));
        let opening = text(&mut peer);
        let v: u64 = opening.split(' ').nth(1).unwrap().parse().unwrap();
        let payload = ping(&mut peer);
        peer.pong(&payload);
        for n in 1..=3 {
            peer.say("quiet k mine");
            peer.say("marks"); // is released after the change, and was asked before: settles it
            text(&mut peer);
            assert_eq!(marks(&mut peer), format!("marks true {} 0 true", v + n));
        }
    }
}

#[test]
fn a_sign_of_life_repeats_the_ping_that_waits() {
    let world = World::start(|plan| {
        plan.config.limits.ping_interval = std::time::Duration::from_millis(50);
    });
    let room = world.room_of(0);
    let mut peer = world.attach(0, Session::of(&room));
    assert!(text(&mut peer).starts_with("open "));
    let first = ping(&mut peer);
    assert_eq!(ping(&mut peer), first, "a peer may answer the newest ping alone");
    peer.pong(&first);
    assert_eq!(ping(&mut peer), b"", "nothing waits any more");
}
