//! How measurements are shown: a table for people, JSON for programs. Knows nothing of how they were made.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::{
    compare::Pairs,
    load::{Measured, Row},
    stats::median,
    target::Target,
};

/// One figure of a measurement.
pub(crate) struct Figure {
    /// Its name in JSON.
    pub(crate) name: &'static str,
    /// Digits after the point.
    digits: usize,
    /// How it is read.
    pub(crate) read: fn(&Measured) -> Option<f64>,
}

/// Every figure, in the order of the tables.
pub(crate) const FIGURES: &[Figure] = &[
    Figure { name: "per_second", digits: 0, read: |run| Some(run.per_second()) },
    Figure { name: "server_cpu_seconds_per_million", digits: 3, read: Measured::cpu_per_million },
    Figure { name: "p50_ms", digits: 3, read: |run| quantile(run, 0.5) },
    Figure { name: "p90_ms", digits: 3, read: |run| quantile(run, 0.9) },
    Figure { name: "p99_ms", digits: 3, read: |run| quantile(run, 0.99) },
    Figure { name: "p99_9_ms", digits: 3, read: |run| quantile(run, 0.999) },
    Figure { name: "max_ms", digits: 3, read: |run| quantile(run, 1.0) },
    Figure { name: "server_load", digits: 2, read: Measured::server_load },
    Figure { name: "client_load", digits: 2, read: |run| Some(run.client_load()) },
    Figure { name: "messages_per_read", digits: 1, read: |run| Some(run.messages_per_read) },
    Figure {
        name: "server_rss_mib",
        digits: 1,
        read: |run| run.server_rss_bytes.map(|bytes| bytes as f64 / f64::from(1 << 20)),
    },
    Figure {
        name: "rss_bytes_per_connection",
        digits: 0,
        read: |run| run.extra("rss_bytes_per_connection"),
    },
    Figure {
        name: "rss_bytes_per_connection_at_join",
        digits: 0,
        read: |run| run.extra("rss_bytes_per_connection_at_join"),
    },
    Figure {
        name: "megabytes_per_second",
        digits: 0,
        read: |run| run.extra("megabytes_per_second"),
    },
    Figure { name: "listens_ms", digits: 0, read: |run| run.extra("listens_ms") },
];

fn quantile(run: &Measured, quantile: f64) -> Option<f64> {
    (!run.latency.is_empty()).then(|| run.millis(quantile))
}

