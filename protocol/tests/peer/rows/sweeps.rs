//! Deletions leave the digest by days, and the store when all know them (hole H20).

use syncline_protocol::dialects::peer::{
    id::CanonicalId,
    now::Now,
    rows::{Meta, Row, VersionVector},
};

use super::any::{Holder, NOON, at, bare, edit, hlc, row, settings, vector, with_meta};

const DAY: i64 = 86_400_000_000;

fn gone(id: &str, micros: i64) -> Row {
    Row { deleted: true, ..row(id, "", hlc("a", micros)) }
}

fn sweep(holder: &mut Holder, floor: Option<&VersionVector>, now: Now) -> usize {
    holder.replica.sweep(&mut holder.store, floor, now).unwrap()
}

#[test]
fn a_deletion_goes_when_its_days_are_over_and_all_know_it() {
    let mut holder = Holder::new("me");
    let meta = Meta { vc: vector([hlc("a", 9)]), ..Meta::default() };
    let rows = vec![gone("p", 1), gone("q", 2), row("r", "x", hlc("a", 3))];
    holder.merge(with_meta(rows.clone(), meta), at(0));
    let floor = vector([hlc("a", 1)]);
    assert_eq!(sweep(&mut holder, Some(&floor), at(29 * DAY)), 0);
    assert_eq!(holder.digest().records, 3);
    // Its days are over, but not everyone is known to know it.
    assert_eq!(sweep(&mut holder, None, at(31 * DAY)), 0);
    assert_eq!((holder.digest().records, holder.digest().live, holder.replica.len()), (1, 1, 3));
    assert_eq!(sweep(&mut holder, Some(&floor), at(31 * DAY)), 1);
    assert_eq!((holder.get("tasks", "p"), holder.get("tasks", "q")), (None, Some(gone("q", 2))));
    // It does not come back, and is again when someone writes it.
    let merged = holder.merge(bare(rows), at(31 * DAY));
    assert_eq!((merged.changed.len(), merged.unchanged), (0, 3));
    let alone = holder.digest();
    assert_eq!(holder.write(vec![edit("p", Some("y"))], at(31 * DAY)).rows.len(), 1);
    assert_eq!(holder.digest().records, alone.records + 1);
    assert_eq!(holder.write(vec![edit("q", Some("y"))], at(31 * DAY)).rows.len(), 1);
    assert_eq!((holder.digest().records, holder.digest().live), (3, 3));
}

/// Whoever was removed from the group stays so, also when he sends again what made him a member.
#[test]
fn deletions_of_members_are_never_forgotten() {
    let mut holder = Holder::new("me");
    let meta = Meta { vc: vector([hlc("a", 9)]), ..Default::default() };
    let member = |row: Row| Row { table: super::any::table("members"), ..row };
    let removal = member(gone("p", 2));
    holder.merge(with_meta(vec![removal.clone(), gone("p", 2)], meta), at(0));
    let floor = vector([hlc("a", 9)]);
    assert_eq!(sweep(&mut holder, Some(&floor), at(40 * DAY)), 1);
    assert_eq!((holder.digest().records, holder.get("tasks", "p")), (0, None));
    let once = member(row("p", "x", hlc("a", 1)));
    let merged = holder.merge(bare(vec![once]), at(40 * DAY));
    assert_eq!((merged.changed.len(), merged.unchanged), (0, 1));
    assert_eq!(holder.get("members", "p"), Some(removal));
}

#[test]
fn those_who_forgot_and_those_who_could_not_agree() {
    let (mut one, mut other) = (Holder::new("one"), Holder::new("other"));
    for holder in [&mut one, &mut other] {
        let rows = vec![gone("p", 1), row("r", "x", hlc("a", 3))];
        let meta = Meta { vc: vector([hlc("a", 9)]), ..Meta::default() };
        holder.merge(with_meta(rows, meta), at(0));
    }
    assert_eq!(sweep(&mut one, Some(&vector([hlc("a", 9)])), at(31 * DAY)), 1);
    // The other one stopped and began again some hours later.
    other.reopen(settings("other"));
    assert_ne!(one.digest(), other.digest());
    sweep(&mut other, None, Now { wall_micros: NOON + 31 * DAY + DAY / 3, ..Now::default() });
    assert_eq!(one.digest(), other.digest());
    // A deletion that is old when it comes is kept and not counted.
    other.merge(bare(vec![gone("s", 20)]), at(31 * DAY));
    assert_eq!(one.digest(), other.digest());
    assert_eq!(other.get("tasks", "s"), Some(gone("s", 20)));
}

#[test]
fn one_sweep_has_a_bound() {
    let mut holder = Holder::new("me");
    let rows: Vec<_> = (0..5000).map(|at| gone(&at.to_string(), at)).collect();
    let meta = Meta { vc: vector([hlc("a", 9999)]), ..Meta::default() };
    holder.merge(with_meta(rows, meta), at(0));
    let floor = vector([hlc("a", 9999)]);
    let swept = [(); 3].map(|()| sweep(&mut holder, Some(&floor), at(40 * DAY)));
    assert_eq!(swept, [4096, 904, 0]);
    assert!(holder.replica.is_empty());
}

#[test]
fn the_floor_is_what_all_know_that_were_seen_of_late() {
    let who = CanonicalId::of;
    let mut holder = Holder::new("me");
    let meta = Meta { vc: vector([hlc("a", 9), hlc("b", 9)]), ..Meta::default() };
    holder.merge(with_meta(Vec::new(), meta), at(0));
    let at = |hours: u64| Now {
        elapsed: std::time::Duration::from_secs(3600 * hours),
        wall_micros: NOON + DAY / 24 * hours as i64,
    };
    let floor =
        |holder: &mut Holder, hours| holder.replica.floor(&mut holder.store, at(hours)).unwrap();
    let saw = |holder: &mut Holder, name: &str, knows, hours| {
        holder.replica.saw(&mut holder.store, &who(name), &knows, at(hours)).unwrap();
    };
    assert_eq!(floor(&mut holder, 0), Some(vector([hlc("a", 9), hlc("b", 9)])));
    saw(&mut holder, "alice", vector([hlc("a", 12), hlc("b", 3)]), 0);
    saw(&mut holder, "bob", vector([hlc("a", 5), hlc("b", 7)]), 1);
    assert_eq!(floor(&mut holder, 1), Some(vector([hlc("a", 5), hlc("b", 3)])));
    // Not before an hour is over, and also after a restart.
    saw(&mut holder, "bob", vector([hlc("a", 6)]), 1);
    holder.reopen(settings("me"));
    assert_eq!(floor(&mut holder, 2), Some(vector([hlc("a", 5), hlc("b", 3)])));
    saw(&mut holder, "bob", vector([hlc("a", 6)]), 2);
    assert_eq!(floor(&mut holder, 2), Some(vector([hlc("a", 6)])));
    // Bob was seen two hours after Alice.
    assert_eq!(floor(&mut holder, 30 * 24 + 1), Some(vector([hlc("a", 6)])));
    assert_eq!(floor(&mut holder, 30 * 24 + 3), Some(vector([hlc("a", 9), hlc("b", 9)])));
    // Where some are left out nothing is known of all.
    for at in 0..1024 {
        saw(&mut holder, &at.to_string(), VersionVector::default(), 800);
    }
    assert_eq!(floor(&mut holder, 800), Some(VersionVector::default()));
    saw(&mut holder, "more", VersionVector::default(), 800);
    assert_eq!(floor(&mut holder, 800), None);
}
