//! Tables at the head of a suite that say which of its tests shows what a dossier asks for.
//!
//! A row is `//! | NUMBERS | about | tests |`; tests stand in backticks behind the file they are in, which is
//! of the suite's folder when it names none.

use super::tree::{read, root};

/// A row of a table: the name of the table's first column, the numbers, and what is wrong with its tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What the table counts, such as `check`.
    pub table: String,
    /// Its numbers.
    pub numbers: Vec<usize>,
    /// Files and tests that are named and are not there; the row itself when it names none.
    pub missing: Vec<String>,
}

/// The rows of all tables of a page. `tables` are the names of their first columns.
///
/// # Panics
/// When a row stands before any table, or its first cell has something that is no number.
#[must_use]
pub fn rows(page: &str, folder: &str, tables: &[&str]) -> Vec<Row> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"));
    let (mut rows, mut table) = (Vec::new(), None);
    for line in lines {
        let cells: Vec<&str> = line.split(" | ").collect();
        if let Some(next) = tables.iter().find(|name| **name == cells[0]) {
            table = Some(*next);
            continue;
        }
        let numbers = cells[0].split(", ").map(|n| n.parse().expect("a number")).collect();
        let last = cells.last().copied().unwrap_or_default();
        let mut missing = missing(last, folder);
        if quoted(last).next().is_none() {
            missing.push(line.to_owned());
        }
        rows.push(Row { table: table.expect("a table has a head").into(), numbers, missing });
    }
    rows
}

/// The words between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// What a cell names that is not there.
#[must_use]
pub fn missing(cell: &str, folder: &str) -> Vec<String> {
    let (mut wrong, mut text) = (Vec::new(), String::new());
    for word in quoted(cell) {
        if !word.ends_with(".rs") {
            if !text.contains(&format!("fn {word}(")) {
                wrong.push(word.to_owned());
            }
            continue;
        }
        let path = if word.contains('/') { word.into() } else { format!("{folder}/{word}") };
        text.clear();
        if root().join(&path).is_file() {
            text = read(&path);
        } else {
            wrong.push(path);
        }
    }
    wrong
}
