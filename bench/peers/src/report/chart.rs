//! One figure of all engines as a bar chart: SVG that takes its colours from the page.

use std::fmt::Write as _;

use crate::{
    engines::Kind,
    figures::{Better, Figure, shown},
};

const WIDTH: f64 = 560.0;
const LABELS: f64 = 104.0;
/// Room for a value behind the longest bar.
const VALUES: f64 = 64.0;
const ROW: f64 = 22.0;
const BAR: f64 = 14.0;
const TOP: f64 = 20.0;
const AXIS: f64 = 40.0;
const TICKS: f64 = 4.0;

/// One engine's bar.
#[derive(Debug)]
pub struct Bar {
    /// Whose it is.
    pub kind: Kind,
    /// Its length.
    pub median: f64,
    /// The least and the most of the rounds.
    pub spread: (f64, f64),
}

/// A line that the bars should reach, or stay within.
#[derive(Debug)]
pub struct Mark {
    /// Where.
    pub value: f64,
    /// What it is.
    pub label: String,
}

/// The chart, with its bars in the order given.
pub fn svg(figure: &Figure, bars: &[Bar], marks: &[Mark]) -> String {
    let largest = bars.iter().map(|bar| bar.median).chain(marks.iter().map(|mark| mark.value));
    let step = nice(largest.fold(0.0, f64::max) / TICKS);
    let top = largest_of(bars, marks).div_euclid(step).max(0.0) * step + step;
    let span = WIDTH - LABELS - VALUES;
    let x = |value: f64| LABELS + (value / top).min(1.0) * span;
    let top_of_bars = TOP + if marks.is_empty() { 0.0 } else { 14.0 * marks.len() as f64 };
    let bottom = top_of_bars + ROW * bars.len() as f64;
    let mut svg = String::new();
    let mut put = |content: std::fmt::Arguments<'_>| {
        svg.write_fmt(content).expect("a String takes every byte");
    };
    put(format_args!(
        "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">",
        bottom + AXIS,
        figure.name
    ));
    let mut tick = 0.0;
    while tick <= top + step / 2.0 {
        let (at, label) = (x(tick), tick_label(tick, step));
        put(format_args!(
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top_of_bars}\" y2=\"{bottom}\"/>\
             <text class=\"tick\" x=\"{at:.1}\" y=\"{}\">{label}</text>",
            bottom + 14.0
        ));
        tick += step;
    }
    let at = |row: usize| top_of_bars + ROW * row as f64;
    for (row, bar) in bars.iter().enumerate() {
        put(format_args!("{}", shape(bar, at(row), x)));
    }
    for (row, mark) in marks.iter().enumerate() {
        let (at, y) = (x(mark.value), TOP + 14.0 * row as f64);
        let end = if at > LABELS + span * 0.6 { " class=\"mark end\"" } else { " class=\"mark\"" };
        put(format_args!(
            "<line class=\"goal\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{}\" y2=\"{bottom}\"/>\
             <text{end} x=\"{at:.1}\" y=\"{}\">{}</text>",
            y - 2.0,
            y - 5.0,
            mark.label
        ));
    }
    // Last, so that no line crosses a value.
    for (row, bar) in bars.iter().enumerate() {
        put(format_args!("{}", value(bar, at(row), x)));
    }
    let way = match figure.better {
        Better::More => " (more is better)",
        Better::Less => " (less is better)",
        Better::Neither => "",
    };
    put(format_args!(
        "<text class=\"unit\" x=\"{}\" y=\"{}\">{}{way}</text></svg>",
        LABELS + span / 2.0,
        bottom + 32.0,
        figure.unit
    ));
    svg
}

fn largest_of(bars: &[Bar], marks: &[Mark]) -> f64 {
    let values = bars.iter().map(|bar| bar.median).chain(marks.iter().map(|mark| mark.value));
    // Just below, so that a value on a tick does not ask for another one.
    values.fold(0.0, f64::max) * (1.0 - 1e-9)
}

fn class(bar: &Bar) -> &'static str {
    match bar.kind {
        Kind::Syncline => "ours",
        Kind::Disk => "disk",
        _ => "peer",
    }
}

fn shape(bar: &Bar, y: f64, x: impl Fn(f64) -> f64) -> String {
    let (class, middle) = (class(bar), y + ROW / 2.0);
    let pointer = if bar.kind == Kind::Syncline { "▸ " } else { "" };
    format!(
        "<text class=\"name {class}\" x=\"{}\" y=\"{}\">{pointer}{}</text>\
         <rect class=\"{class}\" x=\"{LABELS}\" y=\"{}\" width=\"{:.1}\" height=\"{BAR}\"/>",
        LABELS - 8.0,
        middle + 4.0,
        bar.kind.name(),
        middle - BAR / 2.0,
        (x(bar.median) - LABELS).max(1.0),
    )
}

/// The spread over the rounds, when it can be seen, and the value.
fn value(bar: &Bar, y: f64, x: impl Fn(f64) -> f64) -> String {
    let middle = y + ROW / 2.0;
    let (least, most) = (x(bar.spread.0), x(bar.spread.1));
    let (mut svg, mut end) = (String::new(), x(bar.median));
    if most - least > 2.0 {
        svg += &format!(
            "<path class=\"spread\" d=\"M{least:.1} {0:.1}H{most:.1}M{least:.1} {1:.1}V{2:.1}M{most:.1} {1:.1}V{2:.1}\"/>",
            middle,
            middle - 3.0,
            middle + 3.0,
        );
        end = end.max(most);
    }
    svg += &format!(
        "<text class=\"value {}\" x=\"{:.1}\" y=\"{}\">{}</text>",
        class(bar),
        end + 6.0,
        middle + 4.0,
        shown(Some(bar.median))
    );
    svg
}

/// The next larger of 1, 2, 2.5 and 5 times a power of ten.
fn nice(step: f64) -> f64 {
    if step <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(step.log10().floor());
    let factors = [1.0, 2.0, 2.5, 5.0, 10.0];
    factors.into_iter().map(|factor| factor * power).find(|nice| *nice >= step).unwrap_or(step)
}

fn tick_label(tick: f64, step: f64) -> String {
    let decimals = (1.0 - step.log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{tick:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::FIGURES;

    #[test]
    fn steps_are_nice() {
        for (step, expected) in [(0.0, 1.0), (0.03, 0.05), (1.0, 1.0), (2.1, 2.5), (700.0, 1000.0)]
        {
            assert!((nice(step) - expected).abs() < 1e-9, "{step}");
        }
        assert_eq!(tick_label(0.05, 0.05), "0.05");
        assert_eq!(tick_label(7.5, 2.5), "7.5");
        assert_eq!(tick_label(2000.0, 1000.0), "2000");
    }

    #[test]
    fn a_bar_has_its_value_and_ours_its_sign() {
        let bar = |kind, median| Bar { kind, median, spread: (median, median) };
        let bars = [bar(Kind::Syncline, 8.0), bar(Kind::Lmdb, 2.0)];
        let mark = Mark { value: 10.0, label: "goal".into() };
        let svg = svg(&FIGURES[0], &bars, &[mark]);
        assert!(svg.contains("▸ syncline") && svg.contains(">8.00<") && svg.contains(">2.00<"));
        assert!(svg.contains("more is better") && svg.contains(">goal<"));
        assert_eq!(svg.matches("<rect").count(), 2);
    }
}
