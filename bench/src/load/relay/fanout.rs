//! `fanout` of the relay.

use super::{
    joining::{self, Names},
    wire::{Endpoint, Net, Relay, net},
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
    wire::message::{ClientMessage, ServerMessage},
};

/// Runs the scenario.
pub(super) fn run(
    options: &FanoutOptions,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    fanout::check(options, BYTES_MIN)?;
    let mut net = net(endpoint)?;
    let links = joining::join(&mut net, Names::new(), fanout::plan(options), false)?;
    let payloads = Payloads::new(options.bytes);
    fanout::run(options, &mut net, &links, payloads, (meter, probe))
}

impl Fans for Relay {
    fn publish(net: &mut Net, link: usize, payloads: &mut Payloads, stamp: Stamp) {
        let payload = payloads.make(stamp);
        net.say(link, &ClientMessage::Submit { id: stamp.counter + 1, payload });
    }

    fn carried(
        &self,
        message: &ServerMessage<'_>,
        payloads: &Payloads,
        counter: u64,
        each: impl FnMut(Stamp),
    ) -> bool {
        match *message {
            ServerMessage::Change { sequence, payload } if sequence == counter + 1 => {
                payloads.check(payload).map(each).is_some()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{drive::Load, relay::wire::Framing, sockets::Handler};

    fn relay() -> Net {
        let address = ([127, 0, 0, 1], 1).into();
        net(&Endpoint { address, path: "/sync".into(), framing: Framing::Binary }).unwrap()
    }

    fn change(counter: u64) -> Vec<u8> {
        Payloads::new(BYTES_MIN).make(Stamp { sent: 0, counter }).to_vec()
    }

    #[test]
    fn changes_in_order_count_and_anything_else_is_a_violation() {
        let mut net = relay();
        let mut load = fanout::one_subscriber(&net, Payloads::new(BYTES_MIN));
        let mut got = |link, sequence, counter| {
            let payload = change(counter);
            let message = ServerMessage::Change { sequence, payload: &payload };
            load.message(&mut net, link, message, 5).is_ok()
        };
        assert!(got(1, 1, 0));
        assert!(got(1, 2, 1));
        assert!(!got(0, 3, 2), "the publisher got its own");
        assert!(!got(1, 4, 3), "one was left out");
        assert_eq!(load.pending(), 8);
    }

    #[test]
    fn a_wrong_payload_is_a_violation() {
        let mut net = relay();
        let mut load = fanout::one_subscriber(&net, Payloads::new(BYTES_MIN));
        let payload = &change(0)[1..];
        let message = ServerMessage::Change { sequence: 1, payload };
        assert!(load.message(&mut net, 1, message, 5).is_err());
    }
}
