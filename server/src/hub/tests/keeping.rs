//! What rooms that write behind keep: it outlives a restart, and when the store does not take it nobody is
//! closed and nothing is relayed less.

use syncline_engine::storage::sim::{Call, Charge, Fault};

use super::{
    super::call::CallFailed,
    lobby::{Command, Lobby, Session},
    relaying::{lobbies, lobby, next},
    world::{Plan, World, until},
};

#[test]
fn what_was_kept_outlives_a_restart_and_is_replayed() {
    for shards in [1, 2] {
        let world = lobby(|plan| plan.shards = shards);
        let mut anna = world.enter(0, Session::of("r", "anna"));
        let mut ben = world.enter(1, Session::of("r", "ben"));
        for said in ["all !1", "all gone", "one ben !2", "one dora !3", "all !4"] {
            anna.say(said);
        }
        for heard in ["!1", "gone", "!2", "!4"] {
            assert_eq!(next(&mut ben), heard);
        }
        assert_eq!(world.call(0, "r", Command::Set("kept".into())), Ok("done".into()));
        let disk = world.end();
        let world = lobby(|plan| (plan.shards, plan.disk) = (shards, disk));
        assert_eq!(world.describe("r"), ";;4 4 39");
        assert_eq!(world.call(0, "r", Command::Get), Ok("kept".into()));
        let heard = |name: &str, after: u64| {
            let mut client = world.attach(1 % shards, Session::of("r", name).after(after));
            assert_eq!(next(&mut client), "welcome 4");
            client.say("ping");
            let mut heard = Vec::new();
            loop {
                match next(&mut client) {
                    pong if pong == "pong" => {}
                    last if last == "!4" => break,
                    other => heard.push(other),
                }
            }
            drop(client);
            until("it has left", || world.describe("r").starts_with(";"));
            heard
        };
        assert_eq!(heard("ben", 0), ["!1", "!2"]);
        assert_eq!(heard("cleo", 0), ["!1"]);
        assert_eq!(heard("dora", 1), ["!3"]);
        assert_eq!(heard("dora", 3), [""; 0]);
        assert_eq!(world.call(0, "r", Command::Trim(4)), Ok("done".into()));
        assert_eq!(heard("fay", 0), [""; 0]);
        let mut anna = world.enter(0, Session::of("r", "anna").after(0));
        anna.say("ping");
        assert_eq!(next(&mut anna), "pong", "nobody gets its own again");
        let mut eve = world.enter(0, Session::of("r", "eve").after(4));
        assert_eq!(next(&mut anna), "join eve");
        anna.say("all on");
        assert_eq!(next(&mut eve), "on");
    }
}

#[test]
fn a_full_disk_loses_what_is_kept_and_nothing_else() {
    for moved_max in [1_024, 0] {
        let world = lobby(|plan| {
            plan.config.limits.followers_moved_max = moved_max;
            plan.options.segment_bytes = 16 << 10;
            plan.options.reserve_bytes = 0;
        });
        let mut anna = world.enter(0, Session::of("r", "anna"));
        let mut ben = world.enter(1, Session::of("r", "ben"));
        assert_eq!(next(&mut anna), "join ben");
        let mut kept = Vec::new();
        let mut say = |n: usize, kept: &mut Vec<String>| {
            let message = format!("!{n} {}", "x".repeat(1_000));
            let before = world.metric("syncline_unstored_total");
            anna.say(&format!("all {message}"));
            assert_eq!(next(&mut ben), message);
            let is_lost = world.metric("syncline_unstored_total") > before;
            if !is_lost {
                kept.push(message);
            }
            is_lost
        };
        assert!(!say(0, &mut kept));
        world.disk.limit_space(Some(0), Charge::Length);
        let first_lost = (1..200).find(|n| say(*n, &mut kept));
        assert!(first_lost.is_some(), "the disk is full some time");
        for n in 200..220 {
            say(n, &mut kept);
        }
        let set = world.call(0, "r", Command::Set("x".repeat(1_000)));
        assert_eq!(
            set,
            Err(CallFailed::Full),
            "nobody is told that something is kept which is not"
        );
        assert!(world.call(0, "r", Command::Get).is_ok(), "who asks is answered");
        world.disk.limit_space(None, Charge::Length);
        until("it is stored again", || !say(220, &mut kept));
        let describe = world.describe("r");
        let numbers = describe.rsplit(';').next().unwrap().to_owned();
        let count = kept.len();
        let bytes: usize = kept.iter().map(|message| message.len() + "anna>|".len()).sum();
        assert_eq!(numbers, format!("{count} {count} {bytes}"));
        assert!(describe.starts_with("anna,ben;;"), "nobody was closed");
        let replayed = |world: &World<Lobby>, name: &str| {
            let mut late = world.enter(1, Session::of("r", name).after(0));
            kept.iter().for_each(|message| assert_eq!(&next(&mut late), message));
        };
        replayed(&world, "late");
        let disk = world.end();
        let world = lobby(|plan| plan.disk = disk);
        assert_eq!(world.describe("r"), format!(";;{numbers}"));
        replayed(&world, "later");
    }
}

