//! What the clock brings: the end of a session's right to be here.

use syncline_protocol::dialect::UnixMillis;

use super::{
    session::Session,
    world::{World, until},
};

#[test]
fn who_speaks_with_many_rooms_is_told_that_time_goes_by() {
    let world = World::start(|_| ());
    let mut peers =
        [0, 1].map(|shard| world.attach(shard, Session { ticks: true, ..Session::many() }));
    let mut follower = world.attach(0, Session { ticks: true, ..Session::of("room") });
    for peer in &mut peers {
        assert_eq!([peer.text(), peer.text()], ["tick", "tick"]);
    }
    follower.opening();
    follower.say("nonsense");
    assert_eq!(follower.text(), "what?");
}

#[test]
fn a_session_is_closed_when_its_time_has_come() {
    let world = World::start(|_| ());
    for shard in [0, 1] {
        let room = world.room_of(0);
        let mut staying = world.attach(shard, Session { expires: None, ..Session::of(&room) });
        staying.opening();
        let later = Some(UnixMillis(u64::MAX));
        let mut patient = world.attach(shard, Session { expires: later, ..Session::of(&room) });
        patient.opening();
        let past = Some(UnixMillis(1));
        let mut expired = world.attach(shard, Session { expires: past, ..Session::of(&room) });
        assert_eq!(expired.closed(), 4001);
        for peer in [&mut staying, &mut patient] {
            peer.say("nonsense");
            assert_eq!(peer.text(), "what?");
        }
    }
    assert_eq!(world.metric("syncline_violations_total"), 0);
    until("it is counted", || {
        world.metric("syncline_connections_closed_total{code=\"4001\"}") == 2
    });
}
