//! The tables, as Markdown.

use std::fmt::Write as _;

use super::wins;
use crate::{
    engines::Kind,
    figures::{FIGURES, shown},
    results::Results,
    row::Row,
    scale::Scale,
};

/// Goals, figures, where a peer is better, settings.
pub fn markdown(results: &Results, rows: &[Row]) -> String {
    let mut text = String::new();
    let mut line = |content: std::fmt::Arguments<'_>| {
        writeln!(text, "{content}").expect("a String takes every byte");
    };
    line(format_args!(
        "# Engine goals: medians of up to {} interleaved rounds\n",
        results.rounds()
    ));
    if results.scale != Scale::FULL {
        line(format_args!(
            "Not the full scale: it shows that everything works and proves little.\n"
        ));
    }
    line(format_args!("Each round: {}.\n", results.scale.shown()));
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
    line(format_args!("| figure | {} |", Kind::ALL.map(Kind::name).join(" | ")));
    line(format_args!("|---|{}", "---|".repeat(Kind::ALL.len())));
    for name in FIGURES.iter().map(|figure| figure.name).filter(|name| results.has(name)) {
        let cells = Kind::ALL.map(|kind| shown(results.median(name, kind)));
        line(format_args!("| {name} | {} |", cells.join(" | ")));
    }
    line(format_args!("\n## Where a peer is better\n"));
    for (_, sentence) in wins::sentences(results) {
        line(format_args!("* {sentence}."));
    }
    line(format_args!("\n## Settings\n"));
    for kind in Kind::ALL {
        line(format_args!(
            "* **{}** {}: {}. {}.",
            kind.name(),
            kind.version(),
            kind.durability(),
            kind.settings()
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_show_what_was_and_what_was_not_measured() {
        let mut results = Results::new(Scale::TINY);
        results.add("durable 1, k/s", Kind::Syncline, 123.4);
        let row =
            |reached| Row { goal: "P0", what: "x".into(), asked: 2.0, at_least: true, reached };
        let text = markdown(&results, &[row(Some(3.0)), row(Some(1.0)), row(None)]);
        assert!(text.contains("| P0 | x | ≥ 2 | 3.00 | yes |"));
        assert!(text.contains("| P0 | x | ≥ 2 | 1.00 | **no** |"));
        assert!(text.contains("| P0 | x | ≥ 2 | – | not measured |"));
        assert!(text.contains("| durable 1, k/s | 123 | – | – | – |"));
    }
}
