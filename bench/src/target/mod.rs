//! Starting what is measured: the server or a yardstick, as a process of its own, pinned to one core.
//!
//! It knows nothing of scenarios.

mod pinned;

use std::{
    env, fs,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

use crate::error::Error;

pub(crate) use self::pinned::{PinnedOptions, exec_pinned, pin_self};

/// Which variable names the server's data directory, and what it is called below the temporary one.
const DIR_VARIABLE: &str = "SYNCLINE_STORAGE_DIR";
const DATA: &str = "data";

/// What the servers that are started here sign tokens with. They listen to this machine alone, and end
/// with the run.
pub(crate) const SECRET: &str = "the load generator's own secret, of no other server";
const SECRET_VARIABLE: &str = "SYNCLINE_AUTH_SECRET";

/// What the target says, beside that directory.
const LOG: &str = "log";

const START_TIMEOUT: Duration = Duration::from_secs(15);

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Target {
    /// The server
    Syncline,
    /// The least a room server can do
    LimitBcast,
    /// The same with one write and one sync per turn
    LimitAck,
    /// Accept, upgrade and join, nothing else
    LimitAccept,
    /// The server durable-streams, a peer of the oplog's single pushes
    DurableStreams,
}

impl Target {
    /// The name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Syncline => "syncline",
            Self::LimitBcast => "limit-bcast",
            Self::LimitAck => "limit-ack",
            Self::LimitAccept => "limit-accept",
            Self::DurableStreams => "durable-streams",
        }
    }

    /// Which yardstick of this program it is.
    pub(crate) fn limit(self) -> Option<&'static str> {
        self.name().strip_prefix("limit-")
    }
}

/// What an acknowledged write of the server survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Durability {
    /// Power loss: every release waits for a sync
    Device,
    /// A crash of the process
    Os,
}

/// When the server acknowledges what is written to a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Ack {
    /// When it is durable
    Device,
    /// When it is in memory
    Memory,
}

/// How a target is started.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct StartOptions {
    /// The core of the server that is started here
    #[arg(long, default_value_t = 1, global = true)]
    pub(crate) server_cpu: usize,
    /// The core of the generator
    #[arg(long, default_value_t = 0, global = true)]
    pub(crate) client_cpu: usize,
    /// Where the temporary data directory is made: a real disk, not tmpfs
    #[arg(long, global = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// What an acknowledged write of the server survives
    #[arg(long, value_enum, default_value = "device", global = true)]
    pub(crate) durability: Durability,
    /// When the server acknowledges what is written to a map
    #[arg(long, value_enum, default_value = "device", global = true)]
    pub(crate) ack: Ack,
    /// The server's program; by default `syncline` beside this one
    #[arg(long, global = true)]
    pub(crate) program: Option<PathBuf>,
    /// The program of the peer durable-streams (cargo install durable-streams)
    #[arg(long, default_value = "durable-streams-server", global = true)]
    pub(crate) durable_streams: PathBuf,
}

/// A target that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Started {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    child: Child,
    /// Removed after the process has ended.
    dir: TempDir,
}

impl Started {
    /// Starts a target and waits until it accepts connections.
    pub(crate) fn start(target: Target, options: &StartOptions) -> Result<Self, Error> {
        raise_open_files()?;
        let dir = match &options.data_dir {
            Some(parent) => TempDir::with_prefix_in("syncline-bench-", parent)?,
            None => TempDir::with_prefix("syncline-bench-")?,
        };
        complain_of_tmpfs(dir.path())?;
        let address = free_address()?;
        let child = spawn(target, options, address, dir.path())?;
        let mut started = Self { address, child, dir };
        started.wait_ready(target)?;
        Ok(started)
    }

