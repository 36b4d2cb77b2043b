//! `push`: clients that push, wait for the answer and push again, all into one dataset.

use std::time::Duration;

use super::dataset::{self, Dataset, Endpoint, JSON, PUSH};
use crate::{
    error::Error,
    load::{
        drive::{Load, WAIT_MAX, drive},
        exchanges::{Exchanges, Handler},
        measured::Measured,
        meter::{Meter, MeterOptions},
        payload::{Payloads, TEXT_BYTES_MIN},
        probe::Probe,
    },
    wire::answer::Answer,
};

/// The numbers of `push`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PushOptions {
    /// Clients
    #[arg(long, default_value_t = Self::default().clients)]
    pub(crate) clients: usize,
    /// Operations of each push
    #[arg(long, default_value_t = Self::default().ops)]
    pub(crate) ops: u64,
    /// Bytes of the text in each operation
    #[arg(long, default_value_t = Self::default().bytes)]
    pub(crate) bytes: usize,
}

impl Default for PushOptions {
    fn default() -> Self {
        Self { clients: 64, ops: 1, bytes: 128 }
    }
}

/// The type of what is appended to a stream.
const BYTES: &str = "application/octet-stream";

#[derive(Default)]
struct Client {
    pushed: u64,
    answered: u64,
    sent: u64,
    head: u64,
}

/// What is pushed to.
#[derive(Clone, Debug)]
enum Log {
    Oplog(Dataset),
    /// A stream of the server durable-streams, and its operations are appended to it one by one.
    Stream,
}

struct Push {
    log: Log,
    clients: Vec<Client>,
    /// The link of the first client.
    first: usize,
    /// Clients that wait for nothing.
    idle: Vec<usize>,
    ops: u64,
    payloads: Payloads,
    body: Vec<u8>,
    meter: Meter,
}

/// Runs the scenario.
pub(super) fn run(
    options: &PushOptions,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    if options.clients == 0 || options.ops == 0 || options.bytes < TEXT_BYTES_MIN {
        let least = format!("--clients and --ops must not be 0, --bytes at least {TEXT_BYTES_MIN}");
        return Err(Error::Usage(least));
    }
    let mut exchanges = dataset::exchanges(endpoint)?;
    let log = Log::find(&mut exchanges, endpoint, options)?;
    let links: Result<Vec<usize>, Error> =
        (0..options.clients).map(|_| exchanges.connect()).collect();
    let first = links?.first().copied().unwrap_or_default();
    let (measured, push) = drive(&mut exchanges, meter, probe, "operations", |meter| Push {
        log: log.clone(),
        clients: (0..options.clients).map(|_| Client::default()).collect(),
        first,
        idle: (0..options.clients).collect(),
        ops: options.ops,
        payloads: Payloads::text(options.bytes),
        body: Vec::new(),
        meter,
    })?;
    let pushed = push.clients.iter().map(|client| client.pushed).sum();
    if let Log::Oplog(dataset) = &log {
        dataset::check_head(&mut exchanges, dataset, pushed)?;
    }
    Ok(measured)
}

impl Log {
    fn find(
        exchanges: &mut Exchanges,
        endpoint: &Endpoint,
        options: &PushOptions,
    ) -> Result<Self, Error> {
        if endpoint.is_stream {
            if options.ops != 1 {
                return Err(Error::Usage(
                    "that peer takes one operation at a time: --ops 1".into(),
                ));
            }
            let link = exchanges.connect()?;
            exchanges.send(link, "PUT /bench", BYTES, b"");
            dataset::answer(exchanges)?;
            return Ok(Self::Stream);
        }
        match Dataset::find(exchanges)? {
            (dataset, 0) => Ok(Self::Oplog(dataset)),
            (_, before) => {
                Err(Error::Usage(format!("the dataset holds {before} operations already")))
            }
        }
    }
}

impl Load for Push {
    type Links = Exchanges;

    fn refill(&mut self, exchanges: &mut Exchanges) -> Duration {
        for number in self.idle.drain(..) {
            let client = &mut self.clients[number];
            let (first, ops) = (client.pushed, self.ops);
            let (link, body) = (self.first + number, &mut self.body);
            client.pushed += ops;
            client.sent = exchanges.now();
            match &self.log {
                Log::Oplog(dataset) => {
                    dataset.push(number, first, ops, &mut self.payloads, body);
                    exchanges.send(link, PUSH, JSON, body);
                }
                Log::Stream => {
                    body.clear();
                    dataset::push_op(number, first, &mut self.payloads, body);
                    exchanges.send(link, "POST /bench", BYTES, body);
                }
            }
        }
        WAIT_MAX
    }

    fn turn(&mut self, exchanges: &mut Exchanges, wait: Duration) -> Result<(), Error> {
        exchanges.turn(wait, self)
    }

    fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    fn pending(&self) -> u64 {
        self.clients.iter().map(|client| client.pushed - client.answered).sum()
    }
}

impl Handler for Push {
    fn answered(
        &mut self,
        _: &mut Exchanges,
        link: usize,
        answer: Answer<'_>,
        now: u64,
    ) -> Result<(), Error> {
        dataset::ok(link, &answer)?;
        let number = link - self.first;
        let client = &mut self.clients[number];
        let head = match &self.log {
            Log::Oplog(_) => dataset::server_seq(answer.body).unwrap_or_default(),
            Log::Stream => client.head + self.ops,
        };
        if client.answered == client.pushed || head < client.head + self.ops {
            return Err(Error::Violation(format!(
                "client {number} heard of operation {} and pushed {}, now it hears of {head}",
                client.head, self.ops
            )));
        }
        client.head = head;
        client.answered += self.ops;
        self.meter.record(now.saturating_sub(client.sent), self.ops);
        self.idle.push(number);
        Ok(())
    }
}
