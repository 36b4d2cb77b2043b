//! `fanout` of workspaces: one writer, the others read. With one reader each, it is the plain rate of operations.

use std::time::{SystemTime, UNIX_EPOCH};

use super::wire::{Connections, Endpoint, Joining, Op, Said, Workspace, connections};
use crate::{
    error::Error,
    load::{
        fanout::{self, FanoutOptions, Fans},
        measured::Measured,
        meter::MeterOptions,
        payload::{Payloads, Stamp, TEXT_BYTES_MIN},
        probe::Probe,
    },
};

/// Keys that a writer sets in turn.
const KEYS: u64 = 1_000;

/// Timestamps of a run begin here, so that they look like an app's: microseconds of the year 2026.
const FIRST_TIMESTAMP: u64 = 1_780_000_000_000_000;

/// Runs the scenario.
pub(super) fn run(
    options: &FanoutOptions,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    fanout::check(options, TEXT_BYTES_MIN)?;
    let mut connections = connections(endpoint)?;
    let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let places = fanout::plan(options).map(|room| format!("bench-{run:x}-{room}"));
    let links = connections.open(places, &mut Joining::default())?;
    let payloads = Payloads::text(options.bytes);
    fanout::run(options, &mut connections, &links, payloads, (meter, probe))
}

fn key_and_time(counter: u64) -> (u64, u64) {
    (counter % KEYS, FIRST_TIMESTAMP + counter)
}

impl Fans for Workspace {
    fn publish(sockets: &mut Connections, link: usize, payloads: &mut Payloads, stamp: Stamp) {
        let (key, timestamp) = key_and_time(stamp.counter);
        sockets.say(link, &Op { key, value: payloads.make(stamp), timestamp });
    }

    fn carried(
        &self,
        message: &Said<'_>,
        payloads: &Payloads,
        counter: u64,
        each: impl FnMut(Stamp),
    ) -> bool {
        match message {
            Said::Op(op) if (op.key, op.timestamp) == key_and_time(counter) => {
                payloads.check(op.value).map(each).is_some()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{drive::Load, sockets::Handler};

    #[test]
    fn operations_in_order_count_and_anything_else_is_a_violation() {
        let endpoint = Endpoint { address: ([127, 0, 0, 1], 1).into(), token: "t".into() };
        let mut sockets = connections(&endpoint).unwrap();
        let mut load = fanout::one_subscriber(&sockets, Payloads::text(TEXT_BYTES_MIN));
        let mut got = |link, counter, timestamp| {
            let mut payloads = Payloads::text(TEXT_BYTES_MIN);
            let value = payloads.make(Stamp { sent: 0, counter });
            let op = Op { key: counter % KEYS, value, timestamp: FIRST_TIMESTAMP + timestamp };
            load.message(&mut sockets, link, Said::Op(op), 5).is_ok()
        };
        assert!(got(1, 0, 0) && got(1, 1, 1));
        assert!(!got(0, 2, 2), "the writer got its own");
        assert!(!got(1, 2, 3), "a wrong time");
        assert!(!got(1, 4, 4), "one was left out");
        assert_eq!(load.pending(), 8);
    }
}
