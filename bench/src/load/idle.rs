//! `idle`: what a connection costs that joined a room and says nothing, and what its joining costs.
//!
//! The same for every dialect over WebSocket: how one joins is said by the dialect.

use std::{ops::Range, time::Duration};

use super::{
    drive::WAIT_MAX,
    measured::Measured,
    probe::Probe,
    sockets::{Handler, Sockets, Wire},
    usage::Usage,
};
use crate::{error::Error, latency};

/// The numbers of `idle`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct IdleOptions {
    /// Connections, each in a room of its own
    #[arg(long, default_value_t = Self::default().connections)]
    pub(crate) connections: usize,
    /// Seconds to stay idle before memory is read again
    #[arg(long, default_value_t = Self::default().hold)]
    pub(crate) hold: f64,
}

impl Default for IdleOptions {
    fn default() -> Self {
        Self { connections: 5000, hold: 1.0 }
    }
}

struct Quiet;

/// Runs the scenario: `join` opens a connection for each of these rooms, and returns when all are in.
pub(super) fn run<W: Wire>(
    options: &IdleOptions,
    sockets: impl Fn() -> Result<Sockets<W>, Error>,
    join: impl Fn(&mut Sockets<W>, Range<usize>) -> Result<(), Error>,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    let probe = probe.ok_or_else(|| {
        Error::Usage("`idle` measures the server's process: with --url give --server-pid".into())
    })?;
    if options.connections == 0 {
        return Err(Error::Usage("--connections must not be 0".into()));
    }
    // What a first connection brings to life for good is not any connection's cost.
    let mut first = sockets()?;
    join(&mut first, 0..16)?;
    drop(first);
    std::thread::sleep(Duration::from_millis(200));

    let mut links = sockets()?;
    let rss = probe.rss_bytes()?;
    let usage = Usage::open(links.as_ref(), Some(probe))?;
    join(&mut links, 0..options.connections)?;
    let done = options.connections as u64;
    let mut measured = usage.close(links.as_ref(), "connections", done, latency::histogram())?;
    let joined_rss = probe.rss_bytes()?;

    let until = links.now() + (options.hold * 1e9) as u64;
    while links.now() < until {
        links.turn(WAIT_MAX, &mut Quiet)?;
    }
    let idle_rss = probe.rss_bytes()?;
    let per_connection = |bytes: u64| bytes.saturating_sub(rss) as f64 / done as f64;
    measured.server_rss_bytes = Some(idle_rss);
    measured.extra = vec![
        ("rss_bytes_per_connection", per_connection(idle_rss)),
        ("rss_bytes_per_connection_at_join", per_connection(joined_rss)),
    ];
    Ok(measured)
}

impl<W: Wire> Handler<W> for Quiet {
    fn message(
        &mut self,
        _: &mut Sockets<W>,
        link: usize,
        _: W::In<'_>,
        _now: u64,
    ) -> Result<(), Error> {
        Err(Error::Violation(format!("idle connection {link} got a message")))
    }
}
