//! `idle`: what a connection costs that joined a room and says nothing, and what its joining costs.

use std::time::Duration;

use super::{
    drive::WAIT_MAX,
    joining::{self, Names},
    measured::Measured,
    net::{Endpoint, Handler, Net},
    probe::Probe,
};
use crate::{error::Error, latency, wire::message::ServerMessage};

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

/// Runs the scenario.
pub(super) fn run(
    options: &IdleOptions,
    endpoint: &Endpoint,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    let probe = probe.ok_or_else(|| {
        Error::Usage("`idle` measures the server's process: with --url give --server-pid".into())
    })?;
    if options.connections == 0 {
        return Err(Error::Usage("--connections must not be 0".into()));
    }
    // What a first connection brings to life for good is not any connection's cost.
    let mut first = Net::new(endpoint)?;
    joining::join(&mut first, Names::new(), 0..16, false)?;
    drop(first);
    std::thread::sleep(Duration::from_millis(200));

    let mut net = Net::new(endpoint)?;
    let rss = probe.rss_bytes()?;
    let (server_cpu, client_cpu) = (probe.cpu_seconds()?, Probe::own().cpu_seconds()?);
    let start = net.now();
    joining::join(&mut net, Names::new(), 0..options.connections, false)?;
    let seconds = (net.now() - start) as f64 / 1e9;
    let server_cpu = probe.cpu_seconds()? - server_cpu;
    let client_cpu = Probe::own().cpu_seconds()? - client_cpu;
    let joined_rss = probe.rss_bytes()?;

    let until = net.now() + (options.hold * 1e9) as u64;
    while net.now() < until {
        net.turn(WAIT_MAX, &mut Quiet)?;
    }
    let idle_rss = probe.rss_bytes()?;
    let connections = options.connections as f64;
    let per_connection = |bytes: u64| bytes.saturating_sub(rss) as f64 / connections;
    Ok(Measured {
        unit: "connections",
        seconds,
        done: options.connections as u64,
        latency: latency::histogram(),
        server_cpu_seconds: Some(server_cpu),
        client_cpu_seconds: client_cpu,
        server_rss_bytes: Some(idle_rss),
        messages_per_read: net.messages as f64 / net.reads.max(1) as f64,
        extra: vec![
            ("rss_bytes_per_connection", per_connection(idle_rss)),
            ("rss_bytes_per_connection_at_join", per_connection(joined_rss)),
        ],
    })
}

impl Handler for Quiet {
    fn opened(&mut self, _net: &mut Net, _link: usize) -> Result<(), Error> {
        Ok(())
    }

    fn message(
        &mut self,
        _net: &mut Net,
        link: usize,
        message: ServerMessage<'_>,
        _now: u64,
    ) -> Result<(), Error> {
        Err(Error::Violation(format!("idle connection {link} got {message:?}")))
    }
}
