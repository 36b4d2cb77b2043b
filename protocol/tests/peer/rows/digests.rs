//! The digest against the formula of dossier 1.8, written once more.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use sha2::{Digest as _, Sha256};
use syncline_protocol::dialects::peer::rows::{Digest, Row, TableDigest};

use super::any::{Holder, any_row, at, bare, hlc, row, settings};

fn leaf(row: &Row) -> [u8; 32] {
    let mut bytes = vec![0];
    let text = |text: &str, bytes: &mut Vec<u8>| {
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.bytes());
    };
    text(row.table.as_str(), &mut bytes);
    text(&row.id, &mut bytes);
    bytes.push(if row.deleted { 1 } else { 0 });
    text(row.value.as_deref().unwrap_or(""), &mut bytes);
    text(&row.hlc.to_string(), &mut bytes);
    Sha256::digest(bytes).into()
}

/// Addition as at school, and the count in base 128, the high digit first.
fn hash(rows: &[&Row]) -> [u8; 32] {
    let mut sum = [0; 32];
    for row in rows {
        let mut carry = 0;
        for (byte, more) in sum.iter_mut().zip(leaf(row)) {
            carry += u16::from(*byte) + u16::from(more);
            *byte = carry as u8;
            carry >>= 8;
        }
    }
    let mut count = rows.len();
    let mut digits = vec![(count % 128) as u8];
    while count >= 128 {
        count /= 128;
        digits.insert(0, (count % 128) as u8 | 0x80);
    }
    Sha256::digest([&sum[..], &digits].concat()).into()
}

/// The digest of these rows.
pub(crate) fn plain(rows: &[&Row]) -> Digest {
    let live = |rows: &[&Row]| rows.iter().filter(|row| !row.deleted).count() as u64;
    let mut tables = BTreeMap::new();
    for row in rows {
        let mut of = rows.to_vec();
        of.retain(|other| other.table == row.table);
        let digest = TableDigest { live: live(&of), records: of.len() as u64, hash: hash(&of) };
        tables.insert(row.table.clone(), digest);
    }
    Digest { live: live(rows), records: rows.len() as u64, hash: hash(rows), tables }
}

proptest! {
    #[test]
    fn step_by_step_as_all_at_once(changesets in vec(vec(any_row(), 1..6), 1..6)) {
        let mut holder = Holder::new("me");
        for rows in changesets {
            holder.merge(bare(rows), at(0));
            let all = holder.all();
            prop_assert_eq!(holder.digest(), plain(&all.values().collect::<Vec<_>>()));
            let kept = holder.digest();
            holder.reopen(settings("me"));
            prop_assert_eq!(holder.digest(), kept);
        }
    }
}

#[test]
fn more_rows_than_one_digit_counts() {
    let rows: Vec<_> = (0..300).map(|at| row(&at.to_string(), "x", hlc("a", at))).collect();
    let mut holder = Holder::new("me");
    holder.merge(bare(rows.clone()), at(0));
    assert_eq!(holder.digest(), plain(&rows.iter().collect::<Vec<_>>()));
}

/// A digest that was computed elsewhere, by the formula alone.
#[test]
fn a_digest_that_stays() {
    let mut holder = Holder::new("me");
    let hex = |holder: &Holder| data_encoding::HEXLOWER.encode(&holder.digest().hash);
    assert_eq!(hex(&holder), EMPTY);
    let mut gone = row("2", "", hlc("nodeA", 1));
    gone.deleted = true;
    holder.merge(bare(vec![row("1", "{\"a\":1}", hlc("nodeA", 0)), gone]), at(0));
    assert_eq!(hex(&holder), TWO);
}

const EMPTY: &str = "7f9c9e31ac8256ca2f258583df262dbc7d6f68f2a03043d5c99a4ae5a7396ce9";
const TWO: &str = "468aa83a6533b2da3c86805060f8a8ab443c5b778f1a7de3b986306dd9911afe";
