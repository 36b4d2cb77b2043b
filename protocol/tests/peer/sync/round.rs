//! Several that ask and answer each other, in virtual time: election and requester together.
//!
//! Messages carry no rows; a participant is here its version alone, and an answer its sender's.

use std::collections::BTreeMap;

use proptest::prelude::*;
use syncline_protocol::dialects::peer::{
    id::{PeerId, RequestId},
    sync::{Do, Election, Requester},
};

use super::{at, peer};
use crate::dice::Dice;

#[derive(Clone, Debug)]
enum Message {
    Ask(RequestId, u64),
    Claim(RequestId),
    Answer(RequestId, u64),
}

struct One {
    name: PeerId,
    election: Election<u64>,
    requester: Requester,
    version: u64,
    /// It hears nothing and says nothing from its claim on.
    dies_at_claim: bool,
    is_gone: bool,
}

/// A room in which a message takes between so many milliseconds, and some are lost.
struct Round {
    ones: Vec<One>,
    way: BTreeMap<(u64, u64), (usize, usize, Message)>,
    sent: u64,
    ms: u64,
    delay: (u64, u64),
    loss: u64,
    dice: Dice,
    claims: usize,
    answers: usize,
}

impl Round {
    fn of(count: usize, delay: (u64, u64), seed: u64) -> Self {
        let ones = (0..count).map(|n| {
            let name = peer(&format!("p{n}"));
            One {
                election: Election::new(name.clone()),
                requester: Requester::new(),
                version: 1,
                name,
                dies_at_claim: false,
                is_gone: false,
            }
        });
        let (ones, way, dice) = (ones.collect(), BTreeMap::new(), Dice::new(seed));
        Self { ones, way, sent: 0, ms: 0, delay, loss: 0, dice, claims: 0, answers: 0 }
    }

    /// The first one connects and knows all the others.
    fn first_connects(&mut self) {
        let now = at(self.ms);
        let names: Vec<_> = self.ones[1..].iter().map(|one| one.name.clone()).collect();
        self.ones[0].version = 0;
        self.ones[0].requester.connected(now);
        names.iter().for_each(|name| self.ones[0].requester.reachable(name, now));
    }

    fn send(&mut self, from: usize, to: Option<&PeerId>, message: &Message) {
        for other in 0..self.ones.len() {
            let is_for = to.is_none_or(|to| *to == self.ones[other].name);
            if other != from && is_for && !self.dice.chance(self.loss) {
                let arrives =
                    self.ms + self.delay.0 + self.dice.below(self.delay.1 - self.delay.0 + 1);
                self.sent += 1;
                self.way.insert((arrives, self.sent), (from, other, message.clone()));
            }
        }
    }

    fn run(&mut self, until: u64) {
        while self.ms <= until && self.ones[0].version == 0 {
            self.step();
        }
        let arrived = self.ms;
        // What is under way still arrives, so that all claims and answers are counted.
        while self.ms < arrived + 1000 {
            self.step();
        }
        self.ms = arrived;
    }

    /// When something happens next; within a second.
    fn next(&self) -> u64 {
        let there = self.ones.iter().filter(|one| !one.is_gone);
        let due = there.flat_map(|one| [one.election.deadline(), one.requester.deadline()]);
        let due = due.flatten().map(|due| due.as_micros().div_ceil(1000) as u64);
        let next = due.chain(self.way.keys().map(|key| key.0)).min().unwrap_or(u64::MAX);
        next.clamp(self.ms + 1, self.ms + 1000)
    }

    fn step(&mut self) {
        self.ms = self.next();
        while let Some(first) = self.way.first_entry().filter(|first| first.key().0 <= self.ms) {
            let (from, to, message) = first.remove();
            self.arrive(from, to, message);
        }
        for n in 0..self.ones.len() {
            self.due(n);
        }
    }

