//! Who answers: checks 20 to 23.

use std::time::Duration;

use syncline_protocol::dialects::peer::{packet::Kind, participant::Event};

use super::{rogue::Rogue, world::World};

/// Five with the same rows, and a sixth that has nothing and is about to enter.
fn five(seed: u64) -> (World, usize) {
    let mut world = World::new(seed);
    for n in 0..5 {
        world.enter(&format!("peer-{n}"));
        world.run_ms(500);
    }
    world.write(0, "tasks", "1", Some("x"));
    world.run_secs(10);
    world.assert_same();
    let opening = world.opening("late");
    let late = world.add(opening);
    (world, late)
}

/// Claims of one's requests, and answers to it, since then.
fn claims_and_answers(world: &World, since: usize, to: usize) -> (usize, usize) {
    let requests: Vec<_> = world
        .sent_since(since, Kind::SyncReq)
        .into_iter()
        .filter(|sent| sent.from == to)
        .map(|sent| sent.packet.request.clone())
        .collect();
    let to = Some(&world.members[to].id);
    let for_it = |kind| {
        let sent = world.sent_since(since, kind);
        let is_for_it = |sent: &&&super::world::Sent| {
            sent.packet.target.as_ref() == to && requests.contains(&sent.packet.request)
        };
        sent.iter().filter(is_for_it).count()
    };
    (for_it(Kind::SyncClaim), for_it(Kind::DataChunk))
}

#[test]
fn check_20_of_five_one_answers() {
    let (mut world, late) = five(50);
    let since = world.sent.len();
    world.connect(late);
    world.run_ms(1500);
    assert_eq!(claims_and_answers(&world, since, late), (1, 1));
    assert!(world.members[late].is_synced());
    world.assert_same();
}

#[test]
fn check_20_with_a_slow_network_somebody_answers() {
    let (mut world, late) = five(51);
    world.fate = Box::new(|_, _| Some(Duration::from_millis(200)));
    let since = world.sent.len();
    world.connect(late);
    world.run_secs(10);
    let (_, answers) = claims_and_answers(&world, since, late);
    assert!(answers >= 1);
    assert!(world.members[late].is_synced());
    world.assert_same();
}

#[test]
fn where_claims_come_later_than_they_are_waited_for_all_become_synced_and_quiet() {
    let (mut world, late) = five(54);
    world.fate = Box::new(|_, _| Some(Duration::from_millis(1800)));
    world.connect(late);
    world.run_secs(30);
    assert!(world.members[late].is_synced(), "an answer that comes late is one");
    world.assert_same();
    world.run_secs(400);
    let since = world.sent.len();
    world.run_secs(200);
    assert_eq!(world.sent_since(since, Kind::SyncReq).len(), 0);
}

#[test]
fn check_21_a_claim_of_another_request_or_of_nobody_cancels_nothing() {
    let mut world = World::new(52);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.write(alice, "tasks", "1", Some("x"));
    world.run_secs(10);
    // Everything but claims of a third is held back: whoever claims wrongly stops nobody.
    let mut mallory = Rogue::new("mallory", 53);
    let announcement = mallory.announcement(&world);
    world.inject(alice, announcement);
    world.disconnect(bob);
    world.write(alice, "tasks", "2", Some("x"));
    world.connect(bob);
    let mut forged = false;
    for _ in 0..400 {
        world.run_ms(5);
        let asked = world.sent.iter().rfind(|sent| sent.packet.kind == Kind::SyncReq as i32);
        let Some(request) = asked.map(|sent| sent.packet.request.clone()) else { continue };
        let (to, keys) = (world.members[alice].id.clone(), world.members[alice].keys());
        // Of another request, by somebody who is known.
        let claim = mallory.packet(Kind::SyncClaim, &world);
        let claim = mallory.seal_for(claim, (&to, &keys), b"");
        let claim = mallory.sign(claim);
        world.inject(alice, claim);
        // Of this one, signed by nobody.
        let mut claim = mallory.packet(Kind::SyncClaim, &world);
        claim.request = request;
        let claim = mallory.seal_for(claim, (&to, &keys), b"");
        world.inject(alice, claim.encode());
        forged = true;
    }
    assert!(forged);
    assert_eq!(world.members[bob].value("tasks", "2").as_deref(), Some("x"));
}

#[test]
fn check_21_requests_of_two_at_a_time_are_both_answered() {
    let (mut world, late) = five(54);
    let opening = world.opening("later");
    let later = world.add(opening);
    world.connect(late);
    world.connect(later);
    world.run_secs(3);
    assert!(world.members[late].is_synced() && world.members[later].is_synced());
    world.assert_same();
}

#[test]
fn check_22_who_claims_and_falls_silent_does_not_block() {
    let (mut world, late) = five(55);
    // The first one that claims never says anything again.
    let mut silent = None;
    world.fate = Box::new(move |sent, _| {
        if sent.packet.kind == Kind::SyncClaim as i32 && silent.is_none() {
            silent = Some(sent.from);
            return Some(Duration::ZERO);
        }
        let is_claim = sent.packet.kind == Kind::SyncClaim as i32;
        (Some(sent.from) != silent || is_claim).then_some(Duration::ZERO)
    });
    world.connect(late);
    world.run_secs(10);
    assert!(world.members[late].is_synced());
    assert_eq!(world.members[late].value("tasks", "1").as_deref(), Some("x"));
}

#[test]
fn check_22_who_claims_and_crashes_does_not_block() {
    let (mut world, late) = five(56);
    world.connect(late);
    let since = world.sent.len();
    let claimer = loop {
        world.run_ms(1);
        if let Some(sent) = world.sent_since(since, Kind::SyncClaim).first() {
            break sent.from;
        }
    };
    world.disconnect(claimer);
    assert!(!world.members[late].is_synced());
    world.run_secs(10);
    assert!(world.members[late].is_synced());
    assert_eq!(world.members[late].value("tasks", "1").as_deref(), Some("x"));
}

#[test]
fn check_23_who_lacks_nothing_is_answered_too() {
    let mut world = World::new(57);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.write(alice, "tasks", "1", Some("x"));
    world.run_secs(20);
    world.disconnect(bob);
    world.members[bob].events.clear();
    let since = world.sent.len();
    world.connect(bob);
    world.run_secs(3);
    let answers = world.sent_since(since, Kind::DataChunk);
    assert!(!answers.is_empty());
    assert!(world.members[bob].is_synced());
    let with = world.members[alice].id.clone();
    let synced = |event: &Event| *event == Event::Synced { with: with.clone() };
    assert_eq!(world.members[bob].saw(synced), 1);
    assert_eq!(world.members[bob].saw(|event| matches!(event, Event::Changed { .. })), 0);
}
