//! Where a peer is better than syncline, in sentences.

use crate::{
    engines::Kind,
    figures::{Better, FIGURES, Figure, shown},
    results::Results,
};

/// Less than this is no difference.
const NO_DIFFERENCE: f64 = 1.05;

/// One sentence for each figure in which a peer is better.
pub fn sentences(results: &Results) -> Vec<(&'static Figure, String)> {
    FIGURES.iter().filter_map(|figure| Some((figure, sentence(results, figure)?))).collect()
}

fn sentence(results: &Results, figure: &'static Figure) -> Option<String> {
    let ours = results.median(figure.name, Kind::Syncline)?;
    let mut better: Vec<(f64, Kind, f64)> = Kind::ALL
        .into_iter()
        .filter(|kind| ![Kind::Syncline, Kind::Disk].contains(kind))
        .filter_map(|kind| {
            let theirs = results.median(figure.name, kind)?;
            let times = match figure.better {
                Better::More => theirs / ours,
                Better::Less => ours / theirs,
                Better::Neither => return None,
            };
            (times >= NO_DIFFERENCE).then_some((times, kind, theirs))
        })
        .collect();
    better.sort_by(|a, b| b.0.total_cmp(&a.0));
    let list: Vec<String> = better
        .iter()
        .map(|(times, kind, theirs)| match times.is_finite() {
            true => {
                format!("{} ({}, {} ×)", kind.name(), shown(Some(*theirs)), shown(Some(*times)))
            }
            false => format!("{} ({})", kind.name(), shown(Some(*theirs))),
        })
        .collect();
    let verb = if list.len() == 1 { "is" } else { "are" };
    (!list.is_empty()).then(|| {
        format!(
            "{}: {} {verb} better than syncline ({})",
            figure.name,
            list.join(", "),
            shown(Some(ours))
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::Scale;

    #[test]
    fn a_better_peer_is_named_whichever_way_is_better() {
        let mut results = Results::new(Scale::TINY);
        let (rate, wait) = ("durable 1, k/s", "durable 1, p99 ms");
        for (name, ours, theirs) in [(rate, 10.0, 20.0), (wait, 4.0, 1.0)] {
            results.add(name, Kind::Syncline, ours);
            results.add(name, Kind::Raft, theirs);
            results.add(name, Kind::Lmdb, ours);
            results.add(name, Kind::Disk, theirs);
        }
        let found: Vec<String> = sentences(&results).into_iter().map(|(_, text)| text).collect();
        assert_eq!(
            found,
            [
                "durable 1, k/s: raft-engine (20.0, 2.00 ×) is better than syncline (10.0)",
                "durable 1, p99 ms: raft-engine (1.00, 4.00 ×) is better than syncline (4.00)",
            ]
        );
    }
}