    fn arrive(&mut self, from: usize, to: usize, message: Message) {
        let (now, by) = (at(self.ms), self.ones[from].name.clone());
        let one = &mut self.ones[to];
        match message {
            _ if one.is_gone => {}
            Message::Ask(request, version) => {
                let has_newer = one.version > version;
                one.election.requested(&request, &by, (version, has_newer), now, &mut self.dice);
            }
            Message::Claim(request) => {
                one.election.claimed(&request, &by, now);
                one.requester.claimed(&request, &by, now);
            }
            Message::Answer(request, version) => {
                one.requester.answered(&request, &by);
                one.version = one.version.max(version);
            }
        }
    }

    fn due(&mut self, n: usize) {
        let now = at(self.ms);
        if self.ones[n].is_gone {
            return;
        }
        if let Some(ask) = self.ones[n].requester.due(now, &mut self.dice) {
            let message = Message::Ask(ask.request, self.ones[n].version);
            self.send(n, ask.to.as_ref(), &message);
        }
        for one in self.ones[n].election.due(now) {
            match one {
                Do::Claim { request, .. } => {
                    self.claims += 1;
                    self.send(n, None, &Message::Claim(request));
                    self.ones[n].is_gone = self.ones[n].dies_at_claim;
                }
                Do::Answer { request, requester, .. } if !self.ones[n].is_gone => {
                    self.answers += 1;
                    let message = Message::Answer(request, self.ones[n].version);
                    self.send(n, Some(&requester), &message);
                }
                Do::Answer { .. } => {}
            }
        }
    }
}

/// Check 20, with a network that takes no time.
#[test]
fn five_are_asked_and_exactly_one_claims_and_answers() {
    for seed in 0..200 {
        let mut round = Round::of(6, (0, 0), seed);
        round.first_connects();
        round.run(2000);
        // Two whose times fall into one millisecond both claim, and one of them yields.
        assert_eq!((round.ones[0].version, round.answers), (1, 1), "seed {seed}");
        assert!(round.claims <= 2, "seed {seed}: {}", round.claims);
    }
}

/// Check 20, with 200 ms each way.
#[test]
fn a_slow_network_brings_one_answer_at_least() {
    for seed in 0..50 {
        let mut round = Round::of(6, (200, 200), seed);
        round.first_connects();
        round.run(1000);
        assert!(round.ones[0].version == 1 && round.answers >= 1, "seed {seed}");
    }
}

/// Check 22: whoever claims first dies of it.
#[test]
fn another_answers_when_the_first_one_dies_after_its_claim() {
    for seed in 0..50 {
        let mut round = Round::of(6, (1, 20), seed);
        round.ones[1..].iter_mut().for_each(|one| one.dies_at_claim = true);
        round.first_connects();
        while round.claims == 0 {
            round.step();
        }
        round.ones[1..].iter_mut().for_each(|one| one.dies_at_claim = false);
        round.run(10_000);
        assert_eq!(round.ones[0].version, 1, "seed {seed}");
        assert!(round.ms < 10_000, "seed {seed}: {} ms", round.ms);
    }
}

/// Check 23: who asks is as new as who answers, and is answered all the same.
#[test]
fn who_lacks_nothing_is_answered_too() {
    let mut round = Round::of(3, (1, 20), 1);
    round.first_connects();
    round.ones.iter_mut().for_each(|one| one.version = 0);
    while round.ms < 1000 {
        round.step();
    }
    assert_eq!(round.answers, 1);
    assert!(!round.ones[0].requester.is_asking());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A third of what is sent is lost, and most of them die when they claim: the one that does not is found.
    #[test]
    fn a_bad_network_and_the_dying_only_delay_it(seed: u64, slow in 1..400_u64, survivor in 1..6_usize) {
        let mut round = Round::of(6, (1, slow), seed);
        round.loss = 33;
        round.first_connects();
        for (n, one) in round.ones.iter_mut().enumerate() {
            one.dies_at_claim = n != 0 && n != survivor;
        }
        round.run(3_600_000);
        prop_assert_eq!(round.ones[0].version, 1);
    }
}
