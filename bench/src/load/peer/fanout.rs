//! `fanout` of peer rooms: one participant sends, all others receive.

use super::wire::{Connections, Endpoint, Peer, Run, Said, connections};
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

/// Runs the scenario.
pub(super) fn run(
    options: &FanoutOptions,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    fanout::check(options, BYTES_MIN)?;
    let mut connections = connections(endpoint)?;
    let plan = fanout::plan(options).map(|room| (room, None));
    let links = Run::new(endpoint).join(&mut connections, plan)?;
    let payloads = Payloads::new(options.bytes);
    fanout::run(options, &mut connections, &links, payloads, (meter, probe))
}

impl Fans for Peer {
    fn publish(sockets: &mut Connections, link: usize, payloads: &mut Payloads, stamp: Stamp) {
        let packet = sockets.wire().packet(stamp.counter, payloads.make(stamp));
        sockets.say(link, &packet);
    }

    fn carried(
        &self,
        message: &Said<'_>,
        payloads: &Payloads,
        _counter: u64,
        each: impl FnMut(Stamp),
    ) -> bool {
        match message {
            Said::Packet(payload) => payloads.check(payload).map(each).is_some(),
            // The last ones came when everybody was in.
            Said::Join => true,
            Said::Welcome => false,
        }
    }

    fn accepts_publishing(&self, message: &Said<'_>) -> bool {
        *message == Said::Join
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{drive::Load, sockets::Handler};

    #[test]
    fn packets_in_order_count_and_anything_else_is_a_violation() {
        let endpoint =
            Endpoint { address: ([127, 0, 0, 1], 1).into(), secret: "s".into(), stored: true };
        let mut sockets = connections(&endpoint).unwrap();
        let mut load = fanout::one_subscriber(&sockets, Payloads::new(BYTES_MIN));
        let mut payloads = Payloads::new(BYTES_MIN);
        let mut got = |link, counter| {
            let message = Said::Packet(payloads.make(Stamp { sent: 0, counter }));
            load.message(&mut sockets, link, message, 5).is_ok()
        };
        assert!(got(1, 0) && got(1, 1));
        assert!(!got(0, 2), "the sender got its own");
        for (link, message, is_right) in
            [(0, Said::Join, true), (1, Said::Join, true), (1, Said::Welcome, false)]
        {
            assert_eq!(load.message(&mut sockets, link, message, 5).is_ok(), is_right);
        }
        assert_eq!(load.pending(), 8);
        let message = Said::Packet(payloads.make(Stamp { sent: 0, counter: 3 }));
        assert!(load.message(&mut sockets, 1, message, 5).is_err(), "one was left out");
    }
}
