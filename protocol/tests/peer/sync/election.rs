//! Who answers: one participant's side of it.

use proptest::prelude::*;
use syncline_protocol::dialects::peer::sync::{
    Do, Election, Heard,
    election::{CONTESTS_MAX, CONTESTS_OF_ONE_MAX, FAILED_MAX, FINISHED_MAX},
};

use super::{at, peer, request};
use crate::dice::Dice;

fn ask(election: &mut Election<u32>, name: &str, by: &str, ms: u64) -> Heard {
    let mut dice = Dice::new(ms);
    election.requested(&request(name), &peer(by), (7, true), at(ms), &mut dice)
}

/// Everything that is done up to a moment, with when.
fn until(election: &mut Election<u32>, ms: u64) -> Vec<(u64, Do<u32>)> {
    let mut done = Vec::new();
    while let Some(due) = election.deadline().filter(|due| *due <= at(ms).elapsed) {
        let due = due.as_micros().div_ceil(1000) as u64;
        let now = election.due(at(due));
        assert!(!now.is_empty(), "something is due at the deadline");
        done.extend(now.into_iter().map(|one| (due, one)));
    }
    done
}

#[test]
fn a_request_is_claimed_after_a_while_and_answered_with_what_came_with_it() {
    let mut election = Election::new(peer("b"));
    assert_eq!(ask(&mut election, "r", "a", 0), Heard::Armed);
    assert_eq!(ask(&mut election, "r", "a", 1), Heard::Known);
    let done = until(&mut election, 1000);
    let [(claimed, Do::Claim { .. }), (answered, Do::Answer { request: r, requester, clock })] =
        &done[..]
    else {
        panic!("{done:?}")
    };
    assert!((100..=151).contains(claimed) && (50..=52).contains(&(answered - claimed)));
    assert_eq!((r, requester, clock), (&request("r"), &peer("a"), &7));
    assert_eq!(ask(&mut election, "r", "a", 2000), Heard::Known);
    assert_eq!(ask(&mut election, "r", "a", 400_000), Heard::Armed);
}

#[test]
fn who_has_nothing_newer_or_has_failed_waits_longer() {
    let claimed_at = |has_newer, failures| {
        let mut election = Election::new(peer("b"));
        (0..failures).for_each(|_| election.failed());
        election.requested(&request("r"), &peer("a"), (7, has_newer), at(0), &mut Dice::new(1));
        until(&mut election, 10_000)[0].0
    };
    let plain = claimed_at(true, 0);
    assert_eq!(claimed_at(false, 0), plain + 100);
    assert_eq!(claimed_at(true, 2), plain + 40);
    assert_eq!(claimed_at(true, 1_000_000), plain + u64::from(FAILED_MAX) * 20);
}

#[test]
fn a_claim_of_another_cancels_its_own_request_only() {
    let mut election = Election::new(peer("b"));
    for name in ["r", "s"] {
        ask(&mut election, name, "a", 0);
    }
    assert!(election.claimed(&request("r"), &peer("c"), at(10)));
    assert!(!election.claimed(&request("t"), &peer("c"), at(10)));
    // The one who asks does not answer itself, and nobody hears its own claim.
    assert!(!election.claimed(&request("s"), &peer("a"), at(10)));
    assert!(!election.claimed(&request("s"), &peer("b"), at(10)));
    let done = until(&mut election, 1000);
    assert!(done.iter().all(|(_, one)| !format!("{one:?}").contains("\"r\"")));
    assert_eq!(done.len(), 2);
}

#[test]
fn of_two_who_claim_the_greater_name_yields() {
    for (other, answers) in [("a", 0), ("c", 1)] {
        let mut election = Election::new(peer("b"));
        ask(&mut election, "r", "z", 0);
        let claimed = election.deadline().unwrap().as_millis() as u64 + 1;
        assert!(matches!(election.due(at(claimed))[..], [Do::Claim { .. }]));
        assert_eq!(election.claimed(&request("r"), &peer(other), at(claimed + 1)), answers == 0);
        assert_eq!(until(&mut election, 1000).len(), answers);
    }
}

