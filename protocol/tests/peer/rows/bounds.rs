//! What a replica refuses, row by row, and what it then does not claim to know.

use syncline_protocol::dialects::peer::rows::{
    BadRow, Changes, Edit, Kind, Merged, Meta, Refused, Row, Settings, VECTOR_NODES_MAX,
    VersionVector, WriteError, Wrong,
};

use super::any::{Holder, at, bare, edit, hlc, node, row, settings, table, vector, with_meta};

fn refused(merged: &Merged) -> Vec<(&str, Refused)> {
    let told = |row: &'_ syncline_protocol::dialects::peer::rows::Unmerged| row.why;
    let ids = merged.unmerged.iter().map(|row| row.id.as_deref().unwrap_or_default());
    ids.zip(merged.unmerged.iter().map(told)).collect()
}

fn claim(rows: Vec<Row>) -> Changes {
    let vc = rows.iter().map(|row| row.hlc.clone()).collect();
    with_meta(rows, Meta { kind: Kind::Live, prev: VersionVector::default(), vc })
}

/// Check 29.
#[test]
fn a_row_of_the_future_is_refused_and_no_other() {
    let mut holder = Holder::new("me");
    let minute = 60_000_000;
    let rows = vec![
        row("now", "x", hlc("a", minute)),
        row("far", "x", hlc("a", minute + 1)),
        row("far", "x", hlc("b", 10 * minute)),
        row("other", "x", hlc("c", 0)),
    ];
    let merged = holder.merge(claim(rows.clone()), at(0));
    assert_eq!(merged.changed, [rows[0].clone(), rows[3].clone()]);
    assert_eq!(refused(&merged), [("far", Refused::Ahead), ("far", Refused::Ahead)]);
    // Nothing is claimed of whom something was left out, so that it comes again.
    assert_eq!(*holder.replica.frontier(), vector([hlc("c", 0)]));
    let merged = holder.merge(claim(rows), at(10 * minute));
    assert_eq!((merged.changed.len(), merged.unmerged.len()), (1, 0));
    assert_eq!(holder.replica.frontier().len(), 3);
}

#[test]
fn a_claim_of_the_future_is_none() {
    let mut holder = Holder::new("me");
    let vc = vector([hlc("a", 3_600_000_000), hlc("b", 5)]);
    let meta = Meta { kind: Kind::Sync, prev: VersionVector::default(), vc };
    let merged = holder.merge(with_meta(Vec::new(), meta), at(0));
    assert!(merged.advanced && !merged.gap);
    assert_eq!(*holder.replica.frontier(), vector([hlc("b", 5)]));
}

#[test]
fn tables_are_registered_or_open_to_a_bound() {
    let of = |name: &str, micros| Row { table: table(name), ..row("p", "x", hlc("a", micros)) };
    let mut holder = Holder::new("me");
    let merged = holder.merge(bare(vec![of("secrets", 0), of("members", 1)]), at(0));
    assert_eq!(refused(&merged), [("p", Refused::UnknownTable)]);
    assert_eq!(merged.changed, [of("members", 1)]);
    // Four are built in and two registered: two more.
    let open = Settings { any_table: true, tables_max: 8, ..settings("me") };
    let mut holder = Holder::with(open.clone());
    let names = ["one", "two", "three", "tasks", "notes", "roles", "one"];
    let rows = names.iter().zip(0..).map(|(name, micros)| of(name, micros)).collect();
    let merged = holder.merge(bare(rows), at(0));
    assert_eq!(refused(&merged), [("p", Refused::TooManyTables)]);
    let others = ["four", "one"].map(|name| Edit { table: table(name), ..edit("q", Some("x")) });
    let written = holder.replica.write(&mut holder.store, others.to_vec(), at(9), &mut |_, _| true);
    assert_eq!(written, Err(WriteError::Table(table("four"))));
    // Tables that are no longer registered are still there.
    holder.reopen(settings("me"));
    assert!(holder.get("one", "p").is_some());
    holder.write(vec![Edit { table: table("one"), ..edit("q", Some("x")) }], at(9));
}

#[test]
fn one_write_makes_no_more_tables_than_may_be() {
    let mut holder = Holder::with(Settings { any_table: true, tables_max: 8, ..settings("me") });
    let edits =
        ["one", "two", "three"].map(|name| Edit { table: table(name), ..edit("q", Some("x")) });
    let written = holder.replica.write(&mut holder.store, edits.to_vec(), at(0), &mut |_, _| true);
    assert_eq!(written, Err(WriteError::Table(table("three"))));
    assert!(holder.replica.is_empty());
}