#[test]
fn a_turn_that_cannot_be_kept_is_shown_all_the_same() {
    for world in [1, 2]
        .map(|shards| lobby(|plan| (plan.shards, plan.options.record_bytes_max) = (shards, 1_000)))
    {
        let packet = |message: &str| Command::Packet {
            from: "anna".into(),
            to: None,
            message: message.to_owned().into(),
        };
        let mut ben = world.enter(1, Session::of("r", "ben"));
        let large = format!("!{}", "x".repeat(2_000));
        // One turn: what stands with the large one is lost with it.
        let shard = world.owner("r");
        let answers = world.calls(shard, "r", vec![packet("!1"), packet(&large), packet("!2")]);
        for answer in answers {
            assert_eq!(answer.recv().unwrap(), Err(CallFailed::Unreadable));
        }
        for heard in ["!1", &large, "!2"] {
            assert_eq!(next(&mut ben), heard);
        }
        assert_eq!(world.metric("syncline_unstored_total{dialect=\"lobby\"}"), 1);
        assert_eq!(world.metric("syncline_commit_failures_total"), 0);
        assert_eq!(world.call(0, "r", packet("!3")), Ok("done".into()));
        let mut late = world.enter(0, Session::of("r", "late").after(0));
        assert_eq!(next(&mut late), "!3");
        assert_eq!(world.describe("r"), "ben,late;;1 1 8");
        drop((ben, late));
    }
}

#[test]
fn a_turn_that_is_lost_leaves_nothing_to_replay() {
    let world = lobby(|plan| plan.options.record_bytes_max = 1_000);
    let packet = |message: String| Command::Packet {
        from: "anna".into(),
        to: None,
        message: message.into(),
    };
    let shard = world.owner("r");
    let (server, mut late) = super::world::pair();
    let ticket = world.ticket();
    world.on(shard, move |hub| {
        drop(hub.call("r", packet(format!("!{}", "x".repeat(2_000))), 16));
        // In the same turn: the end of the log is that of one that will not be.
        super::world::attach(hub, server, Session::of("r", "late").after(0), ticket);
        drop(hub.call("r", packet("live".into()), 16));
        hub.end_turn();
        // And before anything of it is read, another record gets its number.
        drop(hub.call("r", packet("!1".into()), 16));
    });
    for heard in ["welcome 0", "live", "!1"] {
        assert_eq!(next(&mut late), heard);
    }
    assert_eq!(world.metric("syncline_unstored_total{dialect=\"lobby\"}"), 1);
    late.say("ping");
    assert_eq!(next(&mut late), "pong", "it came once");
}

#[test]
fn whoever_is_told_how_far_a_replay_has_come_goes_on_from_there() {
    const RECORDS: usize = 40;
    let long = |n: usize| format!("!{n:02} {}", "x".repeat(20_000));
    let keep = |world: &World<Lobby>| {
        for n in 1..=RECORDS {
            let message = long(n).into();
            let packet = Command::Packet { from: "anna".into(), to: None, message };
            assert_eq!(world.call(0, "r", packet), Ok("done".into()));
        }
    };
    let replayed = |world: &World<Lobby>, shard, name: &str, after: usize| {
        let session = Session::of("r", name).after(after as u64).told();
        let mut client = world.attach(shard, session);
        assert!(next(&mut client).starts_with("welcome"));
        let (mut heard, mut told) = (after, Vec::new());
        while heard < RECORDS {
            let message = next(&mut client);
            match message.strip_prefix("replayed ") {
                Some(seq) => {
                    assert_eq!(seq, heard.to_string(), "no more than has come");
                    told.push(heard);
                }
                None => {
                    heard += 1;
                    assert!(message == long(heard), "the next one, {heard}");
                }
            }
        }
        client.say("ping");
        assert_eq!(next(&mut client), "pong", "the end is told otherwise");
        drop(client);
        until("it has left", || world.describe("r").starts_with(";"));
        told
    };
    for shards in [1, 2] {
        let world = lobby(|plan| plan.shards = shards);
        keep(&world);
        let disk = world.end();
        let world = lobby(|plan| (plan.shards, plan.disk) = (shards, disk));
        let told = replayed(&world, 1 % shards, "ben", 0);
        assert!(told.len() > 1 && told.is_sorted(), "{told:?}");
        assert_eq!(replayed(&world, 1 % shards, "cleo", told[0]), told[1..], "and from there");
    }
    let mut plan = Plan::default();
    plan.hesitate();
    let world = World::of(plan, &Lobby::default());
    let packet =
        move |n| Command::Packet { from: "anna".into(), to: None, message: long(n).into() };
    let shard = world.owner("r");
    world.on(shard, move |hub| (1..=RECORDS).for_each(|n| drop(hub.call("r", packet(n), 16))));
    assert_eq!(replayed(&world, 0, "eve", 0), [0; 0], "what may be taken back is not told");
}

