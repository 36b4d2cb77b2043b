//! The engine goals, each read out of the figures. Knows nothing of how they were measured.

use crate::{
    engines::Kind::{self, Commitlog, Disk, Lmdb, Raft, Syncline},
    results::Results,
    row::Row,
};

/// Ratios of syncline to a peer, or to the disk, for the same figure: goal, figure, peer, bound, lower bound.
const RATIOS: &[(&str, &str, Kind, f64, bool)] = &[
    ("P1", "append b1, M/s", Raft, 10.0, true),
    ("P1", "append b100, M/s", Raft, 2.8, true),
    ("P1", "append b100, M/s", Commitlog, 1.4, true),
    ("P2", "durable 1, k/s", Disk, 0.97, true),
    ("P2", "durable 8, k/s", Raft, 1.6, true),
    ("P2", "durable 8, p99 ms", Raft, 0.85, false),
    ("P2", "durable 64, k/s", Raft, 1.5, true),
    ("P2", "durable 64, p99 ms", Raft, 0.65, false),
    ("P6", "read 1 thread, M/s", Raft, 20.0, true),
    ("P6", "read 1 thread, M/s", Lmdb, 5.0, true),
    ("P8", "many logs: append, M/s", Raft, 2.2, true),
    ("P8", "many logs: tail reads, k/s", Raft, 40.0, true),
    ("P8", "many logs: tail reads, k/s", Lmdb, 2.0, true),
];

/// Upper bounds of syncline's own figures.
const BOUNDS: &[(&str, &str, f64)] = &[
    ("P2", "durable 64, max ms", 10.0),
    ("P5", "bytes per map key of 16 B", 12.0),
    ("P5", "bytes per map key of 64 B", 12.0),
    ("P5", "bytes per record", 9.0),
    ("P5", "bytes per record in runs of 100", 1.0),
    ("P5", "bytes per log of 20 records", 300.0),
];

/// Every first goal of the engine.
pub fn check(results: &Results) -> Vec<Row> {
    let mut rows = Vec::new();
    for &(goal, figure, peer, asked, at_least) in RATIOS {
        let reached = results.ratio((figure, Syncline), (figure, peer));
        let what = format!("{figure}: ratio to {}", peer.name());
        rows.push(Row { goal, what, asked, at_least, reached });
    }
    let threads = ("read 2 threads, M/s", Syncline);
    let reached = results.ratio(threads, ("read 1 thread, M/s", Syncline));
    let what = "reads of 2 threads: ratio to 1 thread".into();
    rows.push(Row { goal: "P6", what, asked: 1.9, at_least: true, reached });
    for (peer, asked) in [(Raft, 20.0), (Lmdb, 5.0)] {
        let ours = ("map read 1 thread, M/s", Syncline);
        let reached = results.ratio(ours, ("read 1 thread, M/s", peer));
        let what = format!("map read 1 thread, M/s: ratio to {}'s read", peer.name());
        rows.push(Row { goal: "P6", what, asked, at_least: true, reached });
    }
    for &(goal, figure, asked) in BOUNDS {
        let reached = results.median(figure, Syncline);
        rows.push(Row { goal, what: figure.into(), asked, at_least: false, reached });
    }
    rows.sort_by_key(|row| row.goal);
    rows
}
