//! Several hosts at once: one of them takes a code, over any delay between them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use syncline_protocol::dialects::peer::{
    access::Standing,
    id::RequestId,
    invite::{Asked, CLAIMS_MAX, ClaimKey, Decision, Group, Redeem},
    rows::Row,
};

use super::lobby::{Lobby, Try, at, is_redeemed, peer, request, shows};
use crate::{access::world::row, dice::Dice};

const HOSTS: [&str; 3] = ["user:Ada", "user:Olga", "user:zoe"];

/// Hosts with the same rows. What they write reaches the others after `delay_ms`, and so do claims.
struct Hosts {
    hosts: Vec<Lobby>,
    delay_ms: u64,
    /// By arrival: to whom, and what.
    on_the_way: BTreeMap<u64, Vec<(usize, Message)>>,
    redeemed: Vec<(usize, Redeem)>,
    is_lost: Vec<bool>,
}

#[derive(Clone)]
enum Message {
    Claim(usize, RequestId),
    Rows(usize, Vec<Row>),
}

impl Hosts {
    fn new(delay_ms: u64, seed: u64) -> Self {
        let hosts = HOSTS.into_iter().enumerate().map(|(at, name)| {
            let mut lobby = Lobby::of(name, &json!([{"code": "c"}, {"code": "d"}]));
            let zoe = json!({"roleIds": ["administrators"]});
            lobby.world.put(row("members", "user:zoe", &zoe, 30));
            lobby.dice = Dice::new(seed * 10 + at as u64);
            lobby
        });
        let hosts: Vec<Lobby> = hosts.collect();
        let is_lost = vec![false; hosts.len()];
        Self { hosts, delay_ms, on_the_way: BTreeMap::new(), redeemed: Vec::new(), is_lost }
    }

    fn send(&mut self, from: usize, now: u64, message: &Message) {
        let others = (0..self.hosts.len()).filter(|to| *to != from);
        let all = others.map(|to| (to, message.clone()));
        // Never in the step that sent it: that one has taken what came.
        self.on_the_way.entry(now + self.delay_ms.max(1)).or_default().extend(all);
    }

    fn ask(&mut self, to: usize, now: u64, shown: &Try) -> Asked {
        self.hosts[to].asked(at(now), shown, true)
    }

    fn step(&mut self, now: u64) {
        for (to, message) in self.on_the_way.remove(&now).unwrap_or_default() {
            match message {
                Message::Claim(from, claim) => self.claimed(to, from, &claim, now),
                Message::Rows(from, rows) => {
                    self.hosts[to].world.merge(HOSTS[from], &rows);
                }
            }
        }
        for host in (0..self.hosts.len()).filter(|host| !self.is_lost[*host]).collect::<Vec<_>>() {
            self.due(host, now);
        }
    }

    fn claimed(&mut self, to: usize, from: usize, claim: &RequestId, now: u64) {
        let Lobby { host, me, world, .. } = &mut self.hosts[to];
        let group = Group { me, access: &world.access, settings: &[] };
        host.claimed(at(now), &peer(HOSTS[from]), claim, &group);
    }

    fn due(&mut self, from: usize, now: u64) {
        while self.hosts[from].host.deadline().is_some_and(|due| due <= at(now).elapsed) {
            let settings = self.hosts[from].settings();
            let Lobby { host, me, world, .. } = &mut self.hosts[from];
            let group = Group { me, access: &world.access, settings: &settings };
            match host.due(at(now), &group) {
                Some(Decision::Claim(claim)) => {
                    self.send(from, now, &Message::Claim(from, claim));
                }
                Some(Decision::Redeem(redeem)) => self.redeem(from, now, redeem),
                None => {}
            }
        }
    }

    fn redeem(&mut self, from: usize, now: u64, redeem: Redeem) {
        let lobby = &mut self.hosts[from];
        lobby.clock = 1000 + now as i64;
        lobby.remember(&redeem);
        let rows = lobby.write(&redeem);
        self.redeemed.push((from, redeem));
        self.send(from, now, &Message::Rows(from, rows));
    }
}

#[test]
fn one_of_three_takes_it() {
    let mut hosts = Hosts::new(5, 1);
    for host in 0..3 {
        assert_eq!(hosts.ask(host, 0, &shows("r", "c")), Asked::Later);
        assert_eq!(hosts.ask(host, 1, &shows("r", "c")), Asked::Later, "asked again meanwhile");
    }
    (0..1000).for_each(|now| hosts.step(now));
    assert_eq!(hosts.redeemed.len(), 1);
    let winner = hosts.redeemed[0].0;
    for host in 0..3 {
        assert_eq!(hosts.hosts[host].codes(), ["d"]);
        assert_eq!(hosts.hosts[host].standing("stan"), Standing::Member);
        let again = hosts.ask(host, 2000, &shows("r", "c"));
        let wanted = if host == winner { Asked::Again } else { Asked::NotMine };
        assert_eq!(again, wanted, "the others do not contradict");
    }
}

