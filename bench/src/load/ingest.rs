//! `ingest`: writers that wait for their acknowledgements, each in a room of its own.

use std::{collections::VecDeque, time::Duration};

use super::{
    drive::{Load, WAIT_MAX, drive},
    joining::{self, Names},
    measured::Measured,
    meter::{Meter, MeterOptions},
    net::{Endpoint, Handler, Net},
    payload::{BYTES_MIN, Payloads, Stamp},
    probe::Probe,
};
use crate::{
    error::Error,
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
    let mut net = Net::new(endpoint)?;
    let links = joining::join(&mut net, Names::new(), 0..options.connections, true)?;
    drive(&mut net, meter, probe, "acknowledgements", |meter| Ingest {
        writers: links.iter().map(|_| Writer::default()).collect(),
        due: links,
        window: options.window,
        payloads: Payloads::new(options.bytes),
        meter,
    })
}

impl Load for Ingest {
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

    fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    fn pending(&self) -> u64 {
        self.writers.iter().map(|writer| writer.sent - writer.accepted).sum()
    }
}

impl Handler for Ingest {
    fn opened(&mut self, _net: &mut Net, _link: usize) -> Result<(), Error> {
        Ok(())
    }

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
