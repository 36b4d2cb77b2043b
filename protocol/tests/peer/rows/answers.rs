//! Answers to a `SYNC_REQ`: exactly the rows above the clock, whatever the size of the parts, and no part
//! claims what it does not complete (check 24).

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, sample::subsequence};
use syncline_protocol::dialects::peer::rows::{
    Changes, Kind, Meta, NodeId, PartLimits, Row, VersionVector,
};

use super::any::{Holder, any_hlc, any_row, at, bare, edit, hlc, node, row, vector, with_meta};

/// A replica that holds these rows, and all that anyone wrote up to `known`.
fn holder(rows: &[Row], known: &VersionVector) -> Holder {
    let mut holder = Holder::new("me");
    let meta = Meta { kind: Kind::Sync, prev: VersionVector::default(), vc: known.clone() };
    holder.merge(with_meta(rows.to_vec(), meta), at(0));
    holder
}

fn vectors() -> impl Strategy<Value = VersionVector> {
    vec(any_hlc(), 0..4).prop_map(|all| all.into_iter().collect())
}

/// Whether who holds `theirs` lacks nothing of `all` up to what it knows.
fn is_sound(all: &Holder, theirs: &Holder) -> bool {
    all.all().values().filter(|row| theirs.replica.frontier().covers(&row.hlc)).all(|row| {
        let held = theirs.get(&row.table, &row.id);
        held.is_some_and(|held| held.order(row).is_ge())
    })
}

/// Whether so many rows of a node have one time that no part may hold them all: nothing is claimed of it then.
fn may_tear(all: &Holder, node: &NodeId, rows_max: usize) -> bool {
    let mut rows_at = BTreeMap::<_, usize>::new();
    for row in all.all().into_values().filter(|row| row.hlc.node == *node) {
        *rows_at.entry(row.hlc).or_default() += 1;
    }
    rows_at.into_values().any(|rows| rows > 3 * rows_max)
}

proptest! {
    #[test]
    fn exactly_the_rows_above_the_clock(
        rows in vec(any_row(), 0..12),
        known in vectors(),
        clock in vectors(),
        rows_max in 1..5_usize,
    ) {
        let holder = holder(&rows, &known);
        let parts = holder.parts(&clock, rows_max);
        prop_assert!(parts.iter().all(|part| part.rows.len() <= 4 * rows_max && part.bad.is_empty()));
        let (last, others) = parts.split_last().unwrap();
        prop_assert!(others.iter().all(|part| part.rows.len() >= rows_max));
        prop_assert!(others.is_empty() || !last.rows.is_empty());
        let mut sent: Vec<_> = parts.iter().flat_map(|part| part.rows.clone()).collect();
        let mut above: Vec<_> = holder.all().into_values().collect();
        above.retain(|row| clock.get(&row.hlc.node).is_none_or(|known| row.hlc > *known));
        let key = |row: &Row| (row.table.clone(), row.id.clone());
        sent.sort_by_key(key);
        above.sort_by_key(key);
        prop_assert_eq!(sent, above);
    }

    /// Whichever parts arrive and in whatever order, who takes them knows no more than it holds.
    #[test]
    fn parts_that_are_lost_and_mixed(
        rows in vec(any_row(), 0..12),
        rows_max in 1..4_usize,
        (lost, mixed) in (any::<u64>(), Just((0..64_usize).collect::<Vec<_>>()).prop_shuffle()),
        earlier in subsequence((0..12_usize).collect::<Vec<_>>(), 0..12),
    ) {
        let all = holder(&rows, &vector([hlc("a", 9), hlc("b", 9), hlc("c", 9)]));
        let mut theirs = Holder::new("they");
        theirs.merge(bare(earlier.iter().filter_map(|at| rows.get(*at).cloned()).collect()), at(0));
        let parts = all.parts(theirs.replica.frontier(), rows_max);
        for at_part in mixed.iter().filter(|part| lost >> **part & 1 == 0) {
            if let Some(part) = parts.get(*at_part) {
                theirs.merge(part.clone(), at(0));
                prop_assert!(is_sound(&all, &theirs));
            }
        }
        // The next request brings the rest, and with all of it all is known.
        for part in all.parts(theirs.replica.frontier(), rows_max) {
            let merged = theirs.merge(part, at(0));
            prop_assert!(!merged.gap);
        }
        prop_assert_eq!(theirs.all(), all.all());
        for known in all.replica.frontier().iter().filter(|hlc| !may_tear(&all, &hlc.node, rows_max)) {
            prop_assert_eq!(theirs.replica.frontier().get(&known.node), Some(known));
        }
        prop_assert_eq!(theirs.replica.gaps(), 0);
    }
}

