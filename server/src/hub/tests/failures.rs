//! Turns that cannot be committed, and commands that cannot be applied: who is told, and what is left.

use syncline_engine::storage::sim::{Call, Charge, Fault};

use super::{
    super::CallFailed,
    probe::Command,
    session::Session,
    world::{Plan, World},
};

fn put(key: &str, value: &str) -> Command {
    Command::Put { key: key.into(), value: value.into(), echo: true }
}

fn get(key: &str) -> Command {
    Command::Get { map: 0, key: key.into() }
}

#[test]
fn nothing_of_a_turn_happens_that_cannot_be_committed() {
    let world = World::start(|plan| plan.options.record_bytes_max = 1_000);
    let room = world.room_of(0);
    assert_eq!(world.call(0, &room, put("k", "before")).map(drop), Ok(()));
    let mut watching = world.attach(1, Session::of(&room));
    let (version, entries) = watching.opening();
    assert_eq!(entries, "k=before");
    let large = "x".repeat(2_000);
    let failed = world.calls(0, &room, vec![put("k", "lost"), get("k"), put("l", &large)]);
    for answer in failed {
        assert_eq!(answer.recv().unwrap(), Err(CallFailed::Unreadable));
    }
    assert_eq!(world.call(1, &room, get("k")), Ok("before".into()));
    assert_eq!(world.call(1, &room, get("l")), Ok("nothing".into()));
    assert_eq!(world.metric("syncline_commit_failures_total"), 1);
    // The room goes on, and who watches sees nothing of what was lost.
    assert_eq!(world.call(0, &room, put("k", "after")).map(drop), Ok(()));
    let (later, key, value) = watching.change();
    assert!(later > version);
    assert_eq!((key.as_str(), value.as_str()), ("k", "after"));
}

#[test]
fn whoever_wrote_in_a_failed_turn_is_closed_and_nobody_else() {
    let world = World::start(|plan| plan.options.record_bytes_max = 1_000);
    for shard in [0, 1] {
        let room = world.room_of(0);
        let mut bystander = world.attach(shard, Session::of(&room));
        bystander.opening();
        let mut writer = world.attach(shard, Session::of(&room));
        writer.opening();
        writer.say(&format!("put k {}", "x".repeat(2_000)));
        assert_eq!(writer.closed(), 1011);
        bystander.say("put k small");
        assert_eq!(bystander.change().2, "small");
    }
}

#[test]
fn a_full_disk_is_told_and_recovered_from() {
    let world = World::start(|plan| {
        plan.options.segment_bytes = 16 << 10;
        plan.options.reserve_bytes = 0;
    });
    let room = world.room_of(1);
    assert_eq!(world.call(0, &room, put("k", "before")).map(drop), Ok(()));
    world.disk.limit_space(Some(0), Charge::Length);
    let value = "x".repeat(1_000);
    let full = (0..100).find_map(|_| world.call(0, &room, put("l", &value)).err());
    assert_eq!(full, Some(CallFailed::Full));
    assert_eq!(world.call(0, &room, get("k")), Ok("before".into()), "reads go on");
    world.disk.limit_space(None, Charge::Length);
    assert_eq!(world.call(0, &room, put("k", "after")).map(drop), Ok(()));
    assert_eq!(world.call(0, &room, get("k")), Ok("after".into()));
}

#[test]
fn a_store_that_has_failed_answers_no_call() {
    let world = World::start(|_| ());
    let room = world.room_of(1);
    let mut session = world.attach(0, Session::of(&room));
    session.opening();
    world.disk.fail(Fault { call: Call::Sync, after: 0, times: 1, errno: Fault::EIO });
    assert_eq!(world.call(0, &room, put("k", "v")), Err(CallFailed::Stopped));
    assert_eq!(session.closed(), 1011);
    assert_eq!(world.call(0, &room, get("k")), Err(CallFailed::Stopped));
}

#[test]
fn what_cannot_be_read_fails_its_sender_only() {
    let world = World::start(|_| ());
    let room = world.room_of(0);
    let commands = vec![put("a", "1"), Command::Fail, put("b", "2")];
    let answers = world.calls(0, &room, commands);
    assert!(answers[0].recv().unwrap().is_ok());
    assert_eq!(answers[1].recv().unwrap(), Err(CallFailed::Unreadable));
    assert!(answers[2].recv().unwrap().is_ok());
    for shard in [0, 1] {
        let mut good = world.attach(shard, Session::of(&room));
        assert_eq!(good.opening().1, "a=1,b=2");
        let mut bad = world.attach(shard, Session::of(&room));
        bad.opening();
        bad.say("fail");
        assert_eq!(bad.closed(), 1011);
        good.say("nonsense");
        assert_eq!(good.text(), "what?");
    }
}

#[test]
fn an_entry_that_cannot_be_read_fails_the_opening_and_nothing_else() {
    let small_segments = |plan: &mut Plan| plan.options.segment_bytes = 16 << 10;
    let world = World::start(small_segments);
    let room = world.room_of(0);
    assert!(world.call(0, &room, put("k", &"x".repeat(5_000))).is_ok());
    // Until that segment is sealed: then only its footer is read when the store opens.
    for _ in 0..4 {
        assert!(world.call(0, "other", put("l", &"y".repeat(9_000))).is_ok());
    }
    let disk = world.end();
    let first = disk.files().into_keys().next().unwrap();
    disk.make_unreadable(&first, 1_024..1_536).unwrap();
    let world = World::start(|plan| {
        small_segments(plan);
        plan.disk = disk;
    });
    for shard in [0, 1] {
        assert_eq!(world.attach(shard, Session::of(&room)).closed(), 1011);
    }
    assert_eq!(world.call(0, &room, get("k")), Err(CallFailed::Unreadable));
    let other = "y".repeat(9_000);
    assert_eq!(world.call(0, "other", get("l")), Ok(other.clone()));
    assert_eq!(world.attach(1, Session::of("other")).opening().1, format!("l={other}"));
}
