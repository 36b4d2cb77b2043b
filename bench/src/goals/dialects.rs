//! The goals of the other dialects: maps, oplog, workspace and peer.

use super::{Check, per_second, rate};
use crate::{
    error::Error,
    load::{Measured, maps, oplog, peer, workspace},
    run::run_once,
    stats::median,
    target::{Durability, Target},
};

/// Figures of peers that cannot run here, recorded once on a machine like this: single pushes and operations in
/// batches of 1,000 per second of a lists server (Go, SQLite), operations per second of EtherPly (Go, not synced)
/// and of TopGun (Rust, acknowledged in memory, not synced).
const LISTS_SERVER_SINGLES: f64 = 469.0;
const LISTS_SERVER_BATCHED: f64 = 145_000.0;
const ETHERPLY_RATE: f64 = 12_700.0;
const TOPGUN_RATE: f64 = 46_000.0;

impl Check<'_> {
    /// The maps against what was measured of TopGun on another day, which cannot run here, and against the least
    /// that reconciling can cost.
    pub(super) fn maps(&mut self) -> Result<(), Error> {
        let ingest = median(self.alone(&maps::Scenario::ingest(64, 10).into())?.iter().map(rate));
        let what =
            "maps, pushes of 10 by 64 clients, synced: rate / the recorded TopGun's, not synced";
        self.goal("P18", what, true, 10.0, ingest.map(|rate| rate / TOPGUN_RATE));
        let followers = self.alone(&maps::Scenario::fanout().into())?;
        let what = "maps, one writer, 1,000 followers: p99 in ms from writing to receiving";
        let p99 = median(followers.iter().map(|run| run.millis(0.99)));
        self.goal("P18", what, false, 20.0, p99);
        // What it costs hardly differs from run to run, and filling the map takes long.
        let run = self.run_options(Durability::Device);
        let scenario = maps::Scenario::reconcile(1_000_000, vec![10]).into();
        let costs = run_once(&scenario, Target::Syncline, &run)?;
        for (way, questions, bytes) in
            [("cursor", 1.0, 3_000.0), ("buckets", 3.0, 96_000.0), ("range", 3.0, 32_000.0)]
        {
            let cost = |name| costs.of_row(&maps::row(way, 10), name);
            let both = cost("bytes_up").zip(cost("bytes_down")).map(|(up, down)| up + down);
            let what = |figure| format!("maps, 1 M keys, 10 differ, by {way}: {figure}");
            self.goal("P18", what("round trips"), false, questions, cost("round_trips"));
            self.goal("P18", what("bytes both ways"), false, bytes, both);
            self.goal("P18", what("server CPU in ms"), false, 2.0, cost("server_cpu_ms"));
        }
        Ok(())
    }

    /// The oplog against its peers: durable-streams where that is installed, and what was measured of a lists server
    /// on another day, which cannot run here.
    pub(super) fn oplog(&mut self) -> Result<(), Error> {
        let single = oplog::Scenario::push(64, 1).into();
        let singles = if self.options.durable_streams_is_there() {
            let pairs = self.pairs(&single, Durability::Device, Target::DurableStreams)?;
            let what = "oplog, single pushes by 64 clients: rate / durable-streams' appends";
            self.goal("P19", what, true, 0.8, pairs.ratio(per_second));
            pairs.ours(per_second)
        } else {
            median(self.alone(&single)?.iter().map(rate))
        };
        let what = "oplog, single pushes by 64 clients: rate / the recorded lists server's";
        self.goal("P19", what, true, 50.0, singles.map(|rate| rate / LISTS_SERVER_SINGLES));
        let batches = median(self.alone(&oplog::Scenario::push(4, 1_000).into())?.iter().map(rate));
        let what = "oplog, batches of 1,000: operations / the recorded lists server's";
        self.goal("P19", what, true, 5.0, batches.map(|rate| rate / LISTS_SERVER_BATCHED));
        let runs = self.alone(&oplog::Scenario::bootstrap().into())?;
        let millis = median(runs.iter().map(|run| run.millis(0.5)));
        let what = "oplog, bootstrap of 10,500 operations: ms, median of the runs' medians";
        self.goal("P19", what, false, 10.0, millis);
        Ok(())
    }

    /// The workspace dialect, likewise.
    pub(super) fn workspace(&mut self) -> Result<(), Error> {
        let one = workspace::Scenario::fanout(1, 1, 256).into();
        let rate = median(self.alone(&one)?.iter().map(rate));
        let what = "workspace, one writer to one reader, synced: rate / the recorded EtherPly's";
        self.goal("P20", what, true, 10.0, rate.map(|rate| rate / ETHERPLY_RATE));
        Ok(())
    }

    /// The relay of peers: what P10 and P12 ask of the relay dialect, with packets that are stored too. The
    /// yardstick carries frames of the same length.
    pub(super) fn peer(&mut self) -> Result<(), Error> {
        for (subscribers, bytes, asked) in
            [(100, 128, 0.8), (1000, 128, 0.8), (100, 1024, 0.7), (1000, 1024, 0.7)]
        {
            let scenario = peer::Scenario::fanout(subscribers, bytes, 0.0).into();
            let pairs = self.pairs(&scenario, Durability::Os, Target::LimitBcast)?;
            let what =
                format!("peer, fan-out, {subscribers} others, {bytes} B: rate / limit-bcast");
            self.goal("P21", what, true, asked, pairs.ratio(per_second));
        }
        let scenario = peer::Scenario::rooms(1000).into();
        let pairs = self.pairs(&scenario, Durability::Os, Target::LimitBcast)?;
        let rate = pairs.ratio(per_second);
        self.goal("P21", "peer, 1,000 rooms of 2: rate / limit-bcast", true, 0.9, rate);
        let cpu = pairs.ratio(Measured::cpu_per_million);
        self.goal("P21", "peer, 1,000 rooms of 2: CPU / limit-bcast", false, 1.1, cpu);
        let spread = pairs.ours(|run| Some(run.millis(0.99) / run.millis(0.5)));
        self.goal("P21", "peer, 1,000 rooms of 2: p99 / p50", false, 3.0, spread);
        Ok(())
    }
}
