//! What is sent, when, and what its answers mean.

use syncline_protocol::dialects::maps::proto::OperationBatch;

use super::*;
use crate::maps::replica::Replica;

fn keys(pushed: &[(String, Vec<String>)]) -> Vec<Vec<&str>> {
    pushed.iter().map(|(_, keys)| keys.iter().map(String::as_str).collect()).collect()
}

#[test]
fn a_single_write_on_an_idle_link_goes_at_once_and_many_in_a_window_together() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    talk.later(100);
    talk.write("a", "1");
    let said = talk.hear();
    assert!(matches!(&said[..], [(_, Payload::Op(op))] if op.key == "a"), "{said:?}");
    for number in 0..500 {
        talk.write(&format!("key {number}"), "1");
        if number % 100 == 99 {
            talk.later(1);
        }
        assert_eq!(talk.hear(), [], "the window is open");
    }
    talk.write("key 7", "2");
    assert_eq!(talk.sleep(), 5, "ten milliseconds after the first of them");
    let pushed = talk.pushed();
    assert_eq!(pushed.len(), 1);
    assert_eq!(pushed[0].1.len(), 500, "two writes of one key are one operation");
}

#[test]
fn a_thousand_writes_or_a_mebibyte_do_not_wait() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    (0..1001).for_each(|n| talk.write(&format!("key {n}"), "1"));
    let pushed = talk.pushed();
    assert_eq!(pushed.iter().map(|(_, keys)| keys.len()).collect::<Vec<_>>(), [1000, 1]);
    let large = "x".repeat(300 << 10);
    (0..4).for_each(|n| talk.write(&format!("large {n}"), &large));
    let pushed = talk.pushed();
    assert_eq!(pushed.iter().map(|(_, keys)| keys.len()).collect::<Vec<_>>(), [3, 1]);
}

#[test]
fn a_server_takes_smaller_pushes_if_it_says_so_and_eight_are_under_way() {
    let mut talk = Talk::new(&[MAP]);
    (0..100).for_each(|n| talk.write(&format!("key {n:03}"), "1"));
    talk.machine.connected(&mut talk.replica, "token", talk.now);
    talk.hear();
    let limits = syncline_protocol::dialects::maps::proto::Limits {
        max_batch_ops: 10,
        ..Default::default()
    };
    let welcome = AuthResponse { limits: Some(limits), ..welcome(&["cursor"], 1) };
    talk.say("1", Payload::AuthResp(welcome)).unwrap();
    let pushed = talk.pushed();
    assert_eq!(pushed.len(), 8);
    assert!(pushed.iter().all(|(_, keys)| keys.len() == 10));
    talk.ack(&pushed[0].0, durable()).unwrap();
    assert_eq!(keys(&talk.pushed()).len(), 1, "an answer makes room for one more");
    assert_eq!(talk.replica.pending_len(), 90);
}