#[test]
fn rows_and_nodes_have_bounds() {
    let mut holder = Holder::with(Settings { rows_max: 2, ..settings("me") });
    let rows = |micros| ["p", "q", "r"].map(|id| row(id, "x", hlc("a", micros))).to_vec();
    let merged = holder.merge(claim(rows(0)), at(0));
    assert_eq!(refused(&merged), [("r", Refused::TooManyRows)]);
    assert!(holder.replica.frontier().is_empty());
    let merged = holder.merge(bare(rows(1)), at(0));
    assert_eq!((merged.changed.len(), merged.unmerged.len()), (2, 1));
    let full =
        holder
            .replica
            .write(&mut holder.store, vec![edit("r", Some("x"))], at(0), &mut |_, _| true);
    assert_eq!(full, Err(WriteError::Full));

    let mut holder = Holder::new("me");
    let from = |at: usize| row(&at.to_string(), "x", hlc(&at.to_string(), 0));
    // More nodes than a number of them holds, in one changeset.
    let merged = holder.merge(bare((0..70_000).map(from).collect()), at(0));
    assert_eq!(merged.changed.len(), VECTOR_NODES_MAX);
    assert!(merged.unmerged.iter().all(|row| row.why == Refused::TooManyNodes));
    holder.reopen(settings("me"));
    assert_eq!(holder.replica.len(), VECTOR_NODES_MAX);
    let full =
        holder
            .replica
            .write(&mut holder.store, vec![edit("0", Some("x"))], at(0), &mut |_, _| true);
    assert_eq!(full, Err(WriteError::Full));
}

#[test]
fn who_is_denied_is_known_and_not_asked_again() {
    let mut holder = Holder::new("me");
    holder.merge(bare(vec![row("p", "old", hlc("a", 0))]), at(0));
    let rows = vec![
        row("p", "new", hlc("a", 1)),
        row("q", "new", hlc("a", 2)),
        row("q", "newer", hlc("a", 3)),
    ];
    let mut asked = Vec::new();
    let mut judge = |row: &mut Row, local: Option<&Row>| {
        asked.push((row.id.clone(), local.and_then(|local| local.value.clone())));
        row.id == "q"
    };
    let merged = holder.replica.merge(&mut holder.store, claim(rows), at(0), &mut judge).unwrap();
    // The row before the changeset, also where the changeset has two.
    let expected = [("p", Some("old")), ("q", None), ("q", None)];
    assert_eq!(asked, expected.map(|(id, value)| (id.to_owned(), value.map(str::to_owned))));
    assert_eq!(refused(&merged), [("p", Refused::Denied)]);
    assert_eq!(merged.changed, [row("q", "newer", hlc("a", 3))]);
    assert_eq!(*holder.replica.frontier(), vector([hlc("a", 3)]));
    assert_eq!(holder.get("tasks", "p"), Some(row("p", "old", hlc("a", 0))));
}

#[test]
fn bad_records_are_told_with_the_others() {
    let mut holder = Holder::new("me");
    let bad = vec![BadRow { table: None, id: None, wrong: Wrong::Table }];
    let merged = holder.merge(Changes { bad, ..Changes::default() }, at(0));
    assert_eq!(refused(&merged), [("", Refused::Bad(Wrong::Table))]);
}

#[test]
fn writes_have_bounds_and_are_all_or_none() {
    let mut holder = Holder::new("me");
    let good = edit("p", Some("x"));
    let long = "x".repeat(4 << 20);
    let unknown = Edit { table: table("secrets"), ..good.clone() };
    let wrong = [
        (vec![edit("", Some("x"))], WriteError::Id),
        (vec![edit(&"x".repeat(513), None)], WriteError::Id),
        (vec![edit("q", Some(&(long.clone() + "x")))], WriteError::Value),
        (vec![edit("q", Some(&long)), edit("r", Some(&long))], WriteError::TooMuch),
        (vec![good.clone(); 10_001], WriteError::TooMuch),
        (vec![unknown], WriteError::Table(table("secrets"))),
    ];
    for (mut edits, error) in wrong {
        edits.insert(0, good.clone());
        let written = holder.replica.write(&mut holder.store, edits, at(0), &mut |_, _| true);
        assert_eq!(written, Err(error));
    }
    let mut deny = |row: &mut Row, _: Option<&Row>| row.id == "p";
    let edits = vec![good.clone(), edit("q", Some("x"))];
    assert_eq!(
        holder.replica.write(&mut holder.store, edits, at(0), &mut deny),
        Err(WriteError::Denied)
    );
    assert!(holder.replica.is_empty() && holder.replica.frontier().is_empty());
    assert_eq!(holder.write(vec![good], at(0)).rows.len(), 1);
}

#[test]
fn a_clock_stays_above_what_is_known_of_its_node() {
    let mut holder = Holder::new("me");
    let vc = vector([hlc("me", 500)]);
    let meta = Meta { kind: Kind::Sync, prev: VersionVector::default(), vc };
    holder.merge(with_meta(Vec::new(), meta), at(0));
    let changes = holder.write(vec![edit("p", Some("x"))], at(0));
    assert!(changes.rows[0].hlc > hlc("me", 500));
    holder.reopen(settings("me"));
    let later = holder.write(vec![edit("p", Some("y"))], at(-900));
    assert!(later.rows[0].hlc > changes.rows[0].hlc);
    assert_eq!(later.rows[0].hlc.node, node("me"));
}
