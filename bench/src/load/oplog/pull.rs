//! `pull` and `bootstrap`: clients that ask for what they have not got, and newcomers that ask for everything.

use std::time::Duration;

use super::dataset::{self, Dataset, Endpoint};
use crate::{
    error::Error,
    latency,
    load::{
        drive::{Load, WAIT_MAX, drive},
        exchanges::{Exchanges, Handler},
        measured::Measured,
        meter::{Meter, MeterOptions},
        payload::{Payloads, TEXT_BYTES_MIN},
        probe::Probe,
        usage::Usage,
    },
    wire::answer::Answer,
};

/// The numbers of `pull`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PullOptions {
    /// Clients that pull again and again
    #[arg(long, default_value_t = Self::default().clients)]
    pub(crate) clients: usize,
    /// Operations that the dataset holds
    #[arg(long, default_value_t = Self::default().ops)]
    pub(crate) ops: u64,
    /// Operations that each pull brings
    #[arg(long, default_value_t = Self::default().behind)]
    pub(crate) behind: u64,
    /// Bytes of the text in each operation
    #[arg(long, default_value_t = Self::default().bytes)]
    pub(crate) bytes: usize,
}

impl Default for PullOptions {
    fn default() -> Self {
        Self { clients: 64, ops: 10_500, behind: 0, bytes: 128 }
    }
}

/// The numbers of `bootstrap`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct BootstrapOptions {
    /// Operations that the dataset holds
    #[arg(long, default_value_t = Self::default().ops)]
    pub(crate) ops: u64,
    /// Bytes of the text in each operation
    #[arg(long, default_value_t = Self::default().bytes)]
    pub(crate) bytes: usize,
    /// Bootstraps to time
    #[arg(long, default_value_t = Self::default().times)]
    pub(crate) times: usize,
}

impl Default for BootstrapOptions {
    fn default() -> Self {
        Self { ops: 10_500, bytes: 128, times: 20 }
    }
}

struct Pull {
    target: String,
    head: u64,
    behind: u64,
    /// When each link asked; 0 while it waits for nothing.
    sent: Vec<u64>,
    first: usize,
    idle: Vec<usize>,
    meter: Meter,
}

/// Runs `pull`.
pub(super) fn run(
    options: &PullOptions,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    if options.clients == 0 || options.behind > options.ops {
        return Err(Error::Usage("--clients must not be 0, --behind at most --ops".into()));
    }
    let (mut exchanges, dataset) = filled(endpoint, options.ops, options.bytes)?;
    let links: Result<Vec<usize>, Error> =
        (0..options.clients).map(|_| exchanges.connect()).collect();
    let first = links?.first().copied().unwrap_or_default();
    let (measured, _) = drive(&mut exchanges, meter, probe, "pulls", |meter| Pull {
        target: dataset.pull(0, options.ops - options.behind),
        head: options.ops,
        behind: options.behind,
        sent: vec![0; options.clients],
        first,
        idle: (0..options.clients).collect(),
        meter,
    })?;
    Ok(measured)
}

impl Load for Pull {
    type Links = Exchanges;

    fn refill(&mut self, exchanges: &mut Exchanges) -> Duration {
        for number in self.idle.drain(..) {
            self.sent[number] = exchanges.now();
            exchanges.get(self.first + number, &self.target);
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
        self.sent.iter().filter(|&&sent| sent > 0).count() as u64
    }
}

impl Handler for Pull {
    fn answered(
        &mut self,
        _: &mut Exchanges,
        link: usize,
        answer: Answer<'_>,
        now: u64,
    ) -> Result<(), Error> {
        check(link, &answer, self.head, self.behind)?;
        let number = link - self.first;
        let sent = std::mem::take(&mut self.sent[number]);
        self.meter.record(now.saturating_sub(sent), 1);
        self.idle.push(number);
        Ok(())
    }
}

/// Runs `bootstrap`: each is timed from the request to the last byte of its answer.
pub(super) fn bootstrap(
    options: &BootstrapOptions,
    endpoint: &Endpoint,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    if options.times == 0 {
        return Err(Error::Usage("--times must not be 0".into()));
    }
    let (mut exchanges, _) = filled(endpoint, options.ops, options.bytes)?;
    let link = exchanges.connect()?;
    // The first one finds the caches cold; it is not counted.
    one(&mut exchanges, link, options.ops)?;
    let usage = Usage::open(exchanges.as_ref(), probe)?;
    let mut took = latency::histogram();
    for _ in 0..options.times {
        latency::record(&mut took, Duration::from_nanos(one(&mut exchanges, link, options.ops)?));
    }
    usage.close(exchanges.as_ref(), "bootstraps", options.times as u64, took)
}

struct One {
    ops: u64,
    finished: Option<u64>,
}

impl Handler for One {
    fn answered(
        &mut self,
        _: &mut Exchanges,
        link: usize,
        answer: Answer<'_>,
        now: u64,
    ) -> Result<(), Error> {
        self.finished = Some(now);
        check(link, &answer, self.ops, self.ops)
    }
}

fn one(exchanges: &mut Exchanges, link: usize, ops: u64) -> Result<u64, Error> {
    let mut one = One { ops, finished: None };
    let start = exchanges.now();
    exchanges.get(link, "/sync/bootstrap");
    loop {
        exchanges.turn(WAIT_MAX, &mut one)?;
        if let Some(finished) = one.finished {
            return Ok(finished - start);
        }
    }
}

/// A new dataset that holds so many operations.
fn filled(endpoint: &Endpoint, ops: u64, bytes: usize) -> Result<(Exchanges, Dataset), Error> {
    if bytes < TEXT_BYTES_MIN {
        return Err(Error::Usage(format!("--bytes must be at least {TEXT_BYTES_MIN}")));
    }
    let mut exchanges = dataset::exchanges(endpoint)?;
    let (dataset, before) = Dataset::find(&mut exchanges)?;
    if before > 0 {
        return Err(Error::Usage(format!("the dataset holds {before} operations already")));
    }
    dataset.fill(&mut exchanges, ops, &mut Payloads::text(bytes))?;
    Ok((exchanges, dataset))
}

/// An answer must tell the head and bring so many operations.
fn check(link: usize, answer: &Answer<'_>, head: u64, ops: u64) -> Result<(), Error> {
    dataset::ok(link, answer)?;
    let told = dataset::server_seq(answer.body);
    let brought = answer.body.windows(CLOCK.len()).filter(|window| *window == CLOCK).count() as u64;
    if told != Some(head) || brought != ops {
        return Err(Error::Violation(format!(
            "connection {link} expected {ops} operations up to {head} and got {brought} up to {told:?}"
        )));
    }
    Ok(())
}

/// What stands in every operation once.
const CLOCK: &[u8] = br#""clock":"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_leaves_something_out_is_a_violation() {
        let body = br#"{"serverSeq":2,"ops":[{"clock":1},{"clock":2}]}"#;
        let answer = Answer { status: 200, body };
        assert!(check(0, &answer, 2, 2).is_ok());
        assert!(check(0, &answer, 3, 2).is_err() && check(0, &answer, 2, 3).is_err());
        assert!(check(0, &Answer { status: 409, body }, 2, 2).is_err());
    }
}
