//! `fanout` of maps: one writer of each map, and many who are told what it writes.

use bytes::Bytes;
use syncline_protocol::dialects::maps::proto::{Envelope, OperationMessage, envelope::Payload};

use super::{
    records::{key, new_map, now_ms},
    wire::{self, Connections, Coordinator, Endpoint, Place, envelope},
};
use crate::{
    error::Error,
    load::{
        fanout::{self, FanoutOptions, Fans},
        measured::Measured,
        meter::MeterOptions,
        payload::{BYTES_MIN, Payloads, Stamp},
        probe::Probe,
    },
};

/// Keys that a writer sets in turn: more than wait anywhere at once, so that none is overtaken.
const KEYS: u64 = 1_000_000;

/// The numbers of `fanout`, where writing is even.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FollowersOptions {
    /// Maps
    #[arg(long, default_value_t = Self::default().maps)]
    maps: usize,
    /// Followers of each map, its writer not counted
    #[arg(long, default_value_t = Self::default().subscribers)]
    subscribers: usize,
    /// Bytes of each value
    #[arg(long, default_value_t = Self::default().bytes)]
    bytes: usize,
    /// Operations of a map that may be on their way at the same time, with --rate 0
    #[arg(long, default_value_t = Self::default().window)]
    window: u64,
    /// Deliveries per second of all maps together, evenly spaced; 0 for as many as the window allows
    #[arg(long, default_value_t = Self::default().rate)]
    rate: f64,
}

impl Default for FollowersOptions {
    fn default() -> Self {
        Self { maps: 1, subscribers: 1_000, bytes: 128, window: 64, rate: 100_000.0 }
    }
}

/// Runs the scenario.
pub(super) fn run(
    options: &FollowersOptions,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    let FollowersOptions { maps: rooms, subscribers, bytes, window, rate } = *options;
    let options = FanoutOptions { rooms, subscribers, bytes, window, rate };
    fanout::check(&options, BYTES_MIN)?;
    let mut sockets = wire::connections(endpoint)?;
    let run = new_map();
    let places = fanout::plan(&options).enumerate().map(|(link, room)| {
        let map = format!("{run}-{room}");
        if link % (subscribers + 1) == 0 {
            // Its node's name is the map's, so that the operations can be told from it.
            Place::writer(map)
        } else {
            Place::follower(map)
        }
    });
    let links = wire::open(&mut sockets, places)?;
    let payloads = Payloads::new(bytes);
    fanout::run(&options, &mut sockets, &links, payloads, (meter, probe))
}

impl Fans for Coordinator {
    fn publish(sockets: &mut Connections, link: usize, payloads: &mut Payloads, stamp: Stamp) {
        let map = sockets.place(link).node.clone();
        let op = OperationMessage {
            key: key(stamp.counter % KEYS),
            value: Bytes::copy_from_slice(payloads.make(stamp)),
            timestamp: format!("{}:{}:{map}", now_ms(), stamp.counter),
            map_name: map,
            ..OperationMessage::default()
        };
        sockets.say(link, &envelope(Payload::Op(op)));
    }

    fn carried(
        &self,
        message: &Envelope,
        payloads: &Payloads,
        counter: u64,
        mut each: impl FnMut(Stamp),
    ) -> bool {
        let Some(Payload::Batch(batch)) = &message.payload else { return false };
        let mut right = !batch.ops.is_empty() && batch.cursor != batch.prev_cursor;
        for (counter, op) in (counter..).zip(&batch.ops) {
            let stamp = payloads.check(&op.value).filter(|_| op.key == key(counter % KEYS));
            right &= stamp.map(&mut each).is_some();
        }
        right
    }

    fn accepts_publishing(&self, message: &Envelope) -> bool {
        matches!(&message.payload, Some(Payload::Ack(ack)) if ack.results.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use syncline_protocol::dialects::maps::proto::{Ack, OperationBatch};

    use super::*;
    use crate::load::{drive::Load, sockets::Handler};

    fn batch(counters: &[u64]) -> Envelope {
        let ops = counters.iter().map(|&counter| OperationMessage {
            key: key(counter),
            value: Payloads::new(BYTES_MIN).make(Stamp { sent: 0, counter }).to_vec().into(),
            ..OperationMessage::default()
        });
        let (ops, cursor) = (ops.collect(), Bytes::from_static(b"c"));
        envelope(Payload::Batch(OperationBatch { ops, cursor, ..OperationBatch::default() }))
    }

    #[test]
    fn batches_in_order_count_and_anything_else_is_a_violation() {
        let endpoint =
            Endpoint { address: ([127, 0, 0, 1], 1).into(), token: "t".into(), durable: true };
        let load = || {
            let sockets = wire::connections(&endpoint).unwrap();
            let load = fanout::one_subscriber(&sockets, Payloads::new(BYTES_MIN));
            (sockets, load)
        };
        let (mut sockets, mut right) = load();
        let taken = envelope(Payload::Ack(Ack { applied: 1, ..Ack::default() }));
        for (link, message) in [(1, batch(&[0])), (0, taken), (1, batch(&[1, 2, 3]))] {
            right.message(&mut sockets, link, message, 5).unwrap();
        }
        assert_eq!(right.pending(), 6);
        for (link, counters) in [(0, [0, 1]), (1, [0, 2]), (1, [1, 2]), (1, [0, 0])] {
            let (mut sockets, mut load) = load();
            assert!(load.message(&mut sockets, link, batch(&counters), 5).is_err(), "{counters:?}");
        }
    }
}
