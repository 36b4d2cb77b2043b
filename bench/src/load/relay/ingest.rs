//! `ingest`: writers that wait for their acknowledgements, each in a room of its own.

use std::{collections::VecDeque, time::Duration};

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

/// The numbers of `ingest`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct IngestOptions {
    /// Writers
    #[arg(long, default_value_t = Self::default().connections)]
    pub(crate) connections: usize,
    /// Submits of each that may wait for their acknowledgement
    #[arg(long, default_value_t = Self::default().window)]
    pub(crate) window: u64,
    /// Bytes of each payload
    #[arg(long, default_value_t = Self::default().bytes)]
    pub(crate) bytes: usize,
}

impl Default for IngestOptions {
    fn default() -> Self {
        Self { connections: 64, window: 64, bytes: 128 }
    }
}

#[derive(Default)]
struct Writer {
    sent: u64,
    accepted: u64,
    /// What was sent together: the last id and when.
    waiting: VecDeque<(u64, u64)>,
}

struct Ingest {
    /// By link.
    writers: Vec<Writer>,
    /// Links whose window is not full.
    due: Vec<usize>,
    window: u64,
    payloads: Payloads,
    meter: Meter,
}

/// Runs the scenario.
pub(super) fn run(
    options: &IngestOptions,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    if options.connections == 0 || options.window == 0 {
        return Err(Error::Usage("--connections and --window must not be 0".into()));
    }
    if options.bytes < BYTES_MIN {
        return Err(Error::Usage(format!("--bytes must be at least {BYTES_MIN}")));
    }
    let mut net = net(endpoint)?;
    let links = joining::join(&mut net, Names::new(), 0..options.connections, true)?;
    let (measured, _) = drive(&mut net, meter, probe, "acknowledgements", |meter| Ingest {
        writers: links.iter().map(|_| Writer::default()).collect(),
        due: links,
        window: options.window,
        payloads: Payloads::new(options.bytes),
        meter,
    })?;
    Ok(measured)
}

impl Load for Ingest {
    type Links = Net;

    fn refill(&mut self, net: &mut Net) -> Duration {
        let sent = net.now();
        for link in self.due.drain(..) {
            let writer = &mut self.writers[link];
            while writer.sent - writer.accepted < self.window {
                let payload = self.payloads.make(Stamp { sent, counter: writer.sent });
                writer.sent += 1;
                net.say(link, &ClientMessage::Submit { id: writer.sent, payload });
            }
            writer.waiting.push_back((writer.sent, sent));
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
        self.writers.iter().map(|writer| writer.sent - writer.accepted).sum()
    }
}

impl Handler<Relay> for Ingest {
    fn message(
        &mut self,
        _net: &mut Net,
        link: usize,
        message: ServerMessage<'_>,
        now: u64,
    ) -> Result<(), Error> {
        let writer = &mut self.writers[link];
        let id = match message {
            // The only writer of a new room: a submit's number is its place in the log.
            ServerMessage::Accepted { id, sequence }
                if id == sequence && id > writer.accepted && id <= writer.sent =>
            {
                id
            }
            other => {
                return Err(Error::Violation(format!(
                    "connection {link} with {} sent and {} accepted got {other:?}",
                    writer.sent, writer.accepted
                )));
            }
        };
        if writer.sent - writer.accepted == self.window {
            self.due.push(link);
        }
        while let Some(&(last, sent)) = writer.waiting.front() {
            let covered = id.min(last) - writer.accepted;
            self.meter.record(now.saturating_sub(sent), covered);
            writer.accepted += covered;
            if last > id {
                break;
            }
            writer.waiting.pop_front();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::relay::wire::Framing;

    /// One writer with a window of 4 that sent 4 at time 0, and a net that sends nowhere.
    fn full_window() -> (Net, Ingest) {
        let address = ([127, 0, 0, 1], 1).into();
        let endpoint = Endpoint { address, path: "/sync".into(), framing: Framing::Binary };
        let net = net(&endpoint).unwrap();
        let options = MeterOptions { warmup: 0.0, seconds: 1.0 };
        let meter = Meter::new(&options, net.as_ref(), None);
        let writer = Writer { sent: 4, accepted: 0, waiting: VecDeque::from([(4, 0)]) };
        let payloads = Payloads::new(BYTES_MIN);
        (net, Ingest { writers: vec![writer], due: Vec::new(), window: 4, payloads, meter })
    }

    fn accept(net: &mut Net, ingest: &mut Ingest, id: u64, sequence: u64) -> bool {
        ingest.message(net, 0, ServerMessage::Accepted { id, sequence }, 7).is_ok()
    }

    #[test]
    fn an_acknowledgement_covers_all_before_it_and_opens_the_window_once() {
        let (mut net, mut ingest) = full_window();
        assert!(accept(&mut net, &mut ingest, 1, 1));
        assert_eq!((ingest.pending(), ingest.due.len()), (3, 1));
        assert!(accept(&mut net, &mut ingest, 3, 3));
        assert_eq!((ingest.pending(), ingest.due.len()), (1, 1));
        assert!(accept(&mut net, &mut ingest, 4, 4));
        assert_eq!(ingest.pending(), 0);
        assert!(ingest.writers[0].waiting.is_empty());
    }

    #[test]
    fn an_acknowledgement_that_fits_nothing_sent_is_a_violation() {
        for (id, sequence) in [(5, 5), (0, 0), (2, 3)] {
            let (mut net, mut ingest) = full_window();
            assert!(!accept(&mut net, &mut ingest, id, sequence), "{id} {sequence}");
        }
        let (mut net, mut ingest) = full_window();
        assert!(accept(&mut net, &mut ingest, 2, 2));
        assert!(!accept(&mut net, &mut ingest, 2, 2), "the same again");
    }
}