#[test]
fn a_host_that_claims_and_goes_is_replaced() {
    let mut hosts = Hosts::new(5, 2);
    for host in 0..3 {
        hosts.ask(host, 0, &shows("r", "c"));
    }
    // Who claims first is lost behind its claim, and so is its grant.
    let mut now = 0;
    while hosts.on_the_way.is_empty() {
        hosts.step(now);
        now += 1;
    }
    let first = hosts.on_the_way.values().flatten().find_map(|(_, message)| match message {
        Message::Claim(from, _) => Some(*from),
        Message::Rows(..) => None,
    });
    let first = first.unwrap();
    hosts.is_lost[first] = true;
    (now..2000).for_each(|now| hosts.step(now));
    assert_eq!(hosts.redeemed.len(), 0);
    for at_ms in [2000, 4000, 6000] {
        for host in (0..3).filter(|host| *host != first) {
            hosts.ask(host, at_ms, &shows("r", "c"));
        }
        (at_ms..at_ms + 2000).for_each(|now| hosts.step(now));
    }
    assert_eq!(hosts.redeemed.len(), 1, "within the time that a joiner waits");
}

#[test]
fn claims_of_those_who_may_not_admit_count_for_nothing() {
    let mut hosts = Hosts::new(5, 3);
    hosts.ask(0, 0, &shows("r", "c"));
    let lobby = &mut hosts.hosts[0];
    let claims: Vec<RequestId> = ["c", "C ", "d"].map(claim_of).to_vec();
    for who in ["mia", "greta", "rolf", "stan", "rex", "user:Ada"] {
        for claim in claims.iter().chain([&request("r"), &request(""), &request("zz")]) {
            let group = Group { me: &lobby.me, access: &lobby.world.access, settings: &[] };
            lobby.host.claimed(at(1), &peer(who), claim, &group);
        }
    }
    (0..1000).for_each(|now| hosts.step(now));
    assert_eq!(hosts.redeemed.len(), 1);
}

/// What a claim of this code is called: as a host says it.
fn claim_of(code: &str) -> RequestId {
    let mut lobby = Lobby::new(&json!([{"code": code}]));
    assert_eq!(lobby.asked(at(0), &shows("x", code), true), Asked::Later);
    let settings = lobby.settings();
    let group = Group { me: &lobby.me, access: &lobby.world.access, settings: &settings };
    let Some(Decision::Claim(claim)) = lobby.host.due(at(500), &group) else { panic!() };
    assert!(ClaimKey::named(&claim).is_some());
    claim
}

/// A host that claims everything and does nothing holds nobody up for long, and fills no memory.
#[test]
fn a_flood_of_claims_is_bounded() {
    let mut lobby = Lobby::new(&json!([{"code": "c"}]));
    for claim in 0..10_000_u64 {
        let group = Group { me: &lobby.me, access: &lobby.world.access, settings: &[] };
        let claim = request(&format!("{claim:064x}"));
        lobby.host.claimed(at(0), &peer("olga"), &claim, &group);
    }
    let claim = claim_of("c");
    let group = Group { me: &lobby.me, access: &lobby.world.access, settings: &[] };
    lobby.host.claimed(at(1), &peer("olga"), &claim, &group);
    assert_eq!(lobby.asked(at(2), &shows("r", "c"), true), Asked::NotMine);
    assert_eq!(lobby.asked(at(3000), &shows("r", "c"), true), Asked::NotMine);
    assert_eq!(lobby.asked(at(3001), &shows("r", "c"), true), Asked::Later);
    let group = Group { me: &lobby.me, access: &lobby.world.access, settings: &[] };
    lobby.host.claimed(at(3002), &peer("olga"), &claim, &group);
    assert!(lobby.host.deadline().is_some(), "one that did nothing is not waited for again");
}

#[test]
fn so_many_codes_are_waited_with_and_no_more() {
    let invites: Vec<_> = (0..200).map(|code| json!({"code": format!("c{code}")})).collect();
    let mut lobby = Lobby::new(&json!(invites));
    let mut later = 0;
    for code in 0..200_u64 {
        let mut shown = shows("r", &format!("c{code}"));
        shown.joiner = format!("j{code}");
        // Slowly enough for the room, in a time that stands still for the claims.
        match lobby.asked(at(code * 2001), &shown, true) {
            Asked::Later => later += 1,
            other => assert_eq!(other, Asked::NotMine),
        }
    }
    assert_eq!(later, CLAIMS_MAX);
}

#[test]
fn a_code_for_many_needs_no_election() {
    let mut lobby = Lobby::new(&json!([{"code": "c", "isSingleUse": false}]));
    assert!(is_redeemed(&lobby.asked(at(0), &shows("r", "c"), true)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Two strangers show one code, each to the hosts in another order: as long as claims travel in less
    /// than half of the time that hosts wait, one of them is let in.
    #[test]
    fn one_code_lets_in_one(
        seed in 0..1000_u64, delay in 0..250_u64, starts in prop::collection::vec(0..600_u64, 6),
    ) {
        let mut hosts = Hosts::new(delay, seed);
        for now in 0..6000 {
            for host in 0..3 {
                for (who, joiner) in ["user:Stan", "user:Sue"].into_iter().enumerate() {
                    if now % 2000 == starts[host * 2 + who] {
                        let mut shown = shows("r", "c");
                        shown.joiner = joiner.into();
                        hosts.ask(host, now, &shown);
                    }
                }
            }
            hosts.step(now);
        }
        prop_assert_eq!(hosts.redeemed.len(), 1);
        let (_, Redeem { joiner, .. }) = &hosts.redeemed[0];
        for host in &hosts.hosts {
            prop_assert_eq!(host.standing(joiner.as_str()), Standing::Member);
            prop_assert_eq!(host.codes(), ["d"]);
        }
    }
}
