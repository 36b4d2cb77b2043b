//! The engine goals, each read out of the figures. Knows nothing of how they were measured.

use crate::{
    engines::Kind::{self, Commitlog, Disk, Lmdb, Raft, Syncline},
    results::Results,
    row::Row,
};

/// A ratio of syncline to a peer, or to the disk, for the same figure.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    goal: &'static str,
    /// The figure.
    pub figure: &'static str,
    /// Whom it is held against.
    pub peer: Kind,
    /// The bound.
    pub asked: f64,
    /// Whether the bound is a lower one.
    pub at_least: bool,
}

const fn least(goal: &'static str, figure: &'static str, peer: Kind, asked: f64) -> Ratio {
    Ratio { goal, figure, peer, asked, at_least: true }
}

const fn most(goal: &'static str, figure: &'static str, peer: Kind, asked: f64) -> Ratio {
    Ratio { goal, figure, peer, asked, at_least: false }
}

/// Every goal that is a ratio.
pub const RATIOS: &[Ratio] = &[
    least("P1", "append b1, M/s", Raft, 10.0),
    least("P1", "append b100, M/s", Raft, 2.8),
    least("P1", "append b100, M/s", Commitlog, 1.4),
    least("P2", "durable 1, k/s", Disk, 0.97),
    least("P2", "durable 8, k/s", Raft, 1.6),
    most("P2", "durable 8, p99 ms", Raft, 0.85),
    least("P2", "durable 64, k/s", Raft, 1.5),
    most("P2", "durable 64, p99 ms", Raft, 0.65),
    least("P3", "pipelined 64, k/s", Disk, 0.6),
    // 1.2 × as fast.
    most("P4", "open, ms", Raft, 0.83),
    least("P6", "read 1 thread, M/s", Raft, 20.0),
    least("P6", "read 1 thread, M/s", Lmdb, 5.0),
    least("P7", "overwrite, k/s", Raft, 3.0),
    least("P8", "many logs: append, M/s", Raft, 2.2),
    least("P8", "many logs: tail reads, k/s", Raft, 40.0),
    least("P8", "many logs: tail reads, k/s", Lmdb, 2.0),
];

/// Upper bounds of syncline's own figures.
pub const BOUNDS: &[(&str, &str, f64)] = &[
    ("P2", "durable 64, max ms", 10.0),
    ("P4", "open with snapshot, ms", 50.0),
    ("P5", "bytes per map key of 16 B", 12.0),
    ("P5", "bytes per map key of 64 B", 12.0),
    ("P5", "bytes per record", 9.0),
    ("P5", "bytes per record in runs of 100", 1.0),
    ("P5", "bytes per log of 20 records", 300.0),
    ("P7", "overwrite: space, max ×", 1.5),
    ("P7", "overwrite: written ×", 1.8),
    ("P9", "mixed, p99.99 ms", 10.0),
];

/// Whether any goal compares with this engine.
pub fn compares_with(kind: Kind) -> bool {
    kind == Syncline || RATIOS.iter().any(|ratio| ratio.peer == kind)
}

/// Every goal of the engine.
pub fn check(results: &Results) -> Vec<Row> {
    let mut rows = Vec::new();
    for &Ratio { goal, figure, peer, asked, at_least } in RATIOS {
        let reached = results.ratio((figure, Syncline), (figure, peer));
        let what = format!("{figure}: ratio to {}", peer.name());
        rows.push(Row { goal, what, asked, at_least, reached });
    }
    for (what, one, two) in [
        ("reads", "read 1 thread, M/s", "read 2 threads, M/s"),
        ("map reads", "map read 1 thread, M/s", "map read 2 threads, M/s"),
    ] {
        let reached = results.ratio((two, Syncline), (one, Syncline));
        let what = format!("{what} of 2 threads: ratio to 1 thread");
        rows.push(Row { goal: "P6", what, asked: 1.9, at_least: true, reached });
    }
    for (peer, asked) in [(Raft, 20.0), (Lmdb, 5.0)] {
        let ours = ("map read 1 thread, M/s", Syncline);
        let reached = results.ratio(ours, ("read 1 thread, M/s", peer));
        let what = format!("map read 1 thread, M/s: ratio to {}'s read of a record", peer.name());
        rows.push(Row { goal: "P6", what, asked, at_least: true, reached });
    }
    for &(goal, figure, asked) in BOUNDS {
        let reached = results.median(figure, Syncline);
        rows.push(Row { goal, what: figure.into(), asked, at_least: false, reached });
    }
    rows.sort_by_key(|row| row.goal);
    rows
}
