//! `syncline serve`: starts the server, says so, and stops it when it is told to.

use std::{
    io::{self, ErrorKind, IsTerminal},
    path::Path,
    time::Instant,
};

use syncline::{Config, Server, StartError, config::Ack, logging};
use tracing::info;

use super::{
    banner::{Facts, banner},
    failure::{Exit, Failure},
    flags::SettingFlags,
    open_files, output,
    signals::Signals,
};

const EXAMPLES: &str = "\
Examples:
  syncline serve
  syncline serve --listen 127.0.0.1:0 --data-dir /var/lib/syncline
  openssl rand -hex 32 > relay.token
  syncline serve --listen 0.0.0.0:8080 --relay-token-file relay.token --oplog-tenants token

A flag is over its environment variable, which is over the file, which is over the default.
PORT sets only the port. SIGTERM or Ctrl-C shuts down cleanly; a second one ends at once.";

/// The flags of `serve`: every setting.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    flags: SettingFlags,
}

/// Serves until a signal, then shuts down cleanly.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let begun = Instant::now();
    let config = args.flags.load()?.config;
    config.check_exposure()?;
    config.check_demo()?;
    config.check_webhooks()?;
    logging::init(&config.log);
    open_files::allow(config.limits.connections_max);
    let signals = Signals::install()?;
    let server = Server::start(config.clone()).map_err(|error| explain(error, &config))?;
    announce(&server, &config, begun)?;
    if let Some(why) = signals.wait(server.failed())? {
        drop(server);
        return Err(Failure::new(Exit::Failed, why)
            .hint("mend the disk and start again: everything that was acknowledged is on it"));
    }
    server.shutdown()?;
    info!("stopped; everything accepted is durable");
    Ok(())
}

/// Says which setting an error is about.
fn explain(error: StartError, config: &Config) -> Failure {
    let listen = config.http.listen;
    match error {
        StartError::Store(error) => Failure::from(error).about(config.storage.dir.display()),
        StartError::Io(error) => {
            let kind = error.kind();
            let failure = Failure::from(error).about(format!("cannot listen on {listen}"));
            match kind {
                ErrorKind::AddrNotAvailable => failure.hint("it is no address of this machine"),
                ErrorKind::PermissionDenied => failure.hint(
                    "a port below 1024 needs a privilege (CAP_NET_BIND_SERVICE); \
                     take a higher one behind a proxy",
                ),
                _ => failure,
            }
        }
        error => error.into(),
    }
}

fn announce(server: &Server, config: &Config, begun: Instant) -> Result<(), Failure> {
    let dir = absolute(&config.storage.dir);
    let report = server.open_report();
    let address = server.address();
    // A log that keeps standard output must not keep a token; and who comes from elsewhere is no
    // developer at this machine.
    let is_seen = io::stdout().is_terminal() && address.ip().to_canonical().is_loopback();
    let token = server.development_token().filter(|_| is_seen);
    let facts = Facts { config, address, dir: &dir, report, token: token.as_deref() };
    let ready_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    if !io::stdout().is_terminal() {
        // On a terminal the banner says it better.
        info!(address = %facts.address, dir, ready_ms, "listening");
    }
    if config.maps.ack == Ack::Memory {
        tracing::warn!("maps acknowledges writes that are in memory only: a crash may lose them");
    }
    // A closed standard output is no reason not to serve.
    output::print(&banner(&facts, output::Style::of_stdout())).or_else(|failure| {
        tracing::warn!(?failure, "the banner could not be written");
        Ok(())
    })
}

fn absolute(dir: &Path) -> String {
    std::path::absolute(dir).as_deref().unwrap_or(dir).display().to_string()
}