    /// Kills it, and starts it again with what it has stored; returns as soon as it accepts connections.
    pub(crate) fn restart(&mut self, target: Target, options: &StartOptions) -> Result<(), Error> {
        self.child.kill()?;
        self.child.wait()?;
        self.child = spawn(target, options, self.address, self.dir.path())?;
        self.wait_ready(target)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A token that the server which was started here believes.
    pub(crate) fn token(&self, options: &StartOptions) -> Result<String, Error> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let made = Command::new(program(options, &env::current_exe()?)?)
                .args(["token", "gen", "--sub", "bench", "--perm", "*:READ,PUT,REMOVE"])
                .env(DIR_VARIABLE, self.dir.path().join(DATA))
                .env(SECRET_VARIABLE, SECRET)
                .output()?;
            if made.status.success() {
                return Ok(String::from_utf8_lossy(&made.stdout).trim().to_owned());
            }
            // It listens before it has made its secret.
            if Instant::now() > deadline {
                let said = String::from_utf8_lossy(&made.stderr).into_owned();
                return Err(Error::Server(format!("no token can be made: {said}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait_ready(&mut self, target: Target) -> Result<(), Error> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let said = fs::read_to_string(self.dir.path().join(LOG)).unwrap_or_default();
                let name = target.name();
                return Err(Error::Server(match ended {
                    Some(status) => format!("{name} ended at its start ({status}): {said}"),
                    None => format!("{name} does not listen on {}: {said}", self.address),
                }));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // What is measured has been measured; only an already ended process makes these fail.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(
    target: Target,
    options: &StartOptions,
    address: SocketAddr,
    dir: &Path,
) -> Result<Child, Error> {
    let this = env::current_exe()?;
    let mut command = Command::new(&this);
    command.args(["pinned", "--cpu", &options.server_cpu.to_string(), "--"]);
    match target.limit() {
        _ if target == Target::DurableStreams => command
            .arg(&options.durable_streams)
            .args(["--durability", "wal", "--port", &address.port().to_string(), "--data-dir"])
            .arg(dir.join(DATA)),
        Some(limit) => command
            .arg(&this)
            .args(["limit", limit, "--listen", &address.to_string(), "--dir"])
            .arg(dir),
        None => command
            .arg(program(options, &this)?)
            .arg("serve")
            .env("SYNCLINE_HTTP_LISTEN", address.to_string())
            .env(DIR_VARIABLE, dir.join(DATA))
            .env(SECRET_VARIABLE, SECRET)
            .env("SYNCLINE_STORAGE_DURABILITY", durability_name(options.durability))
            .env("SYNCLINE_MAPS_ACK", ack_name(options.ack)),
    };
    let output = fs::File::create(dir.join(LOG))?;
    command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .map_err(|error| Error::Server(format!("cannot start {}: {error}", target.name())))
}

fn ack_name(ack: Ack) -> &'static str {
    match ack {
        Ack::Device => "device",
        Ack::Memory => "memory",
    }
}

fn durability_name(durability: Durability) -> &'static str {
    match durability {
        Durability::Device => "device",
        Durability::Os => "os",
    }
}

fn program(options: &StartOptions, this: &Path) -> Result<PathBuf, Error> {
    let program = options.program.clone().unwrap_or_else(|| this.with_file_name("syncline"));
    if program.is_file() {
        return Ok(program);
    }
    Err(Error::Usage(format!(
        "there is no {}: build it (cargo build --release --bins) or name it with --program",
        program.display()
    )))
}

/// On a tmpfs a sync costs nothing, and everything that is durable looks better than it is.
fn complain_of_tmpfs(dir: &Path) -> Result<(), Error> {
    const TMPFS_MAGIC: u64 = 0x0102_1994;
    if rustix::fs::statfs(dir)?.f_type as u64 == TMPFS_MAGIC {
        let dir = dir.display();
        // Without standard error there is nobody to tell.
        let _ =
            writeln!(io::stderr(), "{dir} is a tmpfs: syncs cost nothing there, see --data-dir");
    }
    Ok(())
}

/// A free address of this machine. Another process could take it before ours does; then the start fails.
fn free_address() -> Result<SocketAddr, Error> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Lets this process and those it starts open as many files as the system allows.
pub(crate) fn raise_open_files() -> Result<(), Error> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}
