//! `rooms` of the relay: many rooms of two.

use super::{
    joining::{self, Names},
    wire::{Endpoint, Net, Relay, net},
};
use crate::{
    error::Error,
    load::{
        measured::Measured,
        meter::MeterOptions,
        payload::{Payloads, Stamp},
        probe::Probe,
        twos::{self, Heard, RoomsOptions, Talks},
    },
    wire::message::{ClientMessage, ServerMessage},
};

/// Runs the scenario.
pub(super) fn run(
    options: &RoomsOptions,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    let options = options.twos().check()?;
    let mut net = net(endpoint)?;
    let plan = (0..options.twos * 2).map(|link| link / 2);
    let links = joining::join(&mut net, Names::new(), plan, false)?;
    twos::run(options, &mut net, &links, (meter, probe))
}

impl Talks for Relay {
    fn talk(net: &mut Net, link: usize, payloads: &mut Payloads, stamp: Stamp) {
        let payload = payloads.make(stamp);
        net.say(link, &ClientMessage::Submit { id: stamp.counter + 1, payload });
    }

    fn heard(&self, message: &ServerMessage<'_>, payloads: &Payloads) -> Heard {
        let ServerMessage::Change { sequence, payload } = *message else { return Heard::Wrong };
        payloads.check(payload).map_or(Heard::Wrong, |stamp| Heard::Other { stamp, sequence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{drive::Load, payload::BYTES_MIN, relay::wire::Framing, sockets::Handler};

    #[test]
    fn the_peers_changes_in_order_are_answered_and_others_are_violations() {
        let address = ([127, 0, 0, 1], 1).into();
        let endpoint = Endpoint { address, path: "/sync".into(), framing: Framing::Binary };
        let mut net = net(&endpoint).unwrap();
        let mut rooms = twos::one_two(&net);
        let mut got = |sequence, counter| {
            let payload = Payloads::new(BYTES_MIN).make(Stamp { sent: 0, counter }).to_vec();
            let message = ServerMessage::Change { sequence, payload: &payload };
            rooms.message(&mut net, 1, message, 7).is_ok()
        };
        assert!(got(1, 0));
        assert!(got(4, 1), "its own changes take numbers too");
        assert!(!got(4, 2), "a number twice");
        assert!(!got(5, 3), "one of the peer's was left out");
        assert_eq!(rooms.pending(), 3);
        let message = ServerMessage::CaughtUp { sequence: 5 };
        assert!(rooms.message(&mut net, 1, message, 7).is_err());
    }
}
