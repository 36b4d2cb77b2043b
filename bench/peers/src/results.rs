//! What the rounds brought, and how it is kept in a file. Knows nothing of goals but their rows.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{engines::Kind, figures, row::Row, scale::Scale};

/// The figures of all rounds, in the order in which they came.
#[derive(Debug)]
pub struct Results {
    /// How much work each round was.
    pub scale: Scale,
    values: BTreeMap<(&'static str, Kind), Vec<f64>>,
}

impl Results {
    /// None yet.
    pub fn new(scale: Scale) -> Self {
        Self { scale, values: BTreeMap::new() }
    }

    /// Takes one figure of one round.
    pub fn add(&mut self, name: &'static str, kind: Kind, value: f64) {
        self.values.entry((name, kind)).or_default().push(value);
    }

    /// A figure of every round.
    pub fn values(&self, name: &'static str, kind: Kind) -> &[f64] {
        self.values.get(&(name, kind)).map_or(&[], Vec::as_slice)
    }

    /// Whether anybody has this figure.
    pub fn has(&self, name: &'static str) -> bool {
        Kind::ALL.iter().any(|kind| !self.values(name, *kind).is_empty())
    }

    /// The most rounds that any figure has.
    pub fn rounds(&self) -> usize {
        self.values.values().map(Vec::len).max().unwrap_or(0)
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

    /// Everything, every round's values included.
    pub fn json(&self, rows: &[Row]) -> Value {
        let goals: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!({
                    "goal": row.goal, "what": row.what, "asked": row.asked, "at_least": row.at_least,
                    "reached": row.reached, "met": row.met(),
                })
            })
            .collect();
        let figures: Vec<Value> = self
            .values
            .iter()
            .map(|((name, kind), values)| {
                json!({
                    "figure": name, "engine": kind.name(), "version": kind.version(),
                    "median": median(values.iter().copied()), "rounds": values,
                })
            })
            .collect();
        json!({ "scale": self.scale.json(), "goals": goals, "figures": figures })
    }

    /// Takes the rounds of a file that [`Results::json`] made, behind those that are there.
    ///
    /// Says what is wrong with one that is of another scale or that names what is not known here.
    pub fn add_file(&mut self, text: &str) -> Result<(), String> {
        let file: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if Scale::from_json(&file["scale"]) != Some(self.scale) {
            return Err("its rounds are of another scale".into());
        }
        let rows = file["figures"].as_array().ok_or("it has no figures")?;
        for row in rows {
            let name =
                row["figure"].as_str().and_then(figures::named).ok_or("an unknown figure")?;
            let kind = row["engine"].as_str().and_then(Kind::named).ok_or("an unknown engine")?;
            let values = row["rounds"].as_array().ok_or("a figure without rounds")?;
            for value in values {
                self.add(name.name, kind, value.as_f64().ok_or("a value is no number")?);
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: &str = "durable 1, k/s";

    #[test]
    fn ratios_are_taken_round_by_round_before_the_median() {
        let mut results = Results::new(Scale::TINY);
        for (ours, theirs) in [(1.0, 2.0), (6.0, 2.0), (0.9, 1.0)] {
            results.add(RATE, Kind::Syncline, ours);
            results.add(RATE, Kind::Raft, theirs);
        }
        let ratio = |name| results.ratio((name, Kind::Syncline), (name, Kind::Raft));
        assert_eq!(ratio(RATE), Some(0.9));
        assert_eq!(results.median(RATE, Kind::Syncline), Some(1.0));
        assert_eq!(ratio("other"), None);
    }

    #[test]
    fn rounds_of_a_file_join_those_that_are_there() {
        let mut results = Results::new(Scale::TINY);
        results.add(RATE, Kind::Lmdb, 2.5);
        let file = results.json(&[]).to_string();
        results.add_file(&file).unwrap();
        assert_eq!(results.values(RATE, Kind::Lmdb), [2.5, 2.5]);
        assert!(Results::new(Scale::FULL).add_file(&file).is_err());
        assert!(results.add_file(&file.replace("LMDB", "nobody")).is_err());
        assert!(results.add_file("{}").is_err());
    }
}
