//! `rooms`: many rooms of two. A message goes back and forth in each, or several at a time.

use std::time::Duration;

use super::{
    joining::{self, Names},
    wire::{Endpoint, Net, Relay, net},
};
use crate::{
    error::Error,
    load::{
        drive::{Load, WAIT_MAX, drive},
        measured::Measured,
        meter::{Meter, MeterOptions},
        payload::{BYTES_MIN, Payloads, Stamp},
        probe::Probe,
        sockets::Handler,
    },
    wire::message::{ClientMessage, ServerMessage},
};

/// The numbers of `rooms`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RoomsOptions {
    /// Rooms of two
    #[arg(long, default_value_t = Self::default().rooms)]
    pub(crate) rooms: usize,
    /// Bytes of each payload
    #[arg(long, default_value_t = Self::default().bytes)]
    pub(crate) bytes: usize,
    /// Messages on their way in each room
    #[arg(long, default_value_t = Self::default().window)]
    pub(crate) window: u64,
}

impl Default for RoomsOptions {
    fn default() -> Self {
        Self { rooms: 1000, bytes: 128, window: 1 }
    }
}

#[derive(Default)]
struct Member {
    sent: u64,
    received: u64,
    sequence: u64,
    /// Messages it may send now.
    may_send: u64,
}

struct Rooms {
    /// By link; the two of a room are neighbours.
    members: Vec<Member>,
    /// Links that may send.
    due: Vec<usize>,
    payloads: Payloads,
    meter: Meter,
}

/// Runs the scenario.
pub(super) fn run(
    options: &RoomsOptions,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    if options.rooms == 0 || options.window == 0 {
        return Err(Error::Usage("--rooms and --window must not be 0".into()));
    }
    if options.bytes < BYTES_MIN {
        return Err(Error::Usage(format!("--bytes must be at least {BYTES_MIN}")));
    }
    let mut net = net(endpoint)?;
    let plan = (0..options.rooms * 2).map(|link| link / 2);
    let links = joining::join(&mut net, Names::new(), plan, false)?;
    let (measured, _) = drive(&mut net, meter, probe, "deliveries", |meter| Rooms {
        members: links
            .iter()
            .map(|link| Member {
                may_send: if link % 2 == 0 { options.window } else { 0 },
                ..Member::default()
            })
            .collect(),
        due: links.iter().copied().step_by(2).collect(),
        payloads: Payloads::new(options.bytes),
        meter,
    })?;
    Ok(measured)
}

impl Load for Rooms {
    type Links = Net;

    fn refill(&mut self, net: &mut Net) -> Duration {
        let sent = net.now();
        for link in self.due.drain(..) {
            let member = &mut self.members[link];
            for _ in 0..std::mem::take(&mut member.may_send) {
                let payload = self.payloads.make(Stamp { sent, counter: member.sent });
                member.sent += 1;
                net.say(link, &ClientMessage::Submit { id: member.sent, payload });
            }
        }
        WAIT_MAX
    }

    fn turn(&mut self, net: &mut Net, wait: Duration) -> Result<(), Error> {
        net.turn(wait, self)
    }

    fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    fn pending(&self) -> u64 {
        let sent: u64 = self.members.iter().map(|member| member.sent).sum();
        let received: u64 = self.members.iter().map(|member| member.received).sum();
        sent - received
    }
}

impl Handler<Relay> for Rooms {
    fn message(
        &mut self,
        _net: &mut Net,
        link: usize,
        message: ServerMessage<'_>,
        now: u64,
    ) -> Result<(), Error> {
        let ServerMessage::Change { sequence, payload } = message else {
            return Err(Error::Violation(format!("connection {link} got {message:?}")));
        };
        let member = &mut self.members[link];
        match self.payloads.check(payload) {
            Some(stamp) if stamp.counter == member.received && sequence > member.sequence => {
                member.received += 1;
                member.sequence = sequence;
                if member.may_send == 0 {
                    self.due.push(link);
                }
                member.may_send += 1;
                self.meter.record(now.saturating_sub(stamp.sent), 1);
                Ok(())
            }
            found => Err(Error::Violation(format!(
                "connection {link} expected its peer's change {} after sequence {} and got \
                 sequence {sequence}, {found:?}",
                member.received, member.sequence
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::relay::wire::Framing;

    #[test]
    fn the_peers_changes_in_order_are_answered_and_others_are_violations() {
        let address = ([127, 0, 0, 1], 1).into();
        let endpoint = Endpoint { address, path: "/sync".into(), framing: Framing::Binary };
        let mut net = net(&endpoint).unwrap();
        let options = MeterOptions { warmup: 0.0, seconds: 1.0 };
        let meter = Meter::new(&options, net.as_ref(), None);
        let members = vec![Member { sent: 5, ..Member::default() }, Member::default()];
        let mut rooms =
            Rooms { members, due: Vec::new(), payloads: Payloads::new(BYTES_MIN), meter };
        let mut got = |sequence, counter| {
            let payload = Payloads::new(BYTES_MIN).make(Stamp { sent: 0, counter }).to_vec();
            let message = ServerMessage::Change { sequence, payload: &payload };
            rooms.message(&mut net, 1, message, 7).is_ok()
        };
        assert!(got(1, 0));
        assert!(got(4, 1), "its own changes take numbers too");
        assert!(!got(4, 2), "a number twice");
        assert!(!got(5, 3), "one of the peer's was left out");
        assert_eq!((rooms.pending(), rooms.due.len()), (3, 1));
        assert_eq!(rooms.members[1].may_send, 2);
    }
}
