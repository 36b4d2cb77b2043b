//! Rows of cells: aligned under a heading on a terminal, bare and split by tabs elsewhere.
//!
//! Pure, apart from asking whether standard output is a terminal.

use std::io::{self, IsTerminal};

use super::super::output::Style;

/// A table that is being filled.
#[derive(Debug)]
pub(super) struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(heading: &[&'static str]) -> Self {
        Self { heading: heading.into(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table as standard output wants it.
    pub(super) fn show(&self) -> String {
        if io::stdout().is_terminal() { self.aligned(Style::of_stdout()) } else { self.bare() }
    }

    fn bare(&self) -> String {
        self.rows.iter().map(|row| row.join("\t") + "\n").collect()
    }

    fn aligned(&self, style: Style) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            widest.max(self.heading[column].len())
        };
        let widths: Vec<usize> = (0..self.heading.len()).map(width).collect();
        let line = |cells: Vec<&str>| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut out = style.bold(&line(self.heading.clone())) + "\n";
        for row in &self.rows {
            out += &(line(row.iter().map(String::as_str).collect()) + "\n");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_aligned_for_people_and_bare_for_programs() {
        let mut table = Table::new(&["NAME", "N"]);
        table.row(vec!["a".into(), "1".into()]);
        table.row(vec!["a long name".into(), "20".into()]);
        assert_eq!(table.bare(), "a\t1\na long name\t20\n");
        assert_eq!(
            table.aligned(Style::plain()),
            "NAME         N\na            1\na long name  20\n"
        );
    }
}
