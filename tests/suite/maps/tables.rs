//! The tables of this suite are whole, and name tests that exist.

use std::collections::BTreeSet;

use syncline_tests::house::{
    tables::{missing, rows},
    tree::read,
};

const FOLDER: &str = "tests/suite/maps";

/// Each table by the name of its first column, and how many rows the dossier has of it.
const TABLES: [(&str, usize); 3] = [("check", 37), ("hole", 30), ("settled", 12)];

#[test]
fn every_check_is_shown_by_a_test_that_exists() {
    let rows = rows(&read("tests/suite/maps/main.rs"), FOLDER, &TABLES.map(|(name, _)| name));
    for (name, last) in TABLES {
        let mut found = BTreeSet::new();
        for row in rows.iter().filter(|row| row.table == name) {
            assert_eq!(row.missing, [""; 0], "there is no such test: {row:?}");
            for number in &row.numbers {
                assert!(found.insert(*number), "{number} twice");
            }
        }
        assert_eq!(found, (1..=last).collect(), "{name}s");
    }
}

#[test]
fn a_test_that_is_not_there_is_missed() {
    assert_eq!(
        missing("`smoke.rs` `no_such_test`, `none.rs`", FOLDER),
        ["no_such_test", "tests/suite/maps/none.rs"]
    );
}
