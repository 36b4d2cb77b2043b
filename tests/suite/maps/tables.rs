//! The tables of this suite are whole, and name tests that exist.

use std::collections::BTreeSet;

use syncline_tests::house::tree::{read, root};

/// Each table by the name of its first column, and how many rows the dossier has of it.
const TABLES: [(&str, usize); 3] = [("check", 37), ("hole", 30), ("settled", 12)];

/// The words between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// What is wrong with a row's last cell.
fn missing(cell: &str) -> Vec<String> {
    let (mut wrong, mut text) = (Vec::new(), String::new());
    for word in quoted(cell) {
        if !word.ends_with(".rs") {
            if !text.contains(&format!("fn {word}(")) {
                wrong.push(word.to_owned());
            }
            continue;
        }
        let path =
            if word.contains('/') { word.into() } else { format!("tests/suite/maps/{word}") };
        text.clear();
        if root().join(&path).is_file() {
            text = read(&path);
        } else {
            wrong.push(path);
        }
    }
    wrong
}

#[test]
fn every_check_is_shown_by_a_test_that_exists() {
    let page = read("tests/suite/maps/main.rs");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").collect())
        .collect();
    let mut found = vec![BTreeSet::new(); TABLES.len()];
    let mut table = None;
    for row in rows {
        if let Some(next) = TABLES.iter().position(|(name, _)| *name == row[0]) {
            table = Some(next);
            continue;
        }
        let numbers = row[0].split(", ").map(|n| n.parse::<usize>().expect("a number"));
        for number in numbers {
            assert!(found[table.expect("a table has a head")].insert(number), "{number} twice");
        }
        assert!(quoted(row[2]).next().is_some(), "no test is named: {row:?}");
        assert_eq!(missing(row[2]), Vec::<String>::new(), "there is no such test: {row:?}");
    }
    for ((name, last), found) in TABLES.iter().zip(found) {
        let all: BTreeSet<usize> = (1..=*last).collect();
        assert_eq!(&all - &found, BTreeSet::new(), "{name}s without a row");
        assert_eq!(found.len(), *last, "{name}s that are none");
    }
}

#[test]
fn a_test_that_is_not_there_is_missed() {
    assert_eq!(
        missing("`smoke.rs` `no_such_test`, `none.rs`"),
        ["no_such_test", "tests/suite/maps/none.rs"]
    );
}
