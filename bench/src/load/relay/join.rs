//! `join`: one room is filled, then joined from its beginning again and again, one join at a time.

use std::time::Duration;

use super::{
    joining::{self, Names},
    wire::{Endpoint, Framing, Net, Relay, net},
};
use crate::{
    error::Error,
    latency,
    load::{
        drive::WAIT_MAX,
        measured::Measured,
        payload::{BYTES_MIN, Payloads, Stamp},
        probe::Probe,
        sockets::Handler,
        usage::Usage,
    },
    wire::message::{ClientMessage, ServerMessage},
};

const FILL_WINDOW: u64 = 1024;
const STEP_TIMEOUT: Duration = Duration::from_secs(120);

/// The numbers of `join`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct JoinOptions {
    /// Changes the room holds
    #[arg(long, default_value_t = Self::default().changes)]
    pub(crate) changes: u64,
    /// Bytes of each payload
    #[arg(long, default_value_t = Self::default().bytes)]
    pub(crate) bytes: usize,
    /// Joins to time
    #[arg(long, default_value_t = Self::default().joins)]
    pub(crate) joins: usize,
}

impl Default for JoinOptions {
    fn default() -> Self {
        Self { changes: 100_000, bytes: 128, joins: 20 }
    }
}

/// Fills the room: submits within a window until all are accepted.
struct Fill {
    accepted: u64,
}

/// One join: counts what arrives.
struct Replay<'a> {
    payloads: &'a Payloads,
    changes: u64,
    received: u64,
    opened: bool,
    caught_up: bool,
    finished: u64,
}

/// Runs the scenario. A join is timed from the hello to `CaughtUp`, or, in the JSON framing, to the last change.
pub(super) fn run(
    options: &JoinOptions,
    endpoint: &Endpoint,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    if options.changes == 0 || options.joins == 0 {
        return Err(Error::Usage("--changes and --joins must not be 0".into()));
    }
    if options.bytes < BYTES_MIN {
        return Err(Error::Usage(format!("--bytes must be at least {BYTES_MIN}")));
    }
    let mut net = net(endpoint)?;
    let names = Names::new();
    let mut payloads = Payloads::new(options.bytes);
    fill(&mut net, names, options.changes, &mut payloads)?;

    // The first join finds the caches cold; it is not counted.
    replay(&mut net, names, options.changes, &payloads)?;
    let usage = Usage::open(net.as_ref(), probe)?;
    let mut took = latency::histogram();
    for _ in 0..options.joins {
        let nanos = replay(&mut net, names, options.changes, &payloads)?;
        latency::record(&mut took, Duration::from_nanos(nanos));
    }
    usage.close(net.as_ref(), "joins", options.joins as u64, took)
}

fn fill(net: &mut Net, names: Names, changes: u64, payloads: &mut Payloads) -> Result<(), Error> {
    let writer = joining::join(net, names, [0], true)?[0];
    let mut fill = Fill { accepted: 0 };
    let mut sent = 0;
    let deadline = net.now() + STEP_TIMEOUT.as_nanos() as u64;
    while fill.accepted < changes {
        while sent < changes && sent - fill.accepted < FILL_WINDOW {
            let payload = payloads.make(Stamp { sent: 0, counter: sent });
            sent += 1;
            net.say(writer, &ClientMessage::Submit { id: sent, payload });
        }
        net.turn(WAIT_MAX, &mut fill)?;
        if net.now() > deadline {
            return Err(Error::Server(format!("{} of {changes} accepted", fill.accepted)));
        }
    }
    net.close(writer);
    Ok(())
}

/// Joins once and returns the nanoseconds it took.
fn replay(net: &mut Net, names: Names, changes: u64, payloads: &Payloads) -> Result<u64, Error> {
    let link = net.connect(names.room(0))?;
    let mut replay =
        Replay { payloads, changes, received: 0, opened: false, caught_up: false, finished: 0 };
    let deadline = net.now() + STEP_TIMEOUT.as_nanos() as u64;
    let mut start = 0;
    while !replay.caught_up {
        if replay.opened && start == 0 {
            joining::hello(net, names, link, false);
            start = net.now();
        }
        net.turn(WAIT_MAX, &mut replay)?;
        if net.now() > deadline {
            let received = replay.received;
            return Err(Error::Violation(format!("a join got {received} of {changes} changes")));
        }
    }
    net.close(link);
    Ok(replay.finished - start)
}

impl Handler<Relay> for Fill {
    fn message(
        &mut self,
        _net: &mut Net,
        _link: usize,
        message: ServerMessage<'_>,
        _now: u64,
    ) -> Result<(), Error> {
        match message {
            ServerMessage::Accepted { id, .. } => {
                self.accepted = id;
                Ok(())
            }
            other => Err(Error::Violation(format!("the writer got {other:?}"))),
        }
    }
}

impl Handler<Relay> for Replay<'_> {
    fn opened(&mut self, _net: &mut Net, _link: usize) -> Result<(), Error> {
        self.opened = true;
        Ok(())
    }

    fn message(
        &mut self,
        net: &mut Net,
        _link: usize,
        message: ServerMessage<'_>,
        _now: u64,
    ) -> Result<(), Error> {
        match message {
            ServerMessage::Change { sequence, payload } => {
                let stamp = self.payloads.check(payload);
                let counter = self.received;
                self.received += 1;
                if stamp.map(|stamp| stamp.counter) != Some(counter) || sequence != counter + 1 {
                    return Err(Error::Violation(format!(
                        "a join expected change {} and got sequence {sequence}, {stamp:?}",
                        counter + 1
                    )));
                }
                self.caught_up =
                    net.wire().framing() == Framing::Json && self.received == self.changes;
            }
            ServerMessage::CaughtUp { sequence }
                if sequence == self.changes && self.received == self.changes =>
            {
                self.caught_up = true;
            }
            other => {
                let received = self.received;
                return Err(Error::Violation(format!("a join with {received} got {other:?}")));
            }
        }
        if self.caught_up {
            self.finished = net.now();
        }
        Ok(())
    }
}
