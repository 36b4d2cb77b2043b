//! Calls: in the order of their room, answered when durable; the collections that they see.

use std::sync::mpsc::TryRecvError;

use syncline_engine::Seq;

use super::{
    super::{linger::LINGERING_ROOMS_MAX, room::Role},
    probe::Command,
    world::{Outcome, World, until},
};

fn set(map: u64, key: &str, value: &str) -> Command {
    Command::Set { map, key: key.into(), value: Some(value.into()) }
}

fn remove(map: u64, key: &str) -> Command {
    Command::Set { map, key: key.into(), value: None }
}

fn get(map: u64, key: &str) -> Command {
    Command::Get { map, key: key.into() }
}

fn put(key: &str, value: &str) -> Command {
    Command::Put { key: key.into(), value: value.into(), echo: true }
}

fn ok(answer: &str) -> Outcome {
    Ok(answer.into())
}

#[test]
fn an_answer_waits_until_what_it_tells_is_durable() {
    let world = World::hesitant();
    for from in [0, 1] {
        let room = world.room_of(1);
        let changed = world.calls(from, &room, vec![set(3, "k", "v")]);
        until("the turn waits", || world.on(1, |hub| !hub.pending.borrow().is_empty()));
        let told = world.calls(from, &room, vec![get(3, "k")]);
        until("both wait", || world.on(1, |hub| hub.pending.borrow().len() > 1));
        assert_eq!(changed[0].try_recv(), Err(TryRecvError::Empty));
        assert_eq!(told[0].try_recv(), Err(TryRecvError::Empty), "it tells what is not durable");
        world.sync();
        assert_eq!((changed[0].recv().unwrap(), told[0].recv().unwrap()), (ok("set"), ok("v")));
    }
}

#[test]
fn commands_of_a_turn_see_what_those_before_them_changed() {
    let world = World::start(|_| ());
    let room = world.room_of(0);
    let commands = vec![
        set(1, "a", "1"),
        set(1, "a", "2"),
        set(1, "b", "3"),
        get(1, "a"),
        remove(1, "b"),
        get(1, "b"),
        set(2, "x", "4"),
        Command::Drop { map: 2 },
        get(2, "x"),
        Command::All { map: 2 },
        set(1, "c", "5"),
        Command::All { map: 1 },
    ];
    let answers = world.calls(0, &room, commands);
    let answers: Vec<Outcome> = answers.iter().map(|answer| answer.recv().unwrap()).collect();
    let expected = [
        "set", "set", "set", "2", "set", "nothing", "set", "dropped", "nothing", "", "set",
        "a=2,c=5",
    ];
    assert_eq!(answers, expected.map(ok));
    // And so does whoever comes later, and the store.
    assert_eq!(world.call(1, &room, Command::All { map: 1 }), ok("a=2,c=5"));
    let map = world.store.find_map(&format!("probe.1/{room}")).unwrap().unwrap();
    assert_eq!(map.get(b"a").unwrap().as_deref(), Some(&b"2"[..]));
    assert!(world.store.find_map(&format!("probe.2/{room}")).unwrap().is_none(), "never made");
    assert_eq!(world.metric("syncline_commits_total"), 4, "all entries are read apart");
}

#[test]
fn a_map_ends_for_good() {
    let world = World::start(|_| ());
    let room = world.room_of(1);
    assert_eq!(world.call(0, &room, set(5, "k", "v")), ok("set"));
    let name = format!("probe.5/{room}");
    assert!(world.store.find_map(&name).unwrap().is_some());
    let ended =
        world.calls(0, &room, vec![set(5, "l", "w"), Command::Drop { map: 5 }, get(5, "k")]);
    assert_eq!(ended[2].recv().unwrap(), ok("nothing"));
    assert!(world.store.find_map(&name).unwrap().is_none());
    assert_eq!(world.call(0, &room, get(5, "k")), ok("nothing"));
}

