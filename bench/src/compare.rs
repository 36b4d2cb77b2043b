//! Interleaved pairs: the target and its yardstick in turn, and the medians of their ratios.

use crate::{
    error::Error,
    load::{Measured, Scenario},
    run::{RunOptions, run_once},
    stats::median,
    target::Target,
};

/// The runs of one comparison, pair by pair.
#[derive(Debug)]
pub(crate) struct Pairs {
    /// The target's runs.
    pub(crate) ours: Vec<Measured>,
    /// The yardstick's runs.
    pub(crate) limit: Vec<Measured>,
}

impl Pairs {
    /// Runs `pairs` pairs; every second one begins with the yardstick. `told` hears of each run.
    pub(crate) fn run(
        scenario: &Scenario,
        target: Target,
        yardstick: Target,
        pairs: usize,
        options: &RunOptions,
        mut told: impl FnMut(Target, &Measured),
    ) -> Result<Self, Error> {
        if pairs == 0 {
            return Err(Error::Usage("--pairs must not be 0".into()));
        }
        let mut runs = Self { ours: Vec::new(), limit: Vec::new() };
        let mut one = |which: Target| {
            let measured = run_once(scenario, which, options)?;
            told(which, &measured);
            Ok::<_, Error>(measured)
        };
        for pair in 0..pairs {
            if pair % 2 == 0 {
                runs.ours.push(one(target)?);
                runs.limit.push(one(yardstick)?);
            } else {
                runs.limit.push(one(yardstick)?);
                runs.ours.push(one(target)?);
            }
        }
        Ok(runs)
    }

    /// Target over yardstick, pair by pair.
    pub(crate) fn ratios(&self, figure: impl Fn(&Measured) -> Option<f64>) -> Vec<f64> {
        let both = self.ours.iter().zip(&self.limit);
        both.filter_map(|(ours, limit)| Some(figure(ours)? / figure(limit)?)).collect()
    }

    /// The median of the pairs' ratios.
    pub(crate) fn ratio(&self, figure: impl Fn(&Measured) -> Option<f64>) -> Option<f64> {
        median(self.ratios(figure))
    }

    /// The median of a figure of the target.
    pub(crate) fn ours(&self, figure: impl Fn(&Measured) -> Option<f64>) -> Option<f64> {
        median(self.ours.iter().filter_map(figure))
    }

    /// The median of a figure of the yardstick.
    pub(crate) fn limit(&self, figure: impl Fn(&Measured) -> Option<f64>) -> Option<f64> {
        median(self.limit.iter().filter_map(figure))
    }
}