/// Check 23.
#[test]
fn who_has_nothing_to_say_answers_with_an_empty_changeset() {
    let mut holder = Holder::new("me");
    let empty = with_meta(Vec::new(), Meta { kind: Kind::Sync, ..Meta::default() });
    assert_eq!(holder.answer(&VersionVector::default()), std::slice::from_ref(&empty));
    holder.write(vec![edit("p", Some("x"))], at(0));
    assert_eq!(holder.answer(&holder.replica.frontier().clone()), [empty]);
}

#[test]
fn an_answer_begun_before_a_write_does_not_claim_it() {
    let mut holder = Holder::new("me");
    for at_micros in 0..4 {
        holder.write(vec![edit(&at_micros.to_string(), Some("x"))], at(at_micros));
    }
    let clock = VersionVector::default();
    let limits = PartLimits { rows_max: 2, ..PartLimits::default() };
    let mut answer = holder.replica.answer(&clock);
    let mut next =
        |holder: &Holder| holder.replica.next_part(&holder.store, &mut answer, limits).unwrap();
    let first = next(&holder).unwrap();
    assert_eq!(first.meta.unwrap().vc, vector([hlc("me", 1)]));
    // A row that was not sent yet moves behind the end of the answer.
    holder.write(vec![edit("3", Some("y"))], at(9));
    let second = next(&holder).unwrap();
    let meta = second.meta.unwrap();
    assert_eq!((meta.prev, meta.vc), (vector([hlc("me", 1)]), vector([hlc("me", 3)])));
    assert_eq!(next(&holder), None);
}

#[test]
fn rows_of_one_timestamp_stay_together_or_are_not_claimed() {
    let vc = |changes: &Changes| changes.meta.as_ref().unwrap().vc.get(&node("a")).cloned();
    let ends = |times: &[i64]| -> Vec<_> {
        let rows = times.iter().enumerate();
        let rows: Vec<_> =
            rows.map(|(id, time)| row(&id.to_string(), "x", hlc("a", *time))).collect();
        let holder = holder(&rows, &vector([hlc("a", 9)]));
        let parts = holder.parts(&VersionVector::default(), 2);
        parts.iter().map(|part| (part.rows.len(), vc(part))).collect()
    };
    let end = |micros| Some(hlc("a", micros));
    assert_eq!(ends(&[2, 5, 5, 5, 5, 6]), [(5, end(5)), (1, end(9))]);
    assert_eq!(ends(&[2, 3, 5, 5, 6]), [(2, end(3)), (2, end(5)), (1, end(9))]);
    assert_eq!(ends(&[5; 10]), [(8, None), (2, None)]);
    assert_eq!(ends(&[4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6]), [(2, end(4)), (8, None), (2, None)]);
}

#[test]
fn parts_have_a_bound_of_bytes() {
    let rows =
        (0..40).map(|at| row(&at.to_string(), &"x".repeat(1000), hlc("a", at))).collect::<Vec<_>>();
    let holder = holder(&rows, &vector([hlc("a", 99)]));
    let limits = PartLimits { bytes_max: 10_000, ..PartLimits::default() };
    let mut answer = holder.replica.answer(&VersionVector::default());
    let mut sizes = Vec::new();
    while let Some(part) = holder.replica.next_part(&holder.store, &mut answer, limits).unwrap() {
        assert!(part.to_json().len() < 13_000);
        sizes.push(part.rows.len());
    }
    assert_eq!(sizes.iter().sum::<usize>(), 40);
    assert!(sizes.len() > 3);
}
