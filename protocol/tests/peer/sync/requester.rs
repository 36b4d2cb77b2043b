//! Asking: one participant's side of it.

use proptest::prelude::*;
use syncline_protocol::dialects::peer::sync::{Ask, Requester};

use super::{at, peer};
use crate::dice::Dice;

/// One that asks, in virtual time.
struct Asking {
    requester: Requester,
    ms: u64,
    dice: Dice,
}

impl Asking {
    /// In a room with these, all of whom can be asked.
    fn among(names: &[&str]) -> Self {
        let mut requester = Requester::new();
        requester.connected(at(0));
        names.iter().for_each(|name| requester.reachable(&peer(name), at(0)));
        Self { requester, ms: 0, dice: Dice::new(1) }
    }

    /// The next request before a moment, and when it is.
    fn next(&mut self, until: u64) -> Option<(u64, Ask)> {
        loop {
            let due = self.requester.deadline()?.as_micros().div_ceil(1000) as u64;
            if due > until {
                self.ms = until;
                return None;
            }
            self.ms = self.ms.max(due);
            if let Some(ask) = self.requester.due(at(self.ms), &mut self.dice) {
                return Some((self.ms, ask));
            }
        }
    }

    fn expect(&mut self, until: u64) -> (u64, Ask) {
        self.next(until).unwrap_or_else(|| panic!("nothing was asked before {until}"))
    }
}

#[test]
fn nobody_is_asked_when_nobody_is_there_or_there_is_no_connection() {
    let mut asking = Asking::among(&[]);
    assert_eq!(asking.next(100_000), None);
    let mut asking = Asking::among(&["b"]);
    asking.requester.disconnected();
    asking.requester.want_newer(at(0));
    asking.requester.reachable(&peer("b"), at(0));
    assert_eq!(asking.next(100_000), None);
}

#[test]
fn all_are_asked_once_and_no_more_after_the_answer() {
    let mut asking = Asking::among(&["b", "c"]);
    let (ms, ask) = asking.expect(1000);
    assert_eq!((ms, &ask.to, ask.is_full), (100, &None, false));
    assert!(asking.requester.claimed(&ask.request, &peer("b"), at(150)));
    assert!(asking.requester.answered(&ask.request, &peer("b")));
    assert!(!asking.requester.answered(&ask.request, &peer("b")));
    assert_eq!(asking.next(1_000_000), None);
}

#[test]
fn requests_are_three_seconds_apart_and_gaps_wait_half_a_second() {
    let mut asking = Asking::among(&["b", "c"]);
    let (first, ask) = asking.expect(1000);
    asking.requester.answered(&ask.request, &peer("b"));
    asking.requester.want_newer(at(first + 10));
    asking.requester.want_newer(at(first + 20));
    let (second, ask) = asking.expect(10_000);
    assert_eq!(second, first + 3000);
    asking.requester.answered(&ask.request, &peer("b"));
    assert_eq!(asking.next(second + 60_000), None);
    asking.requester.gap(at(100_000));
    asking.requester.gap(at(100_400));
    assert_eq!(asking.expect(200_000).0, 100_500);
}

#[test]
fn it_is_asked_anew_with_another_name_when_nobody_claims_and_ever_less_often() {
    let mut asking = Asking::among(&["b", "c", "d"]);
    let (mut times, mut names) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let (ms, ask) = asking.expect(1_000_000);
        times.push(ms);
        names.push(ask.request);
    }
    let pauses: Vec<_> = times.windows(2).map(|two| two[1] - two[0]).collect();
    assert_eq!(pauses, [2000, 3000, 5000, 9000, 17_000, 31_000, 31_000, 31_000, 31_000]);
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 10);
}

#[test]
fn who_claims_and_does_not_answer_is_passed_over() {
    let mut asking = Asking::among(&["b", "c", "liar"]);
    let (first, ask) = asking.expect(1000);
    asking.requester.claimed(&ask.request, &peer("liar"), at(first + 1));
    let (second, ask) = asking.expect(10_000);
    assert_eq!(second, first + 1 + 3000 + 1000);
    let to = ask.to.expect("one of the others is asked by name");
    assert_ne!(to, peer("liar"));
    // Its claim of what it was not asked is not believed either.
    assert!(!asking.requester.claimed(&ask.request, &peer("liar"), at(second + 1)));
    assert!(asking.requester.answered(&ask.request, &to));
    // While it is suspected, it is not relied on.
    asking.requester.want_newer(at(60_000));
    assert_ne!(asking.expect(100_000).1.to, None);
    asking.requester.disconnected();
    asking.requester.connected(at(900_000));
    asking.requester.reachable(&peer("liar"), at(900_000));
    asking.ms = 900_000;
    assert_eq!(asking.expect(1_000_000).1.to, None);
}

#[test]
fn a_claim_that_only_the_others_hear_does_not_stop_it() {
    let mut asking = Asking::among(&["b", "c"]);
    let asked: Vec<_> = (0..3).map(|_| asking.expect(1_000_000).1.to).collect();
    assert!(asked[..2].iter().all(Option::is_none) && asked[2].is_some());
}

#[test]
fn an_answer_in_parts_is_waited_for_but_not_for_ever() {
    let mut asking = Asking::among(&["b", "c"]);
    let (first, ask) = asking.expect(1000);
    asking.requester.claimed(&ask.request, &peer("b"), at(first));
    for part in 1..=15 {
        let now = first + part * 2000;
        assert_eq!(asking.next(now), None, "{part}");
        let is_waited_for = asking.requester.progress(&ask.request, &peer("b"), at(now));
        assert_eq!(is_waited_for, part < 15, "{part}");
    }
    assert_eq!(asking.expect(100_000).0, first + 31_000);
}

