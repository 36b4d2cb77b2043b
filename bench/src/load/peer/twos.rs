//! Participants that talk two by two: each two alone in a room, or all in one room with packets for one.

use super::wire::{Connections, Endpoint, Peer, Run, Said, connections};
use crate::{
    error::Error,
    load::{
        measured::Measured,
        meter::MeterOptions,
        payload::{Payloads, Stamp},
        probe::Probe,
        twos::{self, Heard, RoomsOptions, Talks, TwosOptions},
    },
};

/// The numbers of `unicast`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct UnicastOptions {
    /// Pairs of participants, all in one room
    #[arg(long, default_value_t = Self::default().twos)]
    twos: usize,
    /// Bytes of each payload
    #[arg(long, default_value_t = Self::default().bytes)]
    bytes: usize,
    /// Packets on their way between two
    #[arg(long, default_value_t = Self::default().window)]
    window: u64,
}

impl Default for UnicastOptions {
    fn default() -> Self {
        Self { twos: 50, bytes: 128, window: 1 }
    }
}

/// Runs `rooms`.
pub(super) fn rooms(
    options: &RoomsOptions,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    let options = options.twos().check()?;
    run(options, |link| (link / 2, None), endpoint, (meter, probe))
}

/// Runs `unicast`.
pub(super) fn unicast(
    options: &UnicastOptions,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    let UnicastOptions { twos, bytes, window } = *options;
    let options = TwosOptions { twos, bytes, window }.check()?;
    run(options, |link| (0, Some(link ^ 1)), endpoint, (meter, probe))
}

fn run(
    options: TwosOptions,
    place: impl Fn(usize) -> (usize, Option<usize>),
    endpoint: &Endpoint,
    meter: (&MeterOptions, Option<&Probe>),
) -> Result<Measured, Error> {
    let mut connections = connections(endpoint)?;
    let plan = (0..options.twos * 2).map(place);
    let links = Run::new(endpoint).join(&mut connections, plan)?;
    twos::run(options, &mut connections, &links, meter)
}

impl Talks for Peer {
    fn talk(sockets: &mut Connections, link: usize, payloads: &mut Payloads, stamp: Stamp) {
        let packet = sockets.wire().packet(stamp.counter, payloads.make(stamp));
        sockets.say(link, &packet);
    }

    fn heard(&self, message: &Said<'_>, payloads: &Payloads) -> Heard {
        match message {
            Said::Packet(payload) => payloads.check(payload).map_or(Heard::Wrong, |stamp| {
                // Packets have no numbers of the server's.
                Heard::Other { stamp, sequence: stamp.counter + 1 }
            }),
            Said::Join => Heard::Aside,
            Said::Welcome => Heard::Wrong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{drive::Load, payload::BYTES_MIN, sockets::Handler};

    #[test]
    fn packets_of_the_other_in_order_are_answered_and_others_are_violations() {
        let endpoint =
            Endpoint { address: ([127, 0, 0, 1], 1).into(), secret: "s".into(), stored: true };
        let mut sockets = connections(&endpoint).unwrap();
        let mut load = twos::one_two(&sockets);
        let mut payloads = Payloads::new(BYTES_MIN);
        let mut got = |counter| {
            let message = Said::Packet(payloads.make(Stamp { sent: 0, counter }));
            load.message(&mut sockets, 1, message, 5).is_ok()
        };
        assert!(got(0) && got(1));
        assert!(!got(1), "one twice");
        assert!(!got(3), "one was left out");
        assert!(load.message(&mut sockets, 1, Said::Join, 5).is_ok());
        assert!(load.message(&mut sockets, 1, Said::Welcome, 5).is_err());
        assert_eq!(load.pending(), 3);
    }
}
