//! Who lies about what it has and what time it is.

use std::time::Duration;

use syncline_protocol::dialects::peer::{
    packet::{Kind, Packet},
    participant::{Event, Why},
    seal,
};

use super::siege::{ALICE, BOB, CAROL, Siege};
use crate::participants::{
    rogue::hlc,
    world::{ROOM, START_MS},
};

/// Alice's node, and somebody's who never was, with times that are just not too far ahead.
fn clock(siege: &Siege) -> String {
    let frontier = siege.world.members[ALICE].frontier();
    let nodes: Vec<String> = frontier
        .iter()
        .map(|at| at.node.as_str().to_owned())
        .chain(["nobody".to_owned()])
        .map(|node| format!(r#""{node}":"{}""#, hlc(&siege.world, 50, &node)))
        .collect();
    format!("{{{}}}", nodes.join(","))
}

#[test]
fn who_says_that_everything_is_here_already_is_found_out() {
    let mut siege = Siege::new(680);
    // Bob loses what Alice writes, and is told that he has it.
    siege.world.fate =
        Box::new(|sent, to| (sent.from != ALICE || to != BOB).then_some(Duration::ZERO));
    siege.world.write(ALICE, "tasks", "lost", Some("x"));
    let clock = clock(&siege);
    for kind in ["sync", "live"] {
        let meta = format!(r#"{{"$meta":{{"v":2,"kind":"{kind}","prev":{{}},"vc":{clock}}}}}"#);
        siege.change(BOB, &meta);
    }
    siege.world.fate = Box::new(|_, _| Some(Duration::ZERO));
    siege.world.run_secs(1);
    assert_eq!(siege.world.members[BOB].value("tasks", "lost"), None);
    siege.holds();
    assert_eq!(siege.world.members[BOB].value("tasks", "lost").as_deref(), Some("x"));
}

#[test]
fn nodes_that_never_were_leave_room_for_those_that_are() {
    let mut siege = Siege::new(681);
    for round in 0..3 {
        let nodes: Vec<String> = (0..4000)
            .map(|n| {
                let node = format!("n{round}x{n}{}", "_long".repeat(8));
                format!(r#""{node}":"{}""#, hlc(&siege.world, 0, &node))
            })
            .collect();
        let vc = nodes.join(",");
        let meta = format!(r#"{{"$meta":{{"v":2,"kind":"sync","vc":{{{vc}}}}}}}"#);
        siege.change(BOB, &meta);
        siege.send(Kind::SyncReq, CAROL, format!("{{{}}}", &vc[..30_000]).as_bytes());
    }
    let nodes = siege.world.members[BOB].frontier().len();
    assert!((100..=1024 + 3).contains(&nodes), "{nodes} nodes");
    // There is room for a newcomer, whose requests fit into packets; the world sees to that.
    siege.world.write(ALICE, "members", "dave", Some(r#"{"roleIds":["member"]}"#));
    siege.world.enter_invited("dave", ALICE);
    siege.holds();
}

#[test]
fn lying_digests_cost_a_bounded_number_of_requests() {
    let mut siege = Siege::new(682);
    siege.world.run_secs(60);
    let since = siege.world.sent.len();
    let seconds = 120;
    for n in 0..seconds * 2 {
        let hash = format!("{n:064x}");
        let frontier = serde_json::to_string(siege.world.members[ALICE].frontier()).unwrap();
        let ahead = clock(&siege);
        let vc = if n % 3 == 0 { &ahead } else { &frontier };
        let check = format!(
            r#"{{"v":2,"count":{n},"records":{n},"hash":"{hash}","alg":"setsum-sha256","vc":{vc},"tables":{{"tasks":{{"count":{n},"hash":"{hash}"}}}}}}"#
        );
        siege.send_all(Kind::ConsistencyCheck, check.as_bytes());
        siege.world.run_ms(500);
    }
    // Three of them, each at most as often as it may ask at all.
    let asked = siege.world.sent_since(since, Kind::SyncReq);
    let requests: std::collections::BTreeSet<_> =
        asked.iter().map(|sent| sent.packet.request.as_str()).collect();
    assert!(requests.len() <= 3 * (seconds / 3 + 10), "{} requests", requests.len());
    assert!(
        siege.saw(ALICE, |event| matches!(event, Event::Diverged { .. })) <= 3 * seconds / 30 + 3
    );
    siege.holds();
}

#[test]
fn rows_of_the_future_poison_nothing() {
    let mut siege = Siege::new(683);
    let (far, near) = (siege.row("far", "x", 600), siege.row("near", "x", 50));
    siege.change(BOB, &format!(r#"{{"tasks":[{far},{near}]}}"#));
    assert_eq!(siege.world.members[BOB].value("tasks", "far"), None);
    assert_eq!(siege.world.members[BOB].value("tasks", "near").as_deref(), Some("x"));
    assert_eq!(siege.drops(BOB, Why::FutureRow), 1);
    // In the name of Bob's own node, too.
    let node = siege.world.members[BOB].frontier().iter().map(|at| at.node.to_string());
    let node = node.filter(|node| node.starts_with("bob")).last();
    if let Some(node) = node {
        let at = hlc(&siege.world, 600, &node);
        let own = crate::participants::rogue::row("own", "x", &at);
        siege.change(BOB, &format!(r#"{{"tasks":[{own}]}}"#));
        assert_eq!(siege.drops(BOB, Why::FutureRow), 2);
    }
    // What the honest ones write later counts, also over what was written ahead.
    siege.world.run_secs(60);
    siege.world.write(BOB, "tasks", "near", Some("bobs"));
    siege.holds();
    for at in [ALICE, BOB, CAROL] {
        assert_eq!(siege.world.members[at].value("tasks", "near").as_deref(), Some("bobs"));
        assert_eq!(siege.world.members[at].value("tasks", "far"), None);
    }
}

/// Answers every question for the time that was asked of Mallory since the `since`th packet.
fn pong(siege: &mut Siege, since: usize, ahead_ms: i64) -> usize {
    let mut answered = 0;
    let asked: Vec<(usize, Packet)> = siege.world.sent[since..]
        .iter()
        .filter(|sent| sent.packet.target.as_ref() == Some(&siege.mallory.id))
        .filter(|sent| sent.packet.kind == Kind::UnicastReq as i32)
        .map(|sent| (sent.from, sent.packet.clone()))
        .collect();
    for (from, packet) in asked {
        let (id, keys) = siege.whom(from);
        let key = seal::pairwise_key(ROOM, &siege.mallory.keys, &keys).unwrap();
        let Some(plain) = key.open(&packet.bound(ROOM), &packet.payload) else { continue };
        let json: serde_json::Value = serde_json::from_slice(&plain).unwrap();
        if json["type"] != "SYNC_PING" {
            continue;
        }
        let t1 = START_MS + i64::try_from(siege.world.elapsed.as_millis()).unwrap() + ahead_ms;
        let pong = format!(r#"{{"type":"SYNC_PONG","t0":{},"t1":{t1},"t2":{t1}}}"#, json["t0"]);
        let mut answer = siege.mallory.packet(Kind::UnicastReq, &siege.world);
        answer.request = packet.request.clone();
        let answer = siege.mallory.seal_for(answer, (&id, &keys), pong.as_bytes());
        let frame = siege.mallory.sign(answer);
        siege.world.inject(from, frame);
        answered += 1;
    }
    answered
}

#[test]
fn one_who_lies_about_the_time_sets_nobodys_clock() {
    let mut siege = Siege::without_time(684);
    // What nobody asked for counts for nothing.
    for _ in 0..10 {
        siege.send_all(
            Kind::UnicastReq,
            br#"{"type":"SYNC_PONG","t0":1,"t1":9999999999999,"t2":9999999999999}"#,
        );
    }
    assert_eq!(siege.drops(ALICE, Why::Unasked), 10);
    let (mut since, mut answered) = (0, 0);
    for _ in 0..30 {
        answered += pong(&mut siege, since, 3_600_000);
        since = siege.world.sent.len();
        siege.world.run_ms(500);
        for _ in 0..10 {
            siege.world.run_secs(1);
            answered += pong(&mut siege, since, 3_600_000);
            since = siege.world.sent.len();
        }
    }
    assert!(answered >= 9, "{answered} answers");
    for at in [ALICE, BOB, CAROL] {
        let offset = siege.world.members[at].clock_offset_ms();
        assert!(offset.abs() <= 1000, "{at}: {offset} ms");
    }
    siege.holds();
}

#[test]
fn a_logical_time_far_ahead_is_refused_and_moves_nothing() {
    let mut siege = Siege::new(685);
    for kind in [Kind::SyncReq, Kind::DataChunk, Kind::UnicastReq, Kind::ConsistencyCheck] {
        for time in [i64::MAX, i64::MAX - 1, 1 << 41, 1 << 62] {
            let mut packet = siege.sealed(kind, ALICE, b"{}");
            packet.logical_time = time;
            let (id, keys) = siege.whom(ALICE);
            let packet = siege.mallory.seal_for(packet, (&id, &keys), b"{}");
            let frame = siege.mallory.sign(packet);
            siege.world.inject(ALICE, frame);
        }
    }
    assert_eq!(siege.drops(ALICE, Why::LogicalJump), 16);
    siege.holds();
    let times = siege.world.sent.iter().map(|sent| sent.packet.logical_time);
    assert!(times.max().unwrap() < 1 << 20);
}