#[test]
fn exactly_what_was_acknowledged_is_marked_and_what_is_refused_is_put_back() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    ["a", "b", "c"].iter().for_each(|key| talk.write(key, "mine"));
    talk.sleep();
    let pushed = talk.pushed();
    assert_eq!(keys(&pushed), [["a", "b", "c"]]);
    let results = vec![rejected(1, ErrorCode::PermissionDenied)];
    talk.ack(&pushed[0].0, Ack { results, applied: 2, ..durable() }).unwrap();
    assert_eq!(talk.replica.pending_len(), 1);
    assert_eq!(talk.replica.refused, [("b".to_owned(), ErrorCode::PermissionDenied)]);
    let (number, request) = talk.one(|request| request.r#type == Type::Get as i32);
    assert_eq!(request.keys, ["b"]);
    let older = op("b", "theirs", WALL - 1000, "tablet");
    let got = SyncResponse { r#type: Type::Get as i32, ..page(&[older], b"", Some([0; 16])) };
    talk.answer(&number, got).unwrap();
    assert_eq!(talk.replica.values(MAP)["b"], "theirs", "however old it is");
    assert_eq!(talk.replica.pending_len(), 0);
    talk.live();
}

#[test]
fn a_refused_write_is_put_back_also_after_a_kill() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    talk.write("a", "mine");
    let pushed = talk.pushed();
    let results = vec![rejected(0, ErrorCode::BeyondGc)];
    talk.ack(&pushed[0].0, Ack { results, ..durable() }).unwrap();
    talk.replica.restart();
    talk.machine = Machine::new(Rules::default(), 8);
    talk.connect(&["cursor"], 1);
    let (number, request) = talk.one(|request| request.r#type == Type::Get as i32);
    assert_eq!(request.keys, ["a"]);
    let missing_keys = vec!["a".to_owned()];
    talk.answer(&number, SyncResponse { missing_keys, ..page(&[], b"", Some([0; 16])) }).unwrap();
    assert_eq!(talk.replica.get(MAP, "a"), None);
    talk.live();
    // The application decides to write it anew.
    talk.later(1000);
    talk.write("a", "again");
    let pushed = talk.pushed();
    talk.ack(&pushed[0].0, durable()).unwrap();
    assert_eq!(talk.replica.pending_len(), 0);
    assert_eq!(talk.replica.values(MAP)["a"], "again");
}

#[test]
fn what_is_only_in_the_servers_memory_is_kept_until_the_roots_are_equal() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    talk.later(100);
    talk.write("a", "1");
    let pushed = talk.pushed();
    talk.ack(&pushed[0].0, Ack::default()).unwrap();
    assert_eq!(talk.replica.pending_len(), 1);
    // The proof is asked for at once, for nothing else is on its way.
    let (number, _) = talk.one(|request| request.r#type == Type::PullSince as i32);
    let root = talk.replica.root(MAP);
    talk.answer(&number, page(&[], b"2", Some(root))).unwrap();
    assert_eq!(talk.replica.pending_len(), 0);
}

#[test]
fn what_was_only_in_the_servers_memory_is_sent_again_on_the_next_connection() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    talk.write("a", "1");
    let pushed = talk.pushed();
    talk.ack(&pushed[0].0, Ack::default()).unwrap();
    talk.machine.disconnected(&mut talk.replica);
    talk.connect(&["cursor"], 1);
    assert_eq!(keys(&talk.pushed()), [["a"]]);
}

#[test]
fn a_later_durable_acknowledgement_speaks_for_those_in_memory() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    talk.write("a", "1");
    let first = talk.pushed();
    talk.later(1);
    talk.write("b", "1");
    talk.later(10);
    let second = talk.pushed();
    talk.ack(&first[0].0, Ack::default()).unwrap();
    assert_eq!(talk.replica.pending_len(), 2);
    talk.ack(&second[0].0, durable()).unwrap();
    assert_eq!(talk.replica.pending_len(), 0);
}

#[test]
fn what_is_not_acknowledged_in_time_is_sent_again_under_a_new_number() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    talk.write("a", "1");
    let stamp = talk.replica.get(MAP, "a").unwrap().hlc.clone();
    let first = talk.pushed();
    assert_eq!(talk.sleep(), 5000);
    assert_eq!(talk.hear(), []);
    let waited = talk.sleep();
    assert!(waited <= 200, "{waited}");
    let again = talk.pushed();
    assert_eq!(keys(&again), [["a"]]);
    assert_ne!(first[0].0, again[0].0);
    assert_eq!(talk.replica.get(MAP, "a").unwrap().hlc, stamp, "it is the same operation");
    // The first answer was only late.
    talk.ack(&first[0].0, durable()).unwrap();
    assert_eq!(talk.replica.pending_len(), 0);
    talk.ack(&again[0].0, durable()).unwrap();
    assert_eq!(talk.pushed(), []);
}

#[test]
fn waits_grow_up_to_half_a_minute_and_the_server_may_ask_for_more() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    talk.write("a", "1");
    let mut longest = 200;
    for failure in 0..10 {
        let pushed = talk.pushed();
        assert_eq!(keys(&pushed), [["a"]], "failure {failure}");
        talk.say(&pushed[0].0, error(ErrorCode::Unavailable, 0)).unwrap();
        assert_eq!(talk.hear(), []);
        let waited = talk.sleep();
        assert!(waited <= longest, "{waited} of {longest}");
        longest = (2 * longest).min(30_000);
    }
    let pushed = talk.pushed();
    talk.say(&pushed[0].0, error(ErrorCode::RateLimited, 45_000)).unwrap();
    assert_eq!(talk.sleep(), 45_000);
    let pushed = talk.pushed();
    talk.say(&pushed[0].0, error(ErrorCode::RateLimited, u64::MAX)).unwrap();
    let asked = talk.now.at;
    let pushed = loop {
        talk.sleep();
        let pushed = talk.pushed();
        if !pushed.is_empty() {
            break pushed;
        }
    };
    assert_eq!(talk.now.at - asked, Duration::from_secs(300), "within reason");
    talk.ack(&pushed[0].0, durable()).unwrap();
    talk.write("b", "1");
    talk.later(10);
    let pushed = talk.pushed();
    talk.say(&pushed[0].0, error(ErrorCode::Unavailable, 0)).unwrap();
    assert!(talk.sleep() <= 200, "what was taken starts it again");
}

