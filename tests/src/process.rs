//! The real program as a child process: started, watched, told to end, killed.
//!
//! Knows the `syncline` binary by its command line, its output and its exit code.

use std::{
    env,
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{PATIENCE, http::get, until};

/// The program, built once per test run from the sources as they are.
///
/// # Panics
/// When it does not build.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // This test runs as <target>/<profile>/deps/<name>.
        let test = env::current_exe().expect("the test knows where it is");
        let folder = test.ancestors().nth(2).expect("a folder of the profile").to_owned();
        let profile = folder.file_name().and_then(OsStr::to_str).expect("a profile's name");
        let profile = if profile == "debug" { "dev" } else { profile };
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        // With the whole workspace, dependencies have the features that the tests' own build gave
        // them already: most need not be built again.
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--workspace", "--bin", "syncline"])
            .args(["--profile", profile, "--target-dir"])
            .arg(folder.parent().expect("a target folder"))
            .current_dir(crate::house::tree::root())
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the program builds");
        folder.join("syncline")
    })
}

/// A command of the program that sees nothing of this process' environment.
#[must_use]
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.env_clear().args(arguments).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
///
/// # Panics
/// When it does not start.
#[must_use]
pub fn run(arguments: &[&str]) -> Output {
    to_end(command(arguments))
}

/// Runs a command that must end by itself.
///
/// # Panics
/// When it does not start, or does not end.
#[must_use]
pub fn to_end(mut command: Command) -> Output {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let pid = Pid::from_child(&child);
    let start = Instant::now();
    while child.try_wait().expect("a child can be waited for").is_none() {
        if start.elapsed() > PATIENCE {
            kill_process(pid, Signal::KILL).expect("the process is there");
            panic!("it does not end: {:?}", child.wait_with_output());
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().expect("its output can be read")
}

/// `syncline serve`, running.
#[derive(Debug)]
pub struct Serving {
    child: Child,
    output: Arc<Mutex<String>>,
    readers: Vec<thread::JoinHandle<()>>,
    address: SocketAddr,
}

impl Serving {
    /// Starts one over a directory, on a free port, and waits until it is ready. `more` are
    /// environment variables.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn start(dir: &Path, more: &[(&str, &str)]) -> Self {
        let mut command = command(&["serve"]);
        command.current_dir(dir).env("SYNCLINE_STORAGE_DIR", dir.join("data"));
        command.env("SYNCLINE_HTTP_LISTEN", "127.0.0.1:0").envs(more.iter().copied());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let output = Arc::default();
        let readers = vec![
            follow(child.stdout.take().expect("piped"), &output),
            follow(child.stderr.take().expect("piped"), &output),
        ];
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut serving = Self { child, output, readers, address: any };
        serving.address = until("the program says where it listens", || {
            let ended = serving.child.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "it ended: {ended:?}\n{}", serving.output());
            address_in(&serving.output())
        });
        until("the program is ready", || {
            (get(serving.address, "/readyz").status == 200).then_some(())
        });
        serving
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory.
    ///
    /// # Panics
    /// Where there is no `/proc`.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("a Linux system");
        let size = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("a resident size");
        let kib: u64 = size.trim().trim_end_matches(" kB").parse().expect("a number");
        kib << 10
    }

    /// Everything it has printed so far, on both streams.
    ///
    /// # Panics
    /// Never: nobody panics while printing is recorded.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.lock().expect("no reader panics").clone()
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the process is there");
    }

    /// Ends it as a power cut of the process: SIGKILL. Returns what it had printed.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn kill(mut self) -> String {
        self.child.kill().expect("the process is ours");
        self.end().1
    }

    /// Waits until it ends by itself: how, and what it had printed.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn ended(mut self) -> (ExitStatus, String) {
        until("the program ends", || self.child.try_wait().expect("a child can be waited for"));
        self.end()
    }

    fn end(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("a child can be waited for");
        for reader in self.readers.drain(..) {
            reader.join().expect("no reader panics");
        }
        (status, self.output())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn follow(stream: impl Read + Send + 'static, to: &Arc<Mutex<String>>) -> thread::JoinHandle<()> {
    let to = to.clone();
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            to.lock().expect("no reader panics").push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

/// The first loopback address with a port in what was printed.
fn address_in(output: &str) -> Option<SocketAddr> {
    let (at, host) = output.match_indices("127.0.0.1:").next()?;
    let port = output[at + host.len()..].split(|c: char| !c.is_ascii_digit()).next()?;
    format!("{host}{port}").parse().ok().filter(|a: &SocketAddr| a.port() != 0)
}

#[cfg(test)]
mod tests {
    use super::address_in;

    #[test]
    fn the_address_is_found_in_a_banner() {
        let banner = "syncline 0.1.0\n  relay  ws://127.0.0.1:40123/sync\n";
        assert_eq!(address_in(banner), Some(([127, 0, 0, 1], 40123).into()));
        assert_eq!(address_in("listening on 127.0.0.1:0"), None);
    }
}
