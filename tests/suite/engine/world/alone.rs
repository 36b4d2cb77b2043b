//! A test in a process of its own: limits of a process, signals and death concern only that one.

use std::{
    env,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};

/// Tells the child that it is one, and its directory.
const DIR: &str = "SYNCLINE_TEST_CHILD_DIR";

/// The directory of the child that this process is; `None` in the parent.
pub(crate) fn child_dir() -> Option<PathBuf> {
    env::var_os(DIR).map(PathBuf::from)
}

/// This program, about to run one of its tests alone, with what it prints as it comes.
pub(crate) fn command(test: &str, dir: &Path) -> Command {
    // A write beyond a limit of file size is to be an error, as in a server that ignores the signal.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    command.arg(env::current_exe().expect("the test knows where it is"));
    command.args([test, "--exact", "--nocapture", "--test-threads", "1"]);
    command.env(DIR, dir).stdin(Stdio::null());
    command
}

/// Runs `child` in a process of its own, which finds itself here again; true in the parent, after
/// it ended well.
pub(crate) fn ends_well(test: &str, child: impl FnOnce(&Path)) -> bool {
    if let Some(dir) = child_dir() {
        child(&dir);
        return false;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let output = command(test, dir.path()).output().expect("starts");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{}\n{text}", output.status);
    true
}

/// Runs `child` as [`ends_well`] does, where a signal must end it; what it printed until then.
pub(crate) fn dies_of(test: &str, signal: Signal, child: impl FnOnce(&Path)) -> Option<String> {
    if let Some(dir) = child_dir() {
        child(&dir);
        return None;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let output = command(test, dir.path()).output().expect("starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.signal(), Some(signal.as_raw()), "{}\n{text}", output.status);
    Some(text)
}

/// Limits this process until it is told otherwise; only for children.
pub(crate) fn limit(resource: Resource, most: Option<u64>) {
    assert!(child_dir().is_some(), "a limit would concern every test of this process");
    let maximum = getrlimit(resource).maximum;
    let current = most.or(maximum);
    setrlimit(resource, Rlimit { current, maximum }).expect("a lower limit is always taken");
}
