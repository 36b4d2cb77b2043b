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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency;

    fn run(done: u64, cpu: Option<f64>) -> Measured {
        Measured {
            unit: "deliveries",
            seconds: 2.0,
            done,
            latency: latency::histogram(),
            server_cpu_seconds: cpu,
            client_cpu_seconds: 1.0,
            server_rss_bytes: None,
            messages_per_read: 1.0,
            extra: Vec::new(),
            rows: Vec::new(),
        }
    }

    #[test]
    fn ratios_are_taken_pair_by_pair_before_the_median() {
        let pairs = Pairs {
            ours: vec![run(100, Some(1.0)), run(600, None), run(90, Some(3.0))],
            limit: vec![run(200, Some(2.0)), run(200, Some(1.0)), run(100, Some(1.0))],
        };
        let rate = |run: &Measured| Some(run.per_second());
        assert_eq!(pairs.ratios(rate), [0.5, 3.0, 0.9]);
        assert_eq!(pairs.ratio(rate), Some(0.9));
        assert_eq!((pairs.ours(rate), pairs.limit(rate)), (Some(50.0), Some(100.0)));
        assert_eq!(pairs.ratios(|run| run.server_cpu_seconds), [0.5, 3.0]);
    }
}
