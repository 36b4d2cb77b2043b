//! The stranger's side: how long it asks, and whom it believes.

use std::time::Duration;

use syncline_protocol::dialects::peer::invite::{
    Joiner, Outcome, REFUSAL, REFUSALS_MAX, Refusal, Refusals,
};

use super::lobby::{at, peer, request};

fn joiner(host: Option<&str>) -> Joiner {
    Joiner::new(request("r"), "c", host.map(peer), at(0))
}

/// Runs until nothing is due any more; the times of the questions and the end.
fn run(joiner: &mut Joiner) -> (Vec<u64>, Option<(u64, Outcome)>) {
    let mut asks = Vec::new();
    while let Some(due) = joiner.deadline() {
        let ms = due.as_millis() as u64;
        if let Some(ask) = joiner.ask(at(ms)) {
            assert_eq!((&ask.request, ask.code.as_str()), (&request("r"), "c"));
            asks.push(ms);
        }
        if let Some(outcome) = joiner.ended(at(ms)) {
            return (asks, Some((ms, outcome)));
        }
    }
    (asks, None)
}

#[test]
fn it_asks_at_once_and_every_two_seconds_for_fifteen() {
    let (asks, end) = run(&mut joiner(None));
    assert_eq!(asks, [0, 2000, 4000, 6000, 8000, 10_000, 12_000, 14_000]);
    assert_eq!(end, Some((15_000, Outcome::TimedOut)));
    let mut over = joiner(None);
    run(&mut over);
    assert_eq!((over.ask(at(16_000)), over.ended(at(16_000)), over.deadline()), (None, None, None));
}

#[test]
fn the_first_who_accepts_is_the_host() {
    let mut joiner = joiner(None);
    joiner.ask(at(0));
    assert_eq!(joiner.accepted(&peer("ada"), &request("other"), "room-1"), None);
    for room in ["", "a\nb", &"x".repeat(129)] {
        assert_eq!(joiner.accepted(&peer("ada"), &request("r"), room), None);
    }
    let joined = Outcome::Joined { data_room: "room-1".into(), host: peer("ada") };
    assert_eq!(joiner.accepted(&peer("ada"), &request("r"), "room-1"), Some(joined));
    assert_eq!(joiner.accepted(&peer("olga"), &request("r"), "room-2"), None);
    assert_eq!(
        (joiner.ask(at(2000)), joiner.ended(at(20_000)), joiner.deadline()),
        (None, None, None)
    );
}

#[test]
fn a_refusal_is_overruled_by_one_who_knows_better() {
    let mut overruled = joiner(None);
    overruled.refused(&peer("mallory"), &request("r"), "no", at(500));
    assert_eq!(overruled.ended(at(2499)), None);
    assert!(overruled.ask(at(2000)).is_some(), "it asks on meanwhile");
    assert!(overruled.accepted(&peer("ada"), &request("r"), "room-1").is_some());

    let mut refused = joiner(None);
    refused.refused(&peer("ada"), &request("other"), "no", at(400));
    refused.refused(&peer("ada"), &request("r"), REFUSAL, at(500));
    refused.refused(&peer("ada"), &request("r"), "later", at(600));
    let (_, end) = run(&mut refused);
    assert_eq!(end, Some((2500, Outcome::Refused { message: REFUSAL.into() })));
}

#[test]
fn a_refusal_at_the_end_does_not_wait_longer() {
    let mut joiner = joiner(None);
    joiner.refused(&peer("ada"), &request("r"), "no", at(14_900));
    assert_eq!(joiner.ended(at(15_000)), Some(Outcome::Refused { message: "no".into() }));
}

#[test]
fn when_the_host_is_known_nobody_else_is_believed() {
    let mut known = joiner(Some("user:Ada"));
    assert_eq!(known.ask(at(0)).unwrap().to, Some(peer("user:Ada")));
    known.refused(&peer("mallory"), &request("r"), "no", at(1));
    assert_eq!(known.accepted(&peer("mallory"), &request("r"), "trap"), None);
    assert_eq!(known.ended(at(3000)), None);
    known.refused(&peer("ADA"), &request("r"), "no", at(3000));
    assert_eq!(known.ended(at(3000)), Some(Outcome::Refused { message: "no".into() }));
}

#[test]
fn words_of_a_refusal_are_bounded() {
    let mut joiner = joiner(Some("ada"));
    joiner.refused(&peer("ada"), &request("r"), &format!("\x1b[31m{}", "é".repeat(200)), at(0));
    let Some(Outcome::Refused { message }) = joiner.ended(at(0)) else { panic!() };
    assert_eq!(message, format!("[31m{}", "é".repeat(126)));
}

#[test]
fn refusals_are_told_after_half_a_second() {
    let refusal =
        |request_name: &str| Refusal { request: request(request_name), joiner: peer("stan") };
    let mut refusals = Refusals::default();
    refusals.refuse(at(0), refusal("a"));
    refusals.refuse(at(100), refusal("a"));
    refusals.refuse(at(100), refusal("b"));
    assert_eq!(refusals.deadline(), Some(Duration::from_millis(500)));
    assert_eq!(refusals.due(at(499)), []);
    assert_eq!(refusals.due(at(500)), [refusal("a")]);
    assert_eq!(refusals.due(at(600)), [refusal("b")]);
    assert_eq!(refusals.deadline(), None);
    for number in 0..10 * REFUSALS_MAX {
        refusals.refuse(at(1000), refusal(&number.to_string()));
    }
    assert_eq!(refusals.due(at(1500)).len(), REFUSALS_MAX);
}