#[test]
fn a_store_that_has_failed_ends_everything() {
    for world in lobbies() {
        let mut anna = world.enter(0, Session::of("r", "anna"));
        let mut ben = world.enter(1, Session::of("r", "ben"));
        world.disk.fail(Fault { call: Call::Sync, after: 0, times: 1, errno: Fault::EIO });
        anna.say("all !1");
        assert_eq!(ben.closed(), 1011);
        assert_eq!(anna.closed(), 1011);
    }
}

#[test]
fn a_room_is_kept_within_its_bound_with_every_record() {
    let world = lobby(|plan| plan.shards = 1);
    let mut ben = world.enter(0, Session::of("r", "ben"));
    let packet = |n: u64| {
        let message = format!("!{n:02}").into();
        Command::Packet { from: "anna".into(), to: None, message }
    };
    let (mut said, before) = (0, world.metric("syncline_commits_total"));
    for together in [1, 3, 8, 20, 1] {
        let mut commands = Vec::new();
        for n in said + 1..=said + together {
            commands.push(packet(n));
            if n > 10 {
                commands.push(Command::Trim(n - 9));
            }
            commands.push(Command::Describe);
        }
        let answers = world.calls(0, "r", commands);
        let described = answers.into_iter().map(|answer| answer.recv().unwrap().unwrap());
        let described: Vec<String> = described.filter(|answer| answer != "done").collect();
        for (n, described) in (said + 1..).zip(&described) {
            let records = n.min(10);
            // Where a record goes that came in the same turn, the bytes are known behind it.
            assert_eq!(*described, format!("ben;;{n} {records} {}", records * 9));
            assert_eq!(next(&mut ben), format!("!{n:02}"));
        }
        assert_eq!(described.len() as u64, together);
        said += together;
    }
    let commits = world.metric("syncline_commits_total") - before;
    assert!(commits < said - 10, "what is trimmed does not end every turn: {commits}");
    let mut late = world.enter(0, Session::of("r", "late").after(0));
    for n in said - 9..=said {
        assert_eq!(next(&mut late), format!("!{n:02}"));
    }
    let disk = world.end();
    let world = World::of(Plan { disk, shards: 1, ..Plan::default() }, &Lobby::default());
    assert_eq!(world.describe("r"), format!(";;{said} 10 90"));
}

#[test]
fn who_is_answered_that_something_is_kept_can_rely_on_it() {
    for shards in [1, 2] {
        let mut plan = Plan { shards, ..Plan::default() };
        plan.hesitate();
        let world = World::of(plan, &Lobby::default());
        let mut ben = world.enter(0, Session::of("r", "ben"));
        let packet = Command::Packet { from: "anna".into(), to: None, message: "live".into() };
        let commands = vec![Command::Set("kept".into()), packet, Command::Get];
        let mut answers = world.calls(1 % shards, "r", commands).into_iter();
        let set = answers.next().unwrap();
        assert_eq!(next(&mut ben), "live", "what is relayed does not wait");
        let told: Vec<_> = answers.map(|answer| answer.recv().unwrap()).collect();
        assert_eq!(told, [Ok("done".into()), Ok("kept".into())], "nor what nothing is written for");
        world.describe("r");
        assert!(set.try_recv().is_err(), "a power cut could take it back");
        world.sync();
        assert_eq!(set.recv().unwrap(), Ok("done".into()));
    }
}
