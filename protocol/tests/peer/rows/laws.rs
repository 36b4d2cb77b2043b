//! Merging is commutative, associative and idempotent (check 27).

use std::cmp::Ordering;

use proptest::{collection::vec, prelude::*};
use syncline_protocol::dialects::peer::rows::Row;

use super::any::{Holder, any_row, at, bare, hlc, row};

/// Merges these changesets one after the other into a new replica.
fn merged(changesets: &[Vec<Row>]) -> Holder {
    let mut holder = Holder::new("me");
    for rows in changesets {
        holder.merge(bare(rows.clone()), at(0));
    }
    holder
}

fn same(one: &Holder, other: &Holder) -> Result<(), TestCaseError> {
    prop_assert_eq!(one.all(), other.all());
    prop_assert_eq!(one.digest(), other.digest());
    Ok(())
}

proptest! {
    #[test]
    fn the_order_of_rows_is_total(one in any_row(), other in any_row(), third in any_row()) {
        let equal = one.hlc == other.hlc && one.deleted == other.deleted && one.value == other.value;
        prop_assert_eq!(one.order(&other) == Ordering::Equal, equal);
        prop_assert_eq!(one.order(&other), other.order(&one).reverse());
        let least = one.order(&other) != Ordering::Greater && other.order(&third) != Ordering::Greater;
        prop_assert!(!least || one.order(&third) != Ordering::Greater);
    }

    #[test]
    fn whatever_the_order_and_the_packing(
        (rows, shuffled) in vec(any_row(), 0..16).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        size in 1..5_usize,
    ) {
        let whole = merged(std::slice::from_ref(&rows));
        let one_by_one: Vec<_> = shuffled.iter().map(|row| vec![row.clone()]).collect();
        same(&whole, &merged(&one_by_one))?;
        let packed: Vec<_> = shuffled.chunks(size).map(<[Row]>::to_vec).collect();
        same(&whole, &merged(&packed))?;
        // Once more, and what others made of it.
        let mut again = merged(&packed);
        let unchanged = again.merge(bare(rows.clone()), at(0));
        prop_assert!(unchanged.changed.is_empty() && unchanged.unmerged.is_empty());
        prop_assert_eq!(unchanged.unchanged, rows.len());
        same(&whole, &again)?;
        let (left, right) = shuffled.split_at(shuffled.len() / 2);
        let halves = [left, right].map(|half| merged(&[half.to_vec()]).all().into_values().collect());
        same(&whole, &merged(&halves))?;
    }
}

#[test]
fn of_one_timestamp_a_deletion_wins_then_the_greater_bytes() {
    let time = hlc("a", 1);
    let (less, greater) = (row("p", "x", time.clone()), row("p", "y", time.clone()));
    let gone = Row { deleted: true, value: Some(String::new()), ..row("p", "", time) };
    for rows in [[&less, &greater, &gone], [&gone, &greater, &less], [&greater, &gone, &less]] {
        let holder = merged(&[rows.into_iter().cloned().collect()]);
        assert_eq!(holder.get("tasks", "p"), Some(gone.clone()));
    }
    assert_eq!(merged(&[vec![greater.clone(), less]]).get("tasks", "p"), Some(greater));
}
