//! What was granted is remembered: over restarts, for a while, and not without end.

use serde_json::json;
use syncline_protocol::dialects::peer::{
    access::Standing,
    invite::{Asked, GRANT_MINUTES, GRANTS_MAX, Host},
    store::{Change, Space, Store},
};

use super::lobby::{Lobby, at, is_redeemed, shows};

fn entries(lobby: &Lobby) -> usize {
    let mut entries = 0;
    // The names of others are of other lengths.
    let mut count = |key: &[u8], _: &[u8]| entries += usize::from(key.len() == 32);
    lobby.store.each(Space::Invites, &mut count).unwrap();
    entries
}

/// Between using up the code and telling the joiner.
#[test]
fn a_crash_before_the_answer_does_not_burn_the_invite() {
    let mut lobby = Lobby::new(&json!([{"code": "c"}]));
    assert!(is_redeemed(&lobby.shown(at(0), &shows("r", "c"))));
    lobby.restart();
    assert_eq!(lobby.shown(at(2000), &shows("r", "c")), Asked::Again);
    assert_eq!(lobby.shown(at(2001), &shows("r2", "c")), Asked::Refused);
}

/// Between remembering the grant and writing the rows.
#[test]
fn a_crash_before_the_rows_are_written_lets_in_the_next_time() {
    let mut lobby = Lobby::new(&json!([{"code": "c"}]));
    let Asked::Redeem(redeem) = lobby.asked(at(0), &shows("r", "c"), false) else { panic!() };
    lobby.remember(&redeem);
    lobby.restart();
    assert_eq!(lobby.standing("stan"), Standing::Stranger);
    // Also when others have come who might do it: what is begun is ended here.
    let asked = lobby.asked(at(2000), &shows("r", "c"), true);
    let Asked::Redeem(redeem) = asked else { panic!("{asked:?}") };
    lobby.remember(&redeem);
    lobby.write(&redeem);
    assert_eq!(lobby.standing("stan"), Standing::Member);
    assert!(lobby.codes().is_empty());
}

/// Before anything: power goes before the grant is on the device.
#[test]
fn a_crash_before_anything_is_durable_is_as_if_nothing_was() {
    let mut lobby = Lobby::new(&json!([{"code": "c"}]));
    let Asked::Redeem(redeem) = lobby.asked(at(0), &shows("r", "c"), false) else { panic!() };
    lobby.store.apply(redeem.changes).unwrap();
    lobby.restart();
    assert_eq!((entries(&lobby), lobby.host.remembered().0), (0, 0));
    assert!(is_redeemed(&lobby.shown(at(1), &shows("r2", "c"))));
}

#[test]
fn grants_are_forgotten_after_a_while() {
    let mut lobby = Lobby::new(&json!([{"code": "c"}, {"code": "d"}]));
    assert!(is_redeemed(&lobby.shown(at(0), &shows("r", "c"))));
    let end = GRANT_MINUTES as u64 * 60_000;
    assert_eq!(lobby.shown(at(end - 1), &shows("r", "c")), Asked::Again);
    assert_eq!(lobby.shown(at(end), &shows("r", "c")), Asked::Refused);
    let mut other = shows("q", "d");
    other.joiner = "sue".into();
    assert!(is_redeemed(&lobby.shown(at(end), &other)));
    assert_eq!((entries(&lobby), lobby.host.remembered().0), (1, 1));
}

#[test]
fn so_many_and_no_more() {
    let mut lobby = Lobby::new(&json!([{"code": "c", "isSingleUse": false}]));
    // The room takes thirty in a minute: at that pace fifteen minutes hold 450, so the clock is turned back.
    for joiner in 0..GRANTS_MAX as u64 + 100 {
        let mut shown = shows("r", "c");
        shown.joiner = format!("j{joiner}");
        let mut now = at(joiner * 2000);
        now.wall_micros = at(joiner).wall_micros;
        assert!(is_redeemed(&lobby.shown(now, &shown)), "{joiner}");
        assert!(lobby.host.remembered().0 <= GRANTS_MAX);
    }
    assert_eq!((entries(&lobby), lobby.host.remembered().0), (GRANTS_MAX, GRANTS_MAX));
    lobby.restart();
    assert_eq!(lobby.host.remembered().0, GRANTS_MAX);
    let mut last = shows("r", "c");
    last.joiner = format!("j{}", GRANTS_MAX + 99);
    assert_eq!(lobby.asked(at(5000), &last, false), Asked::Again);
    last.joiner = "j0".into();
    assert!(
        is_redeemed(&lobby.asked(at(5000), &last, false)),
        "forgotten, and harmless: nothing is left to write"
    );
}

#[test]
fn entries_that_cannot_be_read_are_passed_over() {
    let mut lobby = Lobby::new(&json!([]));
    let bad = [
        (vec![1; 31], vec![1; 9]),
        (vec![1; 32], vec![2; 9]),
        (vec![2; 32], vec![1; 8]),
        (vec![], vec![]),
    ];
    let change = |(key, value)| Change { space: Space::Invites, key, value: Some(value) };
    lobby.store.apply(bad.into_iter().map(change).collect()).unwrap();
    assert_eq!(Host::open(&lobby.store, at(0)).unwrap().remembered().0, 0);
}