#[test]
fn a_log_is_trimmed_and_goes_on() {
    let world = World::start(|_| ());
    let room = world.room_of(0);
    let appends = ["one", "two", "three"].map(|record| Command::Append(record.into()));
    for (answer, seq) in world.calls(0, &room, appends.to_vec()).iter().zip(["1", "2", "3"]) {
        assert_eq!(answer.recv().unwrap(), ok(seq));
    }
    assert_eq!(world.call(0, &room, Command::Trim(3)), ok("3 1"));
    assert_eq!(counted(&world, &room), (5, 3), "what is left is counted");
    let ended = vec![Command::Append("four".into()), Command::Trim(5), Command::Append("5".into())];
    let ended = world.calls(0, &room, ended);
    assert_eq!(ended[1].recv().unwrap(), ok("4 0"));
    assert_eq!(ended[2].recv().unwrap(), ok("5"));
    assert_eq!(counted(&world, &room), (1, 5));
    let log = world.store.find_log(&format!("probe/{room}")).unwrap().unwrap();
    assert_eq!((log.first_seq(), log.next_seq(), log.bytes()), (Seq(5), Seq(6), 1));
}

/// The bytes of a room's log and its first record, as its owner, shard 0, counts them.
fn counted(world: &World, room: &str) -> (u64, u64) {
    let room = room.to_owned();
    world.on(0, move |hub| {
        let mut rooms = hub.rooms();
        let key = rooms.find(&room).unwrap();
        let Role::Owner(owner) = &rooms.get_mut(key).role else { panic!("it is the owner") };
        (owner.numbers.bytes, owner.numbers.first_seq)
    })
}

#[test]
fn called_rooms_linger_but_not_too_many_and_not_too_long() {
    let world = World::start(|plan| plan.shards = 1);
    for n in 0..LINGERING_ROOMS_MAX + 40 {
        assert_eq!(world.call(0, &format!("room{n}"), get(0, "k")), ok("nothing"));
    }
    let present = |world: &World| world.on(0, |hub| hub.rooms().len());
    assert_eq!(present(&world), LINGERING_ROOMS_MAX);
    let opens = |world: &World, room: &'static str| world.on(0, move |hub| hub.rooms().find(room));
    assert_eq!(opens(&world, "room0"), None, "the oldest went");
    assert!(opens(&world, "room50").is_some());
    // Time passes, and one is called meanwhile.
    world.on(0, |hub| hub.tick.set(hub.tick.get() + hub.deadlines.linger / 2 + 1));
    assert_eq!(world.call(0, "room60", get(0, "k")), ok("nothing"));
    world.on(0, |hub| hub.tick.set(hub.tick.get() + hub.deadlines.linger / 2 + 1));
    world.on(0, |hub| hub.sweep_lingering());
    assert_eq!(present(&world), 1);
    world.on(0, |hub| hub.tick.set(hub.tick.get() + hub.deadlines.linger + 1));
    world.on(0, |hub| hub.sweep_lingering());
    assert_eq!(present(&world), 0);
}

#[test]
fn versions_never_come_again() {
    let mut plan_disk = None;
    let mut last = 0;
    for _ in 0..3 {
        let disk = plan_disk.take();
        let world = World::start(|plan| {
            plan.shards = 1;
            plan.disk = disk.unwrap_or_else(|| plan.disk.clone());
        });
        // One key again and again, all in one turn: little is stored for many versions.
        let puts = world.calls(0, "r", vec![put("k", "v"); 3_000]);
        for answer in puts {
            let version: u64 = answer.recv().unwrap().unwrap().parse().unwrap();
            assert!(version > last);
            last = version;
        }
        // The room is made anew, in the same store.
        world.on(0, |hub| hub.tick.set(hub.tick.get() + hub.deadlines.linger + 1));
        world.on(0, |hub| hub.sweep_lingering());
        assert_eq!(world.on(0, |hub| hub.rooms().find("r")), None);
        let version: u64 = world.call(0, "r", put("k", "v")).unwrap().parse().unwrap();
        assert!(version > last);
        last = version;
        plan_disk = Some(world.end().after_kill());
    }
}
