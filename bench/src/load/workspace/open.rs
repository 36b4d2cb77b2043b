//! `open`: a workspace of many keys is opened again and again, one connection at a time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::wire::{Connections, Endpoint, Joining, Op, Said, Workspace, connections};
use crate::{
    error::Error,
    latency,
    load::{
        drive::WAIT_MAX,
        measured::Measured,
        payload::{Payloads, Stamp, TEXT_BYTES_MIN},
        probe::Probe,
        sockets::Handler,
        usage::Usage,
    },
};

const FILL_WINDOW: u64 = 1_024;
const FILL_TIMEOUT: Duration = Duration::from_secs(120);

/// The numbers of `open`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct OpenOptions {
    /// Keys of the workspace
    #[arg(long, default_value_t = Self::default().keys)]
    pub(crate) keys: u64,
    /// Bytes of each value
    #[arg(long, default_value_t = Self::default().bytes)]
    pub(crate) bytes: usize,
    /// Openings to time
    #[arg(long, default_value_t = Self::default().opens)]
    pub(crate) opens: usize,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { keys: 10_000, bytes: 128, opens: 20 }
    }
}

/// Counts what the reader of the filling got.
struct Fill {
    received: u64,
}

impl Handler<Workspace> for Fill {
    fn message(
        &mut self,
        _: &mut Connections,
        link: usize,
        message: Said<'_>,
        _now: u64,
    ) -> Result<(), Error> {
        match message {
            Said::Op(op) if link == 1 && op.key == self.received => {
                self.received += 1;
                Ok(())
            }
            other => Err(Error::Violation(format!("connection {link} got {other:?}"))),
        }
    }
}

/// Runs the scenario. An opening is timed from the connecting to the whole opening message.
pub(super) fn run(
    options: &OpenOptions,
    endpoint: &Endpoint,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    if options.keys == 0 || options.opens == 0 || options.bytes < TEXT_BYTES_MIN {
        let least = format!("--keys and --opens must not be 0, --bytes at least {TEXT_BYTES_MIN}");
        return Err(Error::Usage(least));
    }
    let mut sockets = connections(endpoint)?;
    let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let place = format!("bench-{run:x}");
    fill(&mut sockets, &place, options)?;

    // The first opening finds the caches cold; it is not counted.
    let whole = open(&mut sockets, &place)?.1;
    let least = options.keys as usize * (options.bytes + br#""k":"","#.len());
    if whole < least {
        return Err(Error::Violation(format!("an opening of {whole} B holds not every key")));
    }
    let usage = Usage::open(sockets.as_ref(), probe)?;
    let mut took = latency::histogram();
    for _ in 0..options.opens {
        let (nanos, bytes) = open(&mut sockets, &place)?;
        if bytes != whole {
            return Err(Error::Violation(format!("openings of {whole} B and of {bytes} B")));
        }
        latency::record(&mut took, Duration::from_nanos(nanos));
    }
    usage.close(sockets.as_ref(), "openings", options.opens as u64, took)
}

fn fill(sockets: &mut Connections, place: &str, options: &OpenOptions) -> Result<(), Error> {
    let both = [place.to_owned(), place.to_owned()];
    let links = sockets.open(both, &mut Joining::default())?;
    let mut payloads = Payloads::text(options.bytes);
    let mut fill = Fill { received: 0 };
    let mut sent = 0;
    let deadline = sockets.now() + FILL_TIMEOUT.as_nanos() as u64;
    while fill.received < options.keys {
        while sent < options.keys && sent - fill.received < FILL_WINDOW {
            let value = payloads.make(Stamp { sent: 0, counter: sent });
            sockets.say(links[0], &Op { key: sent, value, timestamp: sent + 1 });
            sent += 1;
        }
        sockets.turn(WAIT_MAX, &mut fill)?;
        if sockets.now() > deadline {
            let (got, keys) = (fill.received, options.keys);
            return Err(Error::Server(format!("{got} of {keys} keys are set")));
        }
    }
    links.into_iter().for_each(|link| sockets.close(link));
    Ok(())
}

/// Opens once: the nanoseconds it took, and the bytes of the opening message.
fn open(sockets: &mut Connections, place: &str) -> Result<(u64, usize), Error> {
    let mut joining = Joining::default();
    let start = sockets.now();
    let links = sockets.open([place.to_owned()], &mut joining)?;
    let took = sockets.now() - start;
    sockets.close(links[0]);
    Ok((took, joining.bytes))
}
