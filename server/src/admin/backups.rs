//! Backups of a running server's store, one at a time, each on a thread of its own.
//!
//! The server decides below which directory they go; a caller gives only a plain name.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use parking_lot::Mutex;
use serde_json::{Value, json};
use syncline_engine::{
    Error, Position, Store,
    storage::{Disk, RealDisk},
};

use super::absolute;

/// Longest name of a backup, in bytes.
const NAME_BYTES_MAX: usize = 100;
/// Backups whose end is remembered.
const REMEMBERED_MAX: usize = 16;

/// Why no backup was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The name is no plain file name.
    BadName,
    /// There is something of this name.
    Exists,
    /// Another backup has not ended.
    Busy,
    /// The system has no thread left.
    NoThread,
}

/// A backup that was begun.
#[derive(Debug)]
struct Backup {
    name: String,
    /// Bytes copied, and bytes that there are.
    progress: Arc<[AtomicU64; 2]>,
    /// `None` while it goes on.
    outcome: Option<Result<Position, Error>>,
}

/// The backups of one server.
#[derive(Debug)]
pub(super) struct Backups {
    dir: PathBuf,
    /// Those that were begun last, oldest first; only the newest may go on.
    begun: Arc<Mutex<VecDeque<Backup>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Backups {
    /// Backups go below `dir`, which is created with the first one.
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, begun: Default::default(), thread: Mutex::default() }
    }

    /// Begins one.
    pub(super) fn begin(&self, store: &Store, name: &str) -> Result<Value, Refusal> {
        if !is_plain(name) {
            return Err(Refusal::BadName);
        }
        let mut all = self.begun.lock();
        if all.back().is_some_and(|last| last.outcome.is_none()) {
            return Err(Refusal::Busy);
        }
        let path = self.dir.join(name);
        if !is_free(&path) {
            return Err(Refusal::Exists);
        }
        let begun = Backup { name: name.into(), progress: Arc::default(), outcome: None };
        let (told, progress) = (tell(&begun, &path), begun.progress.clone());
        let (store, shared) = (store.clone(), self.begun.clone());
        let thread = thread::Builder::new().name("syncline-backup".into()).spawn(move || {
            let outcome = copy(&store, &path, &progress);
            match &outcome {
                Ok(position) => tracing::info!(position = position.0, "made a backup"),
                Err(error) => tracing::warn!(%error, "a backup failed"),
            }
            if let Some(last) = shared.lock().back_mut() {
                last.outcome = Some(outcome);
            }
        });
        *self.thread.lock() = Some(thread.map_err(|_| Refusal::NoThread)?);
        all.push_back(begun);
        if all.len() > REMEMBERED_MAX {
            all.pop_front();
        }
        Ok(told)
    }

    /// How far the backup of this name is, if it is one of the last.
    pub(super) fn look(&self, name: &str) -> Option<Value> {
        let all = self.begun.lock();
        let backup = all.iter().rev().find(|backup| backup.name == name)?;
        Some(tell(backup, &self.dir.join(name)))
    }

    /// Waits for the one that goes on.
    pub(super) fn join(&self) {
        let thread = self.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("a backup ended in a panic");
        }
    }
}

/// Whether a backup may be made here: there is nothing, or the empty directory that one has left which
/// failed. A link that points nowhere is something too.
fn is_free(path: &Path) -> bool {
    let is_empty = || Ok::<_, io::Error>(RealDisk::open_read_only(path)?.list()?.is_empty());
    match path.symlink_metadata() {
        Ok(there) => there.is_dir() && is_empty().unwrap_or(false),
        Err(_) => true,
    }
}

fn copy(store: &Store, path: &Path, progress: &[AtomicU64; 2]) -> Result<Position, Error> {
    store.backup_with(Arc::new(RealDisk::open(path)?), &|done, all| {
        progress[0].store(done, Ordering::Relaxed);
        progress[1].store(all, Ordering::Relaxed);
    })
}

fn tell(backup: &Backup, path: &Path) -> Value {
    let [done, all] = &*backup.progress;
    let mut told = json!({
        "name": backup.name,
        "dir": absolute(path),
        "done_bytes": done.load(Ordering::Relaxed),
        "all_bytes": all.load(Ordering::Relaxed),
    });
    match &backup.outcome {
        None => told["state"] = "running".into(),
        Some(Ok(position)) => {
            told["state"] = "done".into();
            told["position"] = position.0.into();
        }
        Some(Err(error)) => {
            told["state"] = "failed".into();
            told["error"] = error.to_string().into();
            told["is_damage"] = error.is_corruption().into();
        }
    }
    told
}

/// Letters, digits and `-._`, not beginning with a dot: nothing that leaves a directory.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failed_backup_leaves_is_in_nobodys_way() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("today");
        assert!(is_free(&path));
        std::fs::create_dir(&path).unwrap();
        // What stays of the lock.
        std::fs::write(path.join("LOCK"), "").unwrap();
        assert!(is_free(&path));
        std::fs::write(path.join("0000000000000001.snap"), "x").unwrap();
        assert!(!is_free(&path));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path().join("nowhere"), &link).unwrap();
        assert!(!is_free(&link));
        std::fs::write(dir.path().join("file"), "").unwrap();
        assert!(!is_free(&dir.path().join("file")));
    }

    #[test]
    fn only_plain_names_are_taken() {
        for name in ["today", "2026-11-20T120000Z", "a.b_c", &"x".repeat(NAME_BYTES_MAX)] {
            assert!(is_plain(name), "{name}");
        }
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for name in ["", ".", "..", ".hidden", "a/b", "../a", "a\\b", "a b", "ä", "a%2fb", &long] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
