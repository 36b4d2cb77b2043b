//! One run of a scenario: start what is measured, or take what is there, and drive it.

use std::net::{SocketAddr, ToSocketAddrs};

use crate::{
    error::Error,
    load::{self, Endpoint, Framing, Measured, MeterOptions, Probe, Scenario},
    target::{self, StartOptions, Started, Target},
};

/// The path at which a server speaks the relay dialect.
const RELAY_PATH: &str = "/sync";

/// What all scenarios share.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunOptions {
    /// A server that runs already, as ws://HOST:PORT/PATH; otherwise one is started
    #[arg(long, global = true)]
    pub(crate) url: Option<String>,
    /// The process of that server, to measure what it uses
    #[arg(long, global = true, requires = "url")]
    pub(crate) server_pid: Option<u32>,
    /// Speak the JSON framing instead of the binary one
    #[arg(long, global = true)]
    pub(crate) json_framing: bool,
    /// How long to measure.
    #[command(flatten)]
    pub(crate) meter: MeterOptions,
    /// How to start what is measured.
    #[command(flatten)]
    pub(crate) start: StartOptions,
}

impl RunOptions {
    fn framing(&self) -> Framing {
        if self.json_framing { Framing::Json } else { Framing::Binary }
    }
}

/// Runs a scenario once. A target that is started here is ended here.
pub(crate) fn run_once(
    scenario: &Scenario,
    target: Target,
    options: &RunOptions,
) -> Result<Measured, Error> {
    target::raise_open_files()?;
    target::pin_self(options.start.client_cpu)?;
    let framing = options.framing();
    if let Some(url) = &options.url {
        let (address, path) = parse_url(url)?;
        let probe = options.server_pid.map(Probe::new);
        let endpoint = Endpoint { address, path, framing };
        return load::run(scenario, &endpoint, &options.meter, probe.as_ref());
    }
    if framing == Framing::Json && target != Target::Syncline {
        return Err(Error::Usage("the yardsticks speak the binary framing only".into()));
    }
    let started = Started::start(target, &options.start)?;
    let endpoint = Endpoint { address: started.address, path: RELAY_PATH.into(), framing };
    load::run(scenario, &endpoint, &options.meter, Some(&Probe::new(started.pid())))
}

fn parse_url(url: &str) -> Result<(SocketAddr, String), Error> {
    let rest = url
        .strip_prefix("ws://")
        .ok_or_else(|| Error::Usage(format!("`{url}` is not a ws:// URL")))?;
    let (host, path) = match rest.find('/') {
        Some(slash) => (&rest[..slash], &rest[slash..]),
        None => (rest, RELAY_PATH),
    };
    let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let address = host
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .ok_or_else(|| Error::Usage(format!("`{host}` has no address")))?;
    Ok((address, path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let (address, path) = parse_url("ws://127.0.0.1:8080").unwrap();
        assert_eq!((address.port(), path.as_str()), (8080, "/sync"));
        let (address, path) = parse_url("ws://127.0.0.1/a/b?c=d").unwrap();
        assert_eq!((address.port(), path.as_str()), (80, "/a/b?c=d"));
        assert!(parse_url("http://127.0.0.1").is_err());
    }
}
