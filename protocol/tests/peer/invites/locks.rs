//! What counts against who guesses outlives the host's process, no longer than it should.

use std::time::Duration;

use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use syncline_protocol::dialects::peer::{
    invite::{Asked, FAILURES_MAX, IDENTITIES_MAX},
    now::Now,
    store::{Change, Space, Store},
};

use super::lobby::{Lobby, START_MS, Try, at, is_redeemed, shows};

const MINUTE: u64 = 60_000;

fn lobby() -> Lobby {
    Lobby::new(&json!([{"code": "right"}]))
}

fn of(joiner: &str, request: usize, code: &str) -> Try {
    let mut shown = shows(&format!("{request}"), code);
    shown.joiner = joiner.into();
    shown
}

/// A process that began just now, at this time of the wall.
fn begun(wall_ms: u64) -> Now {
    Now { elapsed: Duration::from_millis(3), ..at(wall_ms) }
}

fn entries(lobby: &Lobby) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    lobby.store.each(Space::Invites, &mut |k, v| all.push((k.to_vec(), v.to_vec()))).unwrap();
    all
}

#[test]
fn a_lock_holds_over_restarts_until_it_is_over() {
    let mut lobby = lobby();
    for n in 0..20 {
        lobby.shown(at(n), &of("stan", n as usize, "wrong"));
    }
    for minute in [0, 1, 9] {
        lobby.restart_at(begun(minute * MINUTE + 20));
        let shown = of("STAN", 100 + minute as usize, "right");
        assert_eq!(lobby.shown(begun(minute * MINUTE + 20), &shown), Asked::Refused, "{minute}");
    }
    let mut other = lobby.shown(begun(9 * MINUTE + 21), &of("sue", 0, "right"));
    assert!(is_redeemed(&other), "nobody else is locked out: {other:?}");
    let mut lobby = self::lobby();
    for n in 0..20 {
        lobby.shown(at(n), &of("stan", n as usize, "wrong"));
    }
    lobby.restart_at(begun(10 * MINUTE + 18));
    other = lobby.shown(begun(10 * MINUTE + 18), &of("stan", 200, "right"));
    assert_eq!(other, Asked::Refused, "a millisecond is left");
    lobby.restart_at(begun(10 * MINUTE + 19));
    assert!(is_redeemed(&lobby.shown(begun(10 * MINUTE + 19), &of("stan", 201, "right"))));
}

#[test]
fn a_restart_after_each_try_gives_no_tries_more() {
    let mut lobby = lobby();
    for n in 0..20 {
        lobby.restart_at(begun(n * MINUTE / 4));
        let asked = lobby.shown(begun(n * MINUTE / 4), &of("stan", n as usize, "wrong"));
        assert_eq!(asked, Asked::Refused);
    }
    lobby.restart_at(begun(5 * MINUTE));
    assert_eq!(lobby.shown(begun(5 * MINUTE), &of("stan", 50, "right")), Asked::Refused);
}

#[test]
fn a_lock_of_all_holds_over_a_restart() {
    let mut lobby = lobby();
    for guess in 0..19 {
        lobby.shown(at(guess), &of(&format!("m{guess}"), 0, "wrong"));
    }
    lobby.restart_at(begun(19));
    lobby.shown(begun(19), &of("m19", 0, "wrong"));
    lobby.restart_at(begun(20));
    assert_eq!(lobby.shown(begun(20), &of("stan", 0, "right")), Asked::Refused);
    lobby.restart_at(begun(10 * MINUTE + 20));
    assert!(is_redeemed(&lobby.shown(begun(10 * MINUTE + 20), &of("stan", 1, "right"))));
}

#[test]
fn one_alone_does_not_lock_out_all_by_restarts() {
    let mut lobby = lobby();
    for n in 0..40 {
        lobby.restart_at(begun(n * 10_000));
        lobby.shown(begun(n * 10_000), &of("mallory", n as usize, "wrong"));
    }
    assert!(is_redeemed(&lobby.shown(begun(400_000), &of("stan", 0, "right"))));
}

#[test]
fn a_clock_that_goes_back_locks_nobody_for_ever() {
    let mut lobby = lobby();
    for n in 0..20 {
        lobby.shown(at(30 * 24 * 60 * MINUTE + n), &of("stan", n as usize, "wrong"));
    }
    lobby.restart_at(begun(0));
    assert_eq!(lobby.shown(begun(1), &of("stan", 50, "right")), Asked::Refused);
    let later = Now { elapsed: Duration::from_secs(601), ..at(601_000) };
    assert!(is_redeemed(&lobby.shown(later, &of("stan", 51, "right"))));
}

#[test]
fn what_is_kept_is_bounded_and_goes() {
    let mut lobby = lobby();
    for guess in 0..3000_u64 {
        lobby.shown(at(guess * 2_100), &of(&format!("m{guess}"), 0, "wrong"));
        if guess % 100 == 0 {
            lobby.restart_at(at(guess * 2_100));
        }
        assert!(entries(&lobby).len() <= 400, "{}", entries(&lobby).len());
    }
    let late = at(10_000_000);
    lobby.restart_at(late);
    lobby.shown(late, &of("sue", 0, "wrong"));
    assert_eq!(entries(&lobby).len(), 2, "hers, and that of the room");
    // Somebody else's entries, and more than there may be.
    let put = |key: Vec<u8>, value| Change { space: Space::Invites, key, value };
    for n in 0..2 * IDENTITIES_MAX as u32 {
        let key = [b"tries/", &Sha256::digest(n.to_le_bytes())[..]].concat();
        let lock = [&[1][..], &(START_MS + 10_300_000).to_le_bytes()].concat();
        let value = if n % 2 == 0 { lock } else { vec![9; n as usize % 40] };
        lobby.store.apply(vec![put(key, Some(value))]).unwrap();
    }
    lobby.restart_at(late);
    assert!(lobby.host.remembered().1 <= IDENTITIES_MAX);
    lobby.shown(late, &of("sue", 1, "wrong"));
    assert!(entries(&lobby).len() <= IDENTITIES_MAX + 1);
}

#[test]
fn entries_look_as_they_are_described() {
    let mut lobby = lobby();
    lobby.shown(at(5), &of("user:Stan", 0, "wrong"));
    lobby.shown(at(7), &of("stan", 1, "wrong"));
    let (stan, time) = (Sha256::digest("stan"), |ms: i64| (START_MS + ms).to_le_bytes());
    let mut wanted = vec![
        (b"tries".to_vec(), [&[1][..], &[0; 8], &time(5), &stan[..], &time(7), &stan[..]].concat()),
        ([b"tries/", &stan[..]].concat(), [&[1][..], &[0; 8], &time(5), &time(7)].concat()),
    ];
    wanted.sort();
    let mut found = entries(&lobby);
    found.sort();
    assert_eq!(found, wanted, "{}", HEXLOWER.encode(&found[0].1));
    for n in 2..FAILURES_MAX {
        lobby.shown(at(8), &of("stan", n, "wrong"));
    }
    let key = [b"tries/", &stan[..]].concat();
    let locked = lobby.store.get(Space::Invites, &key).unwrap().unwrap();
    assert_eq!(locked.to_vec(), [&[1][..], &time(600_008)].concat());
}