#[test]
fn a_claim_that_overtakes_its_request_counts() {
    let mut election = Election::new(peer("b"));
    election.claimed(&request("r"), &peer("c"), at(0));
    assert_eq!(ask(&mut election, "r", "a", 5), Heard::Known);
    assert_eq!(election.deadline(), None);
    // A claim of one's own request claims nothing.
    election.claimed(&request("s"), &peer("a"), at(0));
    assert_eq!(ask(&mut election, "s", "a", 5), Heard::Armed);
}

#[test]
fn who_is_gone_is_not_answered() {
    let mut election = Election::new(peer("b"));
    ask(&mut election, "r", "a", 0);
    ask(&mut election, "s", "c", 0);
    election.left(&peer("a"));
    assert_eq!(until(&mut election, 1000).len(), 2);
    ask(&mut election, "t", "c", 2000);
    election.clear();
    assert_eq!(election.deadline(), None);
}

#[test]
fn what_is_remembered_of_strangers_requests_is_bounded() {
    let mut election = Election::new(peer("b"));
    let mut armed = 0;
    for n in 0..10 * FINISHED_MAX {
        let by = format!("peer-{}", n / (CONTESTS_OF_ONE_MAX + 1));
        armed += usize::from(ask(&mut election, &format!("r{n}"), &by, 0) == Heard::Armed);
        election.claimed(&request(&format!("early{n}")), &peer("x"), at(0));
    }
    assert_eq!(armed, CONTESTS_MAX);
    assert_eq!(until(&mut election, 1000).len(), 2 * CONTESTS_MAX);
    let debug = format!("{election:?}");
    assert!(debug.matches("early").count() <= 2 * FINISHED_MAX + 10);
}

#[test]
fn no_more_than_a_few_of_one_are_waited_with() {
    let mut election = Election::new(peer("b"));
    let heard: Vec<_> = (0..6).map(|n| ask(&mut election, &format!("r{n}"), "a", 0)).collect();
    assert_eq!(
        heard.iter().filter(|heard| **heard == Heard::Full).count(),
        6 - CONTESTS_OF_ONE_MAX
    );
    assert_eq!(ask(&mut election, "s", "c", 0), Heard::Armed);
}

proptest! {
    /// Whatever comes in whatever order: a request is claimed once at most, answered once at most and only
    /// after its claim, and never after a smaller name's claim was heard before the answer.
    #[test]
    fn each_request_is_claimed_and_answered_once_at_most(
        steps in prop::collection::vec((0..3_u8, 0..4_u8, 0..4_u8, 0..120_u64), 1..60)
    ) {
        let names = ["a", "b", "c", "d"];
        let mut election = Election::new(peer("b"));
        let (mut ms, mut log) = (0, Vec::new());
        for (what, which, who, pause) in steps {
            ms += pause;
            let (name, who) = (format!("r{which}"), names[usize::from(who)]);
            match what {
                0 => { ask(&mut election, &name, who, ms); }
                1 => { election.claimed(&request(&name), &peer(who), at(ms)); }
                _ => {}
            }
            log.extend(election.due(at(ms)));
        }
        log.extend(until(&mut election, ms + 10_000).into_iter().map(|(_, one)| one));
        for which in 0..4 {
            for who in names {
                let is_it = |r: &_, by: &_| *r == request(&format!("r{which}")) && *by == peer(who);
                let kinds: Vec<_> = log.iter().filter_map(|one| match one {
                    Do::Claim { request, requester } => is_it(request, requester).then_some("claim"),
                    Do::Answer { request, requester, .. } => is_it(request, requester).then_some("answer"),
                }).collect();
                prop_assert!([&[][..], &["claim"], &["claim", "answer"]].contains(&&kinds[..]), "{kinds:?}");
                prop_assert!(who != "b" || kinds.is_empty());
            }
        }
        prop_assert_eq!(election.deadline(), None);
    }
}
