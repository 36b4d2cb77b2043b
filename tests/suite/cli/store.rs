//! The commands that look after a store: on a store, beside a server, on damage, on nothing.

mod compact;
mod online;
mod read;
mod restore;
mod salvage;
mod verify;

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Stdio,
};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use syncline_engine::{Batch, Options, Store};
use syncline_tests::process::command;
use tempfile::TempDir;

use crate::{Ran, run};

/// A directory with a store in `data`, and its path as the flag wants it.
struct Kept {
    dir: TempDir,
}

impl Kept {
    /// A log of text, binary and empty records with its front trimmed, an empty log, and a map.
    fn new() -> Self {
        Self::with(|store| {
            let log = store.log("doc/42").unwrap();
            store.log("empty").unwrap();
            let map = store.map("titles").unwrap();
            let mut batch = Batch::new();
            for payload in [&b"gone"[..], b"hello", &[0xff, 0x1b, b'x'], b""] {
                batch.append(&log, payload);
            }
            batch.put(&map, b"doc/42", b"a \"title\"");
            batch.put(&map, &[0, 0xfe], b"\xf0\x9f\x98\x80");
            store.commit(batch).unwrap();
            let mut batch = Batch::new();
            batch.trim(&log, syncline_engine::Seq(2));
            store.commit(batch).unwrap();
        })
    }

    /// A store that `fill` has filled, in small segments.
    fn with(fill: impl FnOnce(&Store)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut options = Options::default();
        options.segment_bytes = 4 << 10;
        let store = Store::open(dir.path().join("data"), options).unwrap();
        fill(&store);
        store.close().unwrap();
        Self { dir }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Runs a command on the store.
    fn run(&self, arguments: &[&str]) -> Ran {
        on(&self.data(), arguments)
    }

    /// Every file of the store.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files(&self.data())
    }

    /// Flips a bit of the first record whose payload is `payload`.
    fn damage(&self, payload: &[u8]) {
        let (path, mut bytes) = self
            .files()
            .into_iter()
            .find(|(_, bytes)| bytes.windows(payload.len()).any(|window| window == payload))
            .expect("the payload is in a file");
        let at = bytes.windows(payload.len()).position(|window| window == payload).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    }
}

/// Runs a command on the store of a directory.
fn on(dir: &Path, arguments: &[&str]) -> Ran {
    let more = ["--data-dir", dir.to_str().unwrap()];
    run(&[arguments, &more].concat(), &[])
}

/// Runs a command on the store of a directory with a terminal as its standard output.
fn on_terminal(dir: &Path, arguments: &[&str]) -> Ran {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let side = fs::OpenOptions::new().write(true).open(name.to_str().unwrap()).unwrap();
    let more = ["--data-dir", dir.to_str().unwrap()];
    let mut command = command(&[arguments, &more].concat());
    let mut child = command.stdout(side).stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    let mut out = Vec::new();
    // Ends with an error when the other side is closed.
    let _ = fs::File::from(terminal).read_to_end(&mut out);
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    let out = String::from_utf8(out).unwrap().replace("\r\n", "\n");
    Ran { code: child.wait().unwrap().code(), out, err }
}

/// The store's own files in a directory: the lock's file is not one of them.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.is_file() && !path.ends_with("LOCK"))
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}
