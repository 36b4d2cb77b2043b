//! Who claims requests and never answers, and who guesses codes.

use std::collections::BTreeSet;

use syncline_protocol::dialects::peer::{chunks, packet::Kind, participant::Why};

use super::siege::{ALICE, Siege};

/// Lets time pass in which Mallory claims every request of others at once.
fn claim_all(siege: &mut Siege, seconds: u64, seen: &mut BTreeSet<String>) {
    for _ in 0..seconds * 100 {
        siege.world.run_ms(10);
        let asked: Vec<_> = siege
            .world
            .sent_since(0, Kind::SyncReq)
            .iter()
            // What is asked of another by name, Mallory does not hear.
            .filter(|sent| sent.packet.target.as_ref().is_none_or(|to| *to == siege.mallory.id))
            .map(|sent| sent.packet.request.clone())
            .filter(|request| seen.insert(request.as_str().to_owned()))
            .collect();
        for request in asked {
            for at in siege.all() {
                let (id, keys) = siege.whom(at);
                let mut claim = siege.mallory.packet(Kind::SyncClaim, &siege.world);
                claim.request = request.clone();
                let claim = siege.mallory.seal_for(claim, (&id, &keys), b"");
                let frame = siege.mallory.sign(claim);
                siege.world.inject(at, frame);
            }
        }
    }
}

#[test]
fn who_claims_everything_and_sends_nothing_delays_and_does_not_block() {
    let mut siege = Siege::new(660);
    siege.world.write(ALICE, "members", "dave", Some(r#"{"roleIds":["member"]}"#));
    siege.world.write(ALICE, "tasks", "1", Some("x"));
    let mut seen = BTreeSet::new();
    let dave = siege.world.enter_invited("dave", ALICE);
    let announcement = siege.mallory.announcement(&siege.world);
    siege.world.inject(dave, announcement);
    claim_all(&mut siege, 20, &mut seen);
    assert!(!seen.is_empty());
    assert_eq!(siege.world.members[dave].value("tasks", "1").as_deref(), Some("x"));
    assert!(siege.world.members[dave].is_synced());
    // Again when something is lost.
    siege.world.disconnect(dave);
    siege.world.write(ALICE, "tasks", "2", Some("x"));
    siege.world.connect(dave);
    claim_all(&mut siege, 20, &mut seen);
    assert_eq!(siege.world.members[dave].value("tasks", "2").as_deref(), Some("x"));
    siege.holds();
}

#[test]
fn who_asks_all_the_time_is_answered_so_much() {
    let mut siege = Siege::new(661);
    siege.world.run_secs(60);
    let since = siege.world.sent.len();
    for _ in 0..200 {
        siege.send(Kind::SyncReq, ALICE, b"{}");
        siege.send(Kind::UnicastReq, ALICE, br#"{"type":"GSK_REQ"}"#);
        siege.world.run_ms(10);
    }
    siege.world.run_secs(2);
    assert!(siege.drops(ALICE, Why::TooOften) > 50);
    let given = siege.world.sent_since(since, Kind::UnicastReq);
    let given = given.iter().filter(|sent| sent.packet.target.as_ref() == Some(&siege.mallory.id));
    assert!(given.count() <= 4, "a key is given each two seconds");
    let bytes: usize = siege.world.sent[since..].iter().map(|sent| sent.frame.len()).sum();
    assert!(bytes < 8 * chunks::PIECE_BYTES_MAX, "{bytes} bytes for small questions");
    siege.holds();
}
