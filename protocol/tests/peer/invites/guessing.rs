//! Check 32, and how much of guessing is remembered.

use std::collections::HashMap;

use serde_json::json;
use syncline_protocol::dialects::peer::invite::{Asked, IDENTITIES_MAX};

use super::lobby::{Lobby, at, is_redeemed, shows};

fn lobby() -> Lobby {
    Lobby::new(&json!([{"code": "right"}]))
}

fn of(joiner: &str, request: usize, code: &str) -> super::lobby::Try {
    let mut shown = shows(&format!("{request}"), code);
    shown.joiner = joiner.into();
    shown
}

const MINUTE: u64 = 60_000;

#[test]
fn five_in_a_minute() {
    let mut lobby = lobby();
    for at_ms in 0..5 {
        assert_eq!(lobby.shown(at(at_ms), &of("stan", at_ms as usize, "wrong")), Asked::Refused);
    }
    assert_eq!(
        lobby.shown(at(10), &of("stan", 9, "right")),
        Asked::Refused,
        "the sixth is not looked at"
    );
    assert_eq!(lobby.shown(at(MINUTE - 1), &of("stan", 10, "right")), Asked::Refused);
    assert!(is_redeemed(&lobby.shown(at(MINUTE), &of("stan", 11, "right"))));
}

#[test]
fn twenty_wrong_ones_lock_one_stranger_for_ten_minutes() {
    let mut lobby = lobby();
    for at_ms in 0..20 {
        assert_eq!(
            lobby.shown(at(at_ms), &of("user:Stan", at_ms as usize, "wrong")),
            Asked::Refused
        );
    }
    for minute in 0..10 {
        let shown = of("STAN", 100 + minute, "right");
        assert_eq!(
            lobby.shown(at(minute as u64 * MINUTE + 18), &shown),
            Asked::Refused,
            "{minute}"
        );
    }
    let mut other = lobby;
    assert_eq!(other.shown(at(10 * MINUTE + 18), &of("stan", 200, "right")), Asked::Refused);
    assert!(is_redeemed(&other.shown(at(10 * MINUTE + 19), &of("stan", 201, "right"))));
}

#[test]
fn slow_guessing_is_locked_too() {
    let mut lobby = lobby();
    for guess in 0..20_usize {
        lobby.shown(at(guess as u64 * MINUTE / 4), &of("stan", guess, &format!("wrong{guess}")));
    }
    assert_eq!(lobby.shown(at(9 * MINUTE), &of("stan", 50, "right")), Asked::Refused);
}

#[test]
fn one_who_guesses_does_not_lock_out_others() {
    let mut lobby = lobby();
    for guess in 0..1000_usize {
        lobby.shown(at(guess as u64), &of("mallory", guess, &format!("wrong{guess}")));
    }
    assert!(is_redeemed(&lobby.shown(at(1001), &of("stan", 0, "right"))));
}

#[test]
fn twenty_wrong_ones_of_many_lock_all() {
    let mut lobby = lobby();
    for guess in 0..20 {
        lobby.shown(at(guess), &of(&format!("m{guess}"), 0, "wrong"));
    }
    assert_eq!(lobby.shown(at(20), &of("stan", 0, "right")), Asked::Refused);
    assert_eq!(lobby.shown(at(10 * MINUTE + 18), &of("stan", 1, "right")), Asked::Refused);
    assert!(is_redeemed(&lobby.shown(at(10 * MINUTE + 19), &of("stan", 2, "right"))));
}

#[test]
fn thirty_in_a_minute_by_all() {
    // Right codes for many: nothing is wrong, and still no more than thirty.
    let mut lobby = Lobby::new(&json!([{"code": "right", "isSingleUse": false}]));
    for joiner in 0..30 {
        assert!(is_redeemed(&lobby.shown(at(joiner), &of(&format!("j{joiner}"), 0, "right"))));
    }
    assert_eq!(lobby.shown(at(31), &of("late", 0, "right")), Asked::Refused);
    assert_eq!(
        lobby.shown(at(32), &of("j3", 0, "right")),
        Asked::Again,
        "what was granted stays so"
    );
    assert!(is_redeemed(&lobby.shown(at(MINUTE + 31), &of("late", 0, "right"))));
}

#[test]
fn asking_again_is_no_second_try() {
    let mut lobby = lobby();
    for retry in 0..100 {
        assert_eq!(lobby.shown(at(retry * 2000), &of("stan", 0, "wrong")), Asked::Refused);
    }
    assert!(is_redeemed(&lobby.shown(at(199_000), &of("stan", 1, "right"))));
}

#[test]
fn guessing_costs_bounded_memory() {
    let mut lobby = lobby();
    let mut answers = HashMap::new();
    for guess in 0..20_000_u64 {
        // One each 20 ms, each by another name: in all, longer than a failure counts.
        let shown = of(&format!("m{guess}"), 0, &format!("wrong{guess}"));
        let answer = format!("{:?}", lobby.shown(at(guess * 50), &shown));
        *answers.entry(answer).or_insert(0) += 1;
        assert!(lobby.host.remembered().1 <= IDENTITIES_MAX.min(400));
        assert_eq!(lobby.host.remembered().0, 0);
    }
    assert_eq!(answers, HashMap::from([("Refused".to_owned(), 20_000)]));
}

#[test]
fn what_is_shown_is_not_told() {
    use syncline_protocol::dialects::peer::{
        id::{PeerId, RequestId},
        invite::{Joiner, Shown},
    };
    let (request, joiner) = (RequestId::new("r").unwrap(), PeerId::new("stan").unwrap());
    let shown =
        Shown { group: "g", request: &request, joiner: &joiner, key: &[1; 32], code: "SECRET" };
    let mut asks = Joiner::new(request.clone(), "SECRET", None, at(0));
    let told = format!("{shown:?} {asks:?} {:?}", asks.ask(at(0)));
    assert!(told.contains("stan") && !told.contains("SECRET"), "{told}");
}
