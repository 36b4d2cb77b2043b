//! One run of a scenario: start what is measured, or take what is there, and drive it.

use std::{
    cell::RefCell,
    fs,
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
};

use crate::{
    error::Error,
    load::{
        Measured, MeterOptions, Probe, Scenario, maps, oplog, peer,
        relay::{self, Framing},
        workspace,
    },
    target::{self, Ack, StartOptions, Started, Target},
};

/// The path at which a server speaks the relay dialect.
const RELAY_PATH: &str = "/sync";

/// What all scenarios share.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunOptions {
    /// A server that runs already, as ws://HOST:PORT/PATH, or http:// for the oplog; otherwise one is started
    #[arg(long, global = true)]
    pub(crate) url: Option<String>,
    /// The process of that server, to measure what it uses
    #[arg(long, global = true, requires = "url")]
    pub(crate) server_pid: Option<u32>,
    /// A token that opens every workspace and allows everything in every map of that server
    #[arg(long, global = true, requires = "url")]
    pub(crate) token: Option<String>,
    /// A file with the HMAC secret of that server: each participant of a peer room needs a token of its own
    #[arg(long, global = true, requires = "url")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Send packets of a type that the server passes on and does not store (peer)
    #[arg(long, global = true)]
    pub(crate) unstored: bool,
    /// Speak the relay's JSON framing instead of its binary one
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
    if let Some(url) = &options.url {
        let (address, path) = parse_url(url)?;
        let probe = options.server_pid.map(Probe::new);
        let token = || {
            let missing = || Error::Usage("with --url workspaces and maps need --token".into());
            options.token.clone().ok_or_else(missing)
        };
        let secret = || {
            let missing = || Error::Usage("with --url peer rooms need --secret-file".into());
            let text = fs::read_to_string(options.secret_file.as_ref().ok_or_else(missing)?)?;
            Ok(text.trim_end().to_owned())
        };
        let restart = || Err(Error::Usage("a server at a --url is not ours to restart".into()));
        let place = (target, address, path);
        return drive(scenario, place, (token, secret, restart), options, probe.as_ref());
    }
    let pushes = matches!(scenario, Scenario::Oplog(oplog::Scenario::Push(_)));
    if target == Target::DurableStreams && !pushes {
        return Err(Error::Usage("durable-streams is a peer of `oplog push` only".into()));
    }
    let of_yardstick = target.limit().and_then(|_| scenario.of_yardstick());
    let scenario = of_yardstick.as_ref().unwrap_or(scenario);
    if target.limit().is_some() {
        if !matches!(scenario, Scenario::Relay(_)) {
            return Err(Error::Usage("the yardsticks speak the relay dialect only".into()));
        }
        if options.framing() == Framing::Json {
            return Err(Error::Usage("the yardsticks speak the binary framing only".into()));
        }
    }
    let started = RefCell::new(Started::start(target, &options.start)?);
    let (probe, address) = (Probe::new(started.borrow().pid()), started.borrow().address);
    let token = || started.borrow().token(&options.start);
    let secret = || Ok(target::SECRET.into());
    let restart = || started.borrow_mut().restart(target, &options.start);
    let place = (target, address, RELAY_PATH.into());
    drive(scenario, place, (token, secret, restart), options, Some(&probe))
}

fn drive(
    scenario: &Scenario,
    (target, address, path): (Target, SocketAddr, String),
    (token, secret, restart): (
        impl FnOnce() -> Result<String, Error>,
        impl FnOnce() -> Result<String, Error>,
        impl FnMut() -> Result<(), Error>,
    ),
    options: &RunOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    let meter = &options.meter;
    match scenario {
        Scenario::Relay(scenario) => {
            let endpoint = relay::Endpoint { address, path, framing: options.framing() };
            relay::run(scenario, &endpoint, meter, probe)
        }
        Scenario::Workspace(scenario) => {
            let endpoint = workspace::Endpoint { address, token: token()? };
            workspace::run(scenario, &endpoint, meter, probe)
        }
        Scenario::Oplog(scenario) => {
            let is_stream = target == Target::DurableStreams;
            oplog::run(scenario, &oplog::Endpoint { address, is_stream }, meter, probe)
        }
        Scenario::Maps(scenario) => {
            let durable = options.start.ack == Ack::Device;
            let endpoint = maps::Endpoint { address, token: token()?, durable };
            maps::run(scenario, &endpoint, meter, probe, restart)
        }
        Scenario::Peer(scenario) => {
            let stored = !options.unstored;
            let endpoint = peer::Endpoint { address, secret: secret()?, stored };
            peer::run(scenario, &endpoint, meter, probe)
        }
    }
}

fn parse_url(url: &str) -> Result<(SocketAddr, String), Error> {
    let rest = url
        .strip_prefix("ws://")
        .or_else(|| url.strip_prefix("http://"))
        .ok_or_else(|| Error::Usage(format!("`{url}` is neither a ws:// nor a http:// URL")))?;
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
        assert_eq!(parse_url("http://127.0.0.1:81").unwrap().0.port(), 81);
        assert!(parse_url("https://127.0.0.1").is_err());
    }
}
