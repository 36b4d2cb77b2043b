//! What the rounds brought, and how it is shown. Knows nothing of goals but their rows.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Value, json};

use crate::{engines::Kind, row::Row};

/// The figures of all rounds, in the order in which they came.
#[derive(Debug, Default)]
pub struct Results {
    names: Vec<&'static str>,
    values: BTreeMap<(&'static str, Kind), Vec<f64>>,
}

const KINDS: [Kind; 5] = [Kind::Syncline, Kind::Raft, Kind::Commitlog, Kind::Lmdb, Kind::Disk];

impl Results {
    /// Takes one figure of one round.
    pub fn add(&mut self, name: &'static str, kind: Kind, value: f64) {
        if !self.names.contains(&name) {
            self.names.push(name);
        }
        self.values.entry((name, kind)).or_default().push(value);
    }

    fn values(&self, name: &'static str, kind: Kind) -> &[f64] {
        self.values.get(&(name, kind)).map_or(&[], Vec::as_slice)
    }

    /// The median of a figure.
    pub fn median(&self, name: &'static str, kind: Kind) -> Option<f64> {
        median(self.values(name, kind).iter().copied())
    }

    /// The median over the rounds of one figure over another.
    pub fn ratio(&self, ours: (&'static str, Kind), theirs: (&'static str, Kind)) -> Option<f64> {
        let (ours, theirs) = (self.values(ours.0, ours.1), self.values(theirs.0, theirs.1));
        median(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs))
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

fn shown(value: Option<f64>) -> String {
    match value {
        None => "–".into(),
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

/// Both tables, as Markdown.
pub fn markdown(results: &Results, rows: &[Row], rounds: usize, quick: bool) -> String {
    let mut text = String::new();
    let mut line = |content: std::fmt::Arguments<'_>| {
        writeln!(text, "{content}").expect("a String takes every byte");
    };
    line(format_args!("# Engine goals: medians of {rounds} interleaved rounds\n"));
    if quick {
        line(format_args!("A quick run: it shows that everything works and proves nothing.\n"));
    }
    line(format_args!("| goal | what | asked | reached | met |"));
    line(format_args!("|---|---|---|---|---|"));
    for row in rows {
        let sign = if row.at_least { "≥" } else { "≤" };
        let met = match row.met() {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "not measured",
        };
        let reached = shown(row.reached);
        line(format_args!(
            "| {} | {} | {sign} {} | {reached} | {met} |",
            row.goal, row.what, row.asked
        ));
    }
    line(format_args!("\n## Figures\n"));
    line(format_args!("| figure | {} |", KINDS.map(Kind::name).join(" | ")));
    line(format_args!("|---|{}", "---|".repeat(KINDS.len())));
    for name in &results.names {
        let cells = KINDS.map(|kind| shown(results.median(name, kind)));
        line(format_args!("| {name} | {} |", cells.join(" | ")));
    }
    line(format_args!("\n## Settings\n"));
    for kind in KINDS {
        line(format_args!("* **{}**: {}.", kind.name(), kind.settings()));
    }
    text
}

/// Everything, every round's values included.
pub fn json(results: &Results, rows: &[Row], rounds: usize) -> String {
    let goals: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "goal": row.goal, "what": row.what, "asked": row.asked, "at_least": row.at_least,
                "reached": row.reached, "met": row.met(),
            })
        })
        .collect();
    let figures: Vec<Value> = results
        .values
        .iter()
        .map(|((name, kind), values)| {
            json!({ "figure": name, "engine": kind.name(), "median": median(values.iter().copied()), "rounds": values })
        })
        .collect();
    json!({ "rounds": rounds, "goals": goals, "figures": figures }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_round_by_round_before_the_median() {
        let mut results = Results::default();
        for (ours, theirs) in [(1.0, 2.0), (6.0, 2.0), (0.9, 1.0)] {
            results.add("rate", Kind::Syncline, ours);
            results.add("rate", Kind::Raft, theirs);
        }
        let ratio = |name| results.ratio((name, Kind::Syncline), (name, Kind::Raft));
        assert_eq!(ratio("rate"), Some(0.9));
        assert_eq!(results.median("rate", Kind::Syncline), Some(1.0));
        assert_eq!(ratio("other"), None);
    }

    #[test]
    fn the_tables_show_what_was_and_what_was_not_measured() {
        let mut results = Results::default();
        results.add("rate", Kind::Syncline, 123.4);
        let row =
            |reached| Row { goal: "P0", what: "x".into(), asked: 2.0, at_least: true, reached };
        let text = markdown(&results, &[row(Some(3.0)), row(Some(1.0)), row(None)], 5, false);
        assert!(text.contains("| P0 | x | ≥ 2 | 3.00 | yes |"));
        assert!(text.contains("| P0 | x | ≥ 2 | 1.00 | **no** |"));
        assert!(text.contains("| P0 | x | ≥ 2 | – | not measured |"));
        assert!(text.contains("| rate | 123 | – | – | – | – |"));
        assert!(json(&results, &[row(None)], 5).contains(r#""rounds":[123.4]"#));
    }
}