#[test]
fn a_write_ahead_of_the_servers_clock_is_stamped_anew_and_sent_again() {
    let mut talk = Talk::new(&[MAP]);
    // This device's clock is ten minutes fast.
    talk.now.wall.0 += 600_000;
    talk.write("a", "1");
    talk.write("b", "1");
    talk.connect(&["cursor"], 1);
    let pushed = talk.pushed();
    assert_eq!(keys(&pushed), [["a", "b"]]);
    let results = vec![rejected(0, ErrorCode::ClockDrift), rejected(1, ErrorCode::ClockDrift)];
    let server_time = format!("{}:0:~server", WALL + 50);
    talk.ack(&pushed[0].0, Ack { results, server_time, ..durable() }).unwrap();
    let said = loop {
        let said = talk.hear();
        if said.iter().any(|(_, said)| matches!(said, Payload::SyncReq(r) if !r.ops.is_empty())) {
            break said;
        }
        talk.sleep();
    };
    let stamp = |key| talk.replica.get(MAP, key).unwrap().hlc.clone();
    assert!(stamp("a") < stamp("b"), "in their order");
    assert!(stamp("b").millis < WALL + 60_000, "{}", stamp("b"));
    assert!(stamp("a").millis >= WALL + 50);
    let number = said.iter().find(|(_, said)| {
        matches!(said, Payload::SyncReq(request) if request.r#type == Type::Push as i32)
    });
    talk.ack(&number.unwrap().0.clone(), durable()).unwrap();
    assert_eq!(talk.replica.pending_len(), 0);
    talk.write("c", "1");
    assert!(talk.replica.get(MAP, "c").unwrap().hlc.millis < WALL + 60_000, "and later ones");
}

#[test]
fn a_push_that_is_too_large_as_a_whole_is_cut_down_to_the_write_that_is() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    (0..10).for_each(|n| talk.write(&format!("key {n}"), "1"));
    talk.later(10);
    let mut refused = 0;
    for _ in 0..20 {
        for (number, keys) in talk.pushed() {
            if keys.contains(&"key 3".to_owned()) {
                refused += 1;
                talk.say(&number, error(ErrorCode::TooLarge, 0)).unwrap();
            } else {
                talk.ack(&number, durable()).unwrap();
            }
        }
    }
    assert!(refused > 1);
    assert_eq!(talk.replica.refused, [("key 3".to_owned(), ErrorCode::TooLarge)]);
    assert_eq!(talk.replica.pending_len(), 1, "it waits to be put back");
}

#[test]
fn a_map_with_much_to_send_does_not_hold_up_the_others() {
    let maps: Vec<String> = (0..50).map(|n| format!("map-{n:02}")).collect();
    let names: Vec<&str> = maps.iter().map(String::as_str).collect();
    let mut talk = Talk::new(&names);
    for key in 0..5000 {
        talk.replica.write(&maps[0], &format!("key {key}"), Some("1"), WALL);
    }
    for map in &maps[1..] {
        talk.replica.write(map, "single", Some("1"), WALL);
    }
    talk.connect(&["cursor"], 1);
    let pushed = talk.pushed();
    let singles = pushed[0].1.iter().filter(|key| *key == "single").count();
    assert_eq!(singles, 49, "all of them go with the first push");
    assert_eq!(pushed[0].1.len(), 1000);
    for map in &maps {
        assert_eq!(talk.replica.unanswered(map), if *map == maps[0] { 5000 } else { 1 });
    }
}