fn number(value: f64, digits: usize) -> String {
    let plain = format!("{value:.digits$}");
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let (sign, whole) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut grouped = String::from(sign);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

/// The JSON object of one run.
pub(crate) fn run_json(scenario: &str, target: &str, run: &Measured) -> Value {
    let mut object = Map::new();
    object.insert("scenario".into(), scenario.into());
    object.insert("target".into(), target.into());
    object.insert("unit".into(), run.unit.into());
    object.insert("seconds".into(), run.seconds.into());
    object.insert("done".into(), run.done.into());
    for figure in FIGURES {
        if let Some(value) = (figure.read)(run) {
            object.insert(figure.name.into(), value.into());
        }
    }
    object.insert("client_bound".into(), run.client_bound().into());
    if !run.rows.is_empty() {
        let rows = run.rows.iter().map(|row| {
            let figures = row.figures.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            (row.name.clone(), Value::Object(figures.collect()))
        });
        object.insert("rows".into(), Value::Object(rows.collect()));
    }
    Value::Object(object)
}

/// Writes one run as a table.
pub(crate) fn run_table(
    out: &mut impl Write,
    scenario: &str,
    target: &str,
    run: &Measured,
) -> io::Result<()> {
    let done = number(run.done as f64, 0);
    writeln!(out, "{scenario} on {target}: {done} {} in {:.2} s", run.unit, run.seconds)?;
    for figure in FIGURES {
        if let Some(value) = (figure.read)(run) {
            writeln!(out, "  {:<34}{:>16}", figure.name, number(value, figure.digits))?;
        }
    }
    rows_table(out, &run.rows)?;
    if run.client_bound() {
        writeln!(out, "  the generator was the bottleneck: the server could do more")?;
    }
    Ok(())
}

fn rows_table(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let names: String = first.figures.iter().map(|(name, _)| format!("{name:>15}")).collect();
    writeln!(out, "  {:<28}{names}", "")?;
    for row in rows {
        let values = row.figures.iter().map(|(_, value)| {
            let digits = if value.fract() == 0.0 { 0 } else { 3 };
            format!("{:>15}", number(*value, digits))
        });
        writeln!(out, "  {:<28}{}", row.name, values.collect::<String>())?;
    }
    Ok(())
}

/// Writes one run as a line: what is told while many runs go on.
pub(crate) fn run_line(
    out: &mut impl Write,
    scenario: &str,
    target: Target,
    run: &Measured,
) -> io::Result<()> {
    let cpu = run.cpu_per_million().map_or_else(|| "-".into(), |cpu| number(cpu, 3));
    let bound = if run.client_bound() { "  (generator-bound)" } else { "" };
    writeln!(
        out,
        "  {scenario:<10} {:<13} {:>12}/s  cpu {cpu:>10} s/M  p50 {:>9} ms  p99 {:>9} ms{bound}",
        target.name(),
        number(run.per_second(), 0),
        number(run.millis(0.5), 3),
        number(run.millis(0.99), 3),
    )
}

/// The JSON object of a comparison: medians of both sides, and of the ratios with their range.
pub(crate) fn pairs_json(scenario: &str, target: Target, limit: Target, pairs: &Pairs) -> Value {
    let mut figures = Map::new();
    for figure in FIGURES {
        let ratios = pairs.ratios(figure.read);
        if ratios.is_empty() {
            continue;
        }
        figures.insert(
            figure.name.into(),
            json!({
                "target": pairs.ours(figure.read),
                "limit": pairs.limit(figure.read),
                "ratio": pairs.ratio(figure.read),
                "ratios": ratios,
            }),
        );
    }
    json!({
        "scenario": scenario,
        "target": target.name(),
        "limit": limit.name(),
        "pairs": pairs.ours.len(),
        "figures": figures,
    })
}

/// Writes a comparison as a table.
pub(crate) fn pairs_table(
    out: &mut impl Write,
    scenario: &str,
    target: Target,
    limit: Target,
    pairs: &Pairs,
) -> io::Result<()> {
    writeln!(out, "{scenario}: medians of {} interleaved pairs", pairs.ours.len())?;
    let (ours, theirs) = (target.name(), limit.name());
    writeln!(out, "  {:<34}{ours:>16}{theirs:>16}{:>9}  range", "", "ratio")?;
    for figure in FIGURES {
        let ratios = pairs.ratios(figure.read);
        let (Some(ratio), Some(ours), Some(limit)) =
            (median(ratios.iter().copied()), pairs.ours(figure.read), pairs.limit(figure.read))
        else {
            continue;
        };
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        writeln!(
            out,
            "  {:<34}{:>16}{:>16}{ratio:>9.2}  {least:.2} to {most:.2}",
            figure.name,
            number(ours, figure.digits),
            number(limit, figure.digits),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency;

    #[test]
    fn a_run_shows_what_it_has_and_nothing_else() {
        let mut run = Measured {
            unit: "acknowledgements",
            seconds: 2.0,
            done: 3_000,
            latency: latency::histogram(),
            server_cpu_seconds: None,
            client_cpu_seconds: 1.0,
            server_rss_bytes: Some(3 << 20),
            messages_per_read: 1.5,
            extra: vec![("rss_bytes_per_connection", 1500.0)],
            rows: vec![Row { name: "cursor".into(), figures: vec![("bytes_up", 80.0)] }],
        };
        let json = run_json("ingest", "limit-ack", &run);
        assert_eq!((&json["target"], &json["per_second"]), (&"limit-ack".into(), &1500.0.into()));
        assert_eq!(json["rss_bytes_per_connection"], 1500.0);
        assert_eq!(json["rows"]["cursor"]["bytes_up"], 80.0);
        assert_eq!(json.get("p50_ms"), None);
        assert_eq!(json.get("server_load"), None);
        latency::record_nanos(&mut run.latency, 2_000_000, 3);
        let mut table = Vec::new();
        run_table(&mut table, "ingest", "limit-ack", &run).unwrap();
        let table = String::from_utf8(table).unwrap();
        assert!(table.starts_with("ingest on limit-ack: 3,000 acknowledgements in 2.00 s\n"));
        let p50 = table.lines().find(|line| line.contains("p50_ms")).unwrap();
        assert!(p50.contains(" 2.0"), "{p50}");
    }

    #[test]
    fn numbers_are_grouped_by_threes() {
        assert_eq!(number(1_234_567.0, 0), "1,234,567");
        assert_eq!(number(999.0, 0), "999");
        assert_eq!(number(-1234.5, 1), "-1,234.5");
        assert_eq!(number(0.125, 3), "0.125");
    }
}
