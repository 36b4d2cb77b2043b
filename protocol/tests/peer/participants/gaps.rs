//! What is lost is found: checks 24 to 26 and 35.

use std::time::Duration;

use syncline_protocol::dialects::peer::{packet::Kind, participant::Event, rows::VersionVector};

use super::world::{Seeded, World};

#[test]
fn check_24_only_what_is_above_the_clock_is_sent() {
    let mut world = World::new(60);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    for n in 0..100 {
        world.write(alice, "tasks", &n.to_string(), Some("a value that takes some space"));
    }
    world.run_secs(20);
    world.disconnect(bob);
    world.write(alice, "tasks", "new", Some("x"));
    let since = world.sent.len();
    world.connect(bob);
    world.run_secs(5);
    let bytes: usize =
        world.sent_since(since, Kind::DataChunk).iter().map(|sent| sent.frame.len()).sum();
    assert!(bytes < 2000, "{bytes} bytes for one row");
    assert_eq!(world.members[bob].value("tasks", "new").as_deref(), Some("x"));
    // A clock of nothing is answered with everything.
    assert_ne!(world.members[alice].frontier(), &VersionVector::default());
    let since = world.sent.len();
    world.enter("carol");
    world.run_secs(5);
    assert_eq!(world.members[2].rows("tasks").unwrap().len(), 101);
    assert!(!world.sent_since(since, Kind::DataChunk).is_empty());
}

#[test]
fn check_25_a_live_chunk_that_is_lost_is_found_by_the_next() {
    let mut world = World::new(61);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.run_secs(20);
    world.write(alice, "tasks", "1", Some("x"));
    world.fate = Box::new(|_, _| None);
    world.write(alice, "tasks", "2", Some("x"));
    world.fate = Box::new(|_, _| Some(Duration::ZERO));
    world.write(alice, "tasks", "3", Some("x"));
    world.run_ms(10);
    assert_eq!(world.members[bob].value("tasks", "2"), None);
    assert_eq!(world.members[bob].value("tasks", "3").as_deref(), Some("x"), "applied at once");
    world.run_ms(4000);
    assert_eq!(world.members[bob].value("tasks", "2").as_deref(), Some("x"));
    world.assert_same();
}

#[test]
fn the_last_chunk_that_is_lost_is_found_by_comparing() {
    let mut world = World::new(62);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.run_secs(20);
    world.fate = Box::new(|_, _| None);
    world.write(alice, "tasks", "1", Some("x"));
    world.fate = Box::new(|_, _| Some(Duration::ZERO));
    world.run_secs(10);
    assert_eq!(world.members[bob].value("tasks", "1").as_deref(), Some("x"));
}

/// Six write and delete at random over a bad network; when it is good again all have the same.
#[test]
fn check_26_all_come_out_the_same() {
    for seed in 0..4 {
        let mut world = World::new(700 + seed);
        for n in 0..6 {
            world.enter(&format!("peer-{n}"));
        }
        world.run_secs(5);
        let mut dice = Seeded(seed);
        let mut fates = Seeded(seed + 100);
        let cut = move |one: usize, other: usize, at: Duration| {
            let phase = at.as_secs() / 20;
            phase % 3 == 1 && one % 2 != other % 2 || phase % 3 == 2 && (one < 3) != (other < 3)
        };
        world.fate = Box::new(move |sent, to| {
            let is_lost = fates.below(100) < 30 || cut(sent.from, to, sent.at);
            let late = Duration::from_millis(fates.below(300));
            (!is_lost).then_some(late)
        });
        for n in 0..150 {
            let at = dice.below(6) as usize;
            let id = dice.below(30).to_string();
            let value = (dice.below(4) > 0).then(|| format!("{n} of {at}"));
            world.write(at, "tasks", &id, value.as_deref());
            world.run_ms(dice.below(800));
        }
        world.fate = Box::new(|_, _| Some(Duration::from_millis(20)));
        world.run_secs(120);
        world.assert_same();
        let rows = world.members[0].rows("tasks").unwrap();
        assert!(world.members.iter().all(|member| member.rows("tasks").unwrap() == rows));
    }
}

#[test]
fn check_35_equal_rows_make_no_traffic() {
    let mut world = World::new(63);
    let (alice, _) = (world.enter("alice"), world.enter("bob"));
    world.write(alice, "tasks", "1", Some("x"));
    world.run_secs(40);
    let since = world.sent.len();
    world.write(alice, "tasks", "2", Some("x"));
    world.run_secs(50);
    let told = world.sent_since(since, Kind::ConsistencyCheck).len();
    assert!((2..=4).contains(&told), "{told} comparisons");
    assert_eq!(world.sent_since(since, Kind::SyncReq).len(), 0);
    assert_eq!(world.sent_since(since, Kind::DataChunk).len(), 1);
}

#[test]
fn check_35_other_rows_with_the_same_clock_are_repaired() {
    let mut world = World::new(64);
    let alice = world.enter("alice");
    world.found_group(alice, &["bob"]);
    let bob = world.enter_invited("bob", alice);
    world.run_secs(20);
    // Bob writes a role as its plain member: his own machine refuses. So he is made an admin, writes it,
    // and Alice is told of the role before she hears that he may.
    world.fate = Box::new(|_, _| None);
    world.write(alice, "members", "carol", Some(r#"{"roleIds":["member"]}"#));
    world.run_secs(1);
    world.fate = Box::new(|_, _| Some(Duration::ZERO));
    world.run_secs(60);
    world.assert_same();
    assert!(world.members[bob].value("members", "carol").is_some());
    assert_eq!(world.members[bob].saw(|event| matches!(event, Event::Diverged { .. })), 0);
}