#[test]
fn a_refusal_says_nothing_of_what_the_server_has_in_memory() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    talk.write("a", "1");
    let first = talk.pushed();
    talk.later(1);
    talk.write("b", "1");
    talk.later(10);
    let second = talk.pushed();
    talk.ack(&first[0].0, Ack::default()).unwrap();
    // Nothing was written, so that the server waits for no disk.
    let results = vec![rejected(0, ErrorCode::PermissionDenied)];
    talk.ack(&second[0].0, Ack { results, ..durable() }).unwrap();
    assert_eq!(talk.replica.pending_len(), 2);
    talk.machine.disconnected(&mut talk.replica);
    talk.connect(&["cursor"], 1);
    assert_eq!(keys(&talk.pushed()), [["a"]]);
}

#[test]
fn a_write_that_loses_after_it_was_stamped_anew_is_found_out_soon() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    // This device's clock is set ten minutes ahead.
    talk.now.wall.0 += 600_000;
    talk.write("a", "mine");
    let pushed = talk.pushed();
    // It wins here against one that will win there.
    let ops = vec![op("a", "theirs", WALL + 30_000, "tablet")];
    let (cursor, prev_cursor) = (Bytes::from_static(b"2"), Bytes::from_static(b"1"));
    talk.say("", Payload::Batch(OperationBatch { ops, cursor, prev_cursor })).unwrap();
    let server_time = format!("{}:0:~server", WALL + 50);
    let results = vec![rejected(0, ErrorCode::ClockDrift)];
    let drift = Ack { results, server_time: server_time.clone(), ..durable() };
    talk.ack(&pushed[0].0, drift).unwrap();
    let pushed = loop {
        let pushed = talk.pushed();
        if !pushed.is_empty() {
            break pushed;
        }
        talk.sleep();
    };
    let outcome = Outcome::Stale as i32;
    let results = vec![OpResult { index: 0, outcome, ..OpResult::default() }];
    talk.ack(&pushed[0].0, Ack { results, server_time, ..durable() }).unwrap();
    assert_eq!(talk.replica.values(MAP)["a"], "mine");
    assert!(!talk.machine.is_equal(MAP));
    talk.one(|request| request.r#type == Type::PullSince as i32);
}

#[test]
fn a_write_that_no_message_can_hold_ends_no_connection() {
    let mut talk = Talk::new(&[MAP]);
    talk.write("large", &"x".repeat(200 << 10));
    talk.write("small", "1");
    talk.machine.connected(&mut talk.replica, "token", talk.now);
    talk.hear();
    let limits = syncline_protocol::dialects::maps::proto::Limits {
        max_frame_bytes: 80 << 10,
        max_batch_bytes: 16 << 10,
        ..Default::default()
    };
    let welcome = AuthResponse { limits: Some(limits), ..welcome(&["cursor"], 1) };
    talk.say("1", Payload::AuthResp(welcome)).unwrap();
    let pushed = talk.pushed();
    assert_eq!(keys(&pushed), [["small"]]);
    assert_eq!(talk.replica.refused, [("large".to_owned(), ErrorCode::TooLarge)]);
    talk.ack(&pushed[0].0, durable()).unwrap();
    let (number, request) = talk.one(|request| request.r#type == Type::Get as i32);
    assert_eq!(request.keys, ["large"]);
    let missing_keys = vec!["large".to_owned()];
    talk.answer(&number, SyncResponse { missing_keys, ..page(&[], b"", Some([0; 16])) }).unwrap();
    talk.live();
}

#[test]
fn a_write_that_was_in_memory_alone_and_is_refused_by_a_repair_is_taken_back() {
    let mut talk = Talk::online(&[MAP]);
    talk.live();
    talk.write("a", "1");
    let pushed = talk.pushed();
    talk.ack(&pushed[0].0, Ack::default()).unwrap();
    talk.machine
        .courses
        .get_mut(MAP)
        .unwrap()
        .wanted
        .push_back(syncline_protocol::dialects::maps::Path::of("a"));
    talk.machine.dirty(&MAP.into());
    talk.machine.pushes.urgent = true;
    let pushed = talk.pushed();
    assert_eq!(pushed[0].1, ["a"], "the server wants it");
    let results = vec![rejected(0, ErrorCode::BeyondGc)];
    talk.ack(&pushed[0].0, Ack { results, ..Ack::default() }).unwrap();
    assert_eq!(talk.replica.refused, [("a".to_owned(), ErrorCode::BeyondGc)]);
}