#[test]
fn another_is_asked_at_once_when_who_claimed_it_is_gone() {
    let mut asking = Asking::among(&["b", "c"]);
    let (first, ask) = asking.expect(1000);
    asking.requester.claimed(&ask.request, &peer("b"), at(first));
    asking.requester.left(&peer("b"), at(first + 10));
    let (second, ask) = asking.expect(10_000);
    assert_eq!((second, ask.to), (first + 10 + 1000, Some(peer("c"))));
}

#[test]
fn all_that_one_has_is_asked_of_this_one_and_then_of_another() {
    let mut asking = Asking::among(&["b", "c"]);
    let (first, ask) = asking.expect(1000);
    asking.requester.answered(&ask.request, &peer("b"));
    asking.requester.want_full(&peer("c"));
    let (second, ask) = asking.expect(10_000);
    assert_eq!((second, ask.to, ask.is_full), (first + 3000, Some(peer("c")), true));
    let (_, ask) = asking.expect(20_000);
    assert_eq!((ask.to, ask.is_full), (Some(peer("b")), true));
}

#[test]
fn who_is_ahead_twice_is_asked_itself() {
    let mut asking = Asking::among(&["b", "c", "d"]);
    let (_, ask) = asking.expect(1000);
    asking.requester.answered(&ask.request, &peer("b"));
    asking.requester.behind(&peer("d"), at(10_000));
    let (_, ask) = asking.expect(20_000);
    assert_eq!(ask.to, None);
    asking.requester.answered(&ask.request, &peer("b"));
    asking.requester.behind(&peer("d"), at(20_000));
    assert_eq!(asking.expect(30_000).1.to, Some(peer("d")));
}

#[test]
fn who_is_ahead_twice_is_asked_itself_also_when_others_are_ahead_too() {
    let mut asking = Asking::among(&["b", "c", "d"]);
    let (mut ms, ask) = asking.expect(1000);
    asking.requester.answered(&ask.request, &peer("b"));
    for to in [None, Some(peer("c"))] {
        ms += 10_000;
        asking.requester.behind(&peer("c"), at(ms));
        let (_, ask) = asking.expect(ms + 5000);
        assert_eq!(ask.to, to);
        asking.requester.answered(&ask.request, &peer("b"));
        asking.requester.answered(&ask.request, &peer("c"));
        asking.requester.behind(&peer("d"), at(ms + 5000));
        asking.next(ms + 9000);
    }
}

#[test]
fn a_late_answer_of_one_ends_no_wish_for_all_of_another() {
    let mut asking = Asking::among(&["b", "c"]);
    let (ms, ask) = asking.expect(1000);
    assert!(asking.requester.answered(&ask.request, &peer("b")));
    asking.requester.want_full(&peer("b"));
    let (_, full) = asking.expect(ms + 10_000);
    assert_eq!((&full.to, full.is_full), (&Some(peer("b")), true));
    asking.requester.want_full(&peer("c"));
    // It is given up, and answered before another one is asked.
    let given_up = asking.requester.deadline().unwrap();
    assert_eq!(asking.next(given_up.as_millis() as u64 + 1), None);
    assert!(asking.requester.answered(&full.request, &peer("b")));
    let (_, next) = asking.expect(ms + 60_000);
    assert_eq!((&next.to, next.is_full), (&Some(peer("c")), true));
}

proptest! {
    /// Whatever happens: one request at a time, no two with one name, never faster than two in three
    /// seconds, and whoever is there and answers is reached in the end.
    #[test]
    fn it_never_floods_and_always_comes_through(
        steps in prop::collection::vec((0..7_u8, 0..4_usize, 0..3000_u64), 1..80),
        honest in 0..4_usize, seed: u64,
    ) {
        let names = ["b", "c", "d", "e"];
        let mut asking = Asking::among(&names);
        asking.dice = Dice::new(seed);
        let mut asked: Vec<(u64, Ask)> = Vec::new();
        for (what, who, pause) in steps {
            let end = asking.ms + pause;
            while let Some(next) = asking.next(end) {
                asked.push(next);
            }
            let (who, now) = (peer(names[who]), at(end));
            let last = asked.last().map(|(_, ask)| ask.request.clone());
            match (what, last) {
                (0, Some(last)) => { asking.requester.claimed(&last, &who, now); }
                (1, Some(last)) => { asking.requester.progress(&last, &who, now); }
                (2, _) => asking.requester.want_newer(now),
                (3, _) => asking.requester.gap(now),
                (4, _) => asking.requester.want_full(&who),
                (5, _) => asking.requester.left(&who, now),
                _ => asking.requester.reachable(&who, now),
            }
            asking.ms = end;
        }
        for three in asked.windows(3) {
            prop_assert!(three[2].0 - three[0].0 >= 2000, "{three:?}");
        }
        let mut requests: Vec<_> = asked.iter().map(|(_, ask)| &ask.request).collect();
        requests.sort();
        requests.dedup();
        prop_assert_eq!(requests.len(), asked.len());

        // From now on one answers, and another claims whatever all are asked.
        let (start, honest) = (asking.ms, peer(names[honest]));
        let liar = names.map(peer).into_iter().find(|name| *name != honest).unwrap();
        names.iter().for_each(|name| asking.requester.reachable(&peer(name), at(start)));
        asking.requester.want_newer(at(start));
        for _ in 0..40 {
            let (now, ask) = asking.expect(start + 1_000_000);
            match &ask.to {
                None => { asking.requester.claimed(&ask.request, &liar, at(now)); }
                Some(to) if *to == honest => {
                    prop_assert!(asking.requester.answered(&ask.request, &honest));
                    return Ok(());
                }
                Some(_) => {}
            }
        }
        prop_assert!(false, "{honest:?} was never asked");
    }
}
