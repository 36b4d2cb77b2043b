//! Twos: links that talk to each other two by two. A message goes back and forth between them, or several
//! at a time.
//!
//! The same for every dialect over WebSocket: how one talks to the other is said by [`Talks`].

use std::{marker::PhantomData, time::Duration};

use super::{
    drive::{Load, WAIT_MAX, drive},
    measured::Measured,
    meter::{Meter, MeterOptions},
    payload::{BYTES_MIN, Payloads, Stamp},
    probe::Probe,
    sockets::{Handler, Sockets, Wire},
};
use crate::error::Error;

/// How two links of a dialect talk to each other.
pub(super) trait Talks: Wire + Sized {
    /// Sends the payload with this stamp to the other.
    fn talk(sockets: &mut Sockets<Self>, link: usize, payloads: &mut Payloads, stamp: Stamp);

    /// What a message is to who gets it.
    fn heard(&self, message: &Self::In<'_>, payloads: &Payloads) -> Heard;
}

/// What a message is to who gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Something that the other sent, and a number that is higher with each.
    Other {
        /// What the payload says.
        stamp: Stamp,
        /// Higher than the one before; the first is at least 1.
        sequence: u64,
    },
    /// Something else that may come.
    Aside,
    /// Nothing that may come.
    Wrong,
}

/// The numbers of twos.
#[derive(Clone, Copy, Debug)]
pub(super) struct TwosOptions {
    /// How many twos
    pub(super) twos: usize,
    /// Bytes of each payload
    pub(super) bytes: usize,
    /// Messages on their way between two
    pub(super) window: u64,
}

impl TwosOptions {
    /// Checks the numbers.
    pub(super) fn check(self) -> Result<Self, Error> {
        if self.twos == 0 || self.window == 0 {
            let what = "the number of rooms or pairs, and --window, must not be 0";
            return Err(Error::Usage(what.into()));
        }
        if self.bytes < BYTES_MIN {
            return Err(Error::Usage(format!("--bytes must be at least {BYTES_MIN}")));
        }
        Ok(self)
    }
}

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

impl RoomsOptions {
    /// The two of each room.
    pub(super) fn twos(&self) -> TwosOptions {
        TwosOptions { twos: self.rooms, bytes: self.bytes, window: self.window }
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

struct Twos<W> {
    /// By link; the two that talk are neighbours.
    members: Vec<Member>,
    /// Links that may send.
    due: Vec<usize>,
    payloads: Payloads,
    meter: Meter,
    wire: PhantomData<W>,
}

/// Runs the scenario on links of which each two neighbours talk to each other.
pub(super) fn run<W: Talks>(
    options: TwosOptions,
    sockets: &mut Sockets<W>,
    links: &[usize],
    (meter, probe): (&MeterOptions, Option<&Probe>),
) -> Result<Measured, Error> {
    let (measured, _) = drive(sockets, meter, probe, "deliveries", |meter| Twos {
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
        wire: PhantomData,
    })?;
    Ok(measured)
}

impl<W: Talks> Load for Twos<W> {
    type Links = Sockets<W>;

    fn refill(&mut self, sockets: &mut Sockets<W>) -> Duration {
        let sent = sockets.now();
        for link in self.due.drain(..) {
            let member = &mut self.members[link];
            for _ in 0..std::mem::take(&mut member.may_send) {
                let stamp = Stamp { sent, counter: member.sent };
                W::talk(sockets, link, &mut self.payloads, stamp);
                member.sent += 1;
            }
        }
        WAIT_MAX
    }

    fn turn(&mut self, sockets: &mut Sockets<W>, wait: Duration) -> Result<(), Error> {
        sockets.turn(wait, self)
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

impl<W: Talks> Handler<W> for Twos<W> {
    fn message(
        &mut self,
        sockets: &mut Sockets<W>,
        link: usize,
        message: W::In<'_>,
        now: u64,
    ) -> Result<(), Error> {
        let member = &mut self.members[link];
        match sockets.wire().heard(&message, &self.payloads) {
            Heard::Aside => Ok(()),
            Heard::Other { stamp, sequence }
                if stamp.counter == member.received && sequence > member.sequence =>
            {
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
                "connection {link} expected the other's message {} after sequence {} and got \
                 {found:?}",
                member.received, member.sequence
            ))),
        }
    }
}

/// Two links: 0 has sent five messages, and 1 has received none.
#[cfg(test)]
pub(super) fn one_two<W: Talks>(
    sockets: &Sockets<W>,
) -> impl Load<Links = Sockets<W>> + Handler<W> + use<W> {
    let options = MeterOptions { warmup: 0.0, seconds: 1.0 };
    Twos {
        members: vec![Member { sent: 5, ..Member::default() }, Member::default()],
        due: Vec::new(),
        payloads: Payloads::new(BYTES_MIN),
        meter: Meter::new(&options, sockets.as_ref(), None),
        wire: PhantomData,
    }
}
