//! What an operator may ask of a running server: its store's figures, and a backup.
//!
//! Knows who may ask and what is answered, as values; nothing of HTTP.

mod backups;
mod key;

use std::{io, net::SocketAddr};

use serde_json::{Value, json};
use syncline_engine::Store;

use crate::{auth::same_secret, config::Config};

use self::backups::Backups;
pub(crate) use self::backups::Refusal;
pub use self::key::LocalKey;

/// Whether somebody may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Granted,
    /// A token is needed, and what was shown is none.
    Refused,
    /// No token is set, so that nobody but the owner of the data directory is even answered.
    Off,
}

/// The operator's side of one server.
pub(crate) struct Admin {
    store: Store,
    dir: std::path::PathBuf,
    token: Option<String>,
    secret: String,
    backups: Backups,
}

impl std::fmt::Debug for Admin {
    /// Nothing that opens it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Admin {
    /// The operator's side of a server that listens at `address`. Its key lies in the data directory
    /// until [`Admin::stop`]; a directory that takes none is logged, and only the configured token
    /// counts then.
    ///
    /// # Errors
    /// Those of the system's source of random numbers.
    pub(crate) fn start(config: &Config, store: &Store, address: SocketAddr) -> io::Result<Self> {
        let key = LocalKey::new(address)?;
        let dir = config.storage.dir.clone();
        if let Err(error) = key.write(&dir) {
            tracing::warn!(%error, "commands on this machine cannot find the server");
        }
        Ok(Self {
            store: store.clone(),
            backups: Backups::new(dir.join(&config.storage.backup_dir)),
            dir,
            token: config.auth.admin_token.clone(),
            secret: key.token,
        })
    }

    /// What showing this entitles to.
    pub(crate) fn access(&self, shown: Option<&str>) -> Access {
        let is = |token: &str| shown.is_some_and(|shown| same_secret(shown, token));
        match &self.token {
            _ if is(&self.secret) => Access::Granted,
            Some(token) if is(token) => Access::Granted,
            Some(_) => Access::Refused,
            None => Access::Off,
        }
    }

    /// The figures of the store.
    pub(crate) fn stat(&self) -> Value {
        let stats = self.store.stats();
        json!({
            "dir": absolute(&self.dir),
            "position": self.store.durable().0,
            "segments": stats.history_segments + stats.cold_segments,
            "cold_segments": stats.cold_segments,
            "disk_bytes": stats.segment_bytes + stats.snapshot_bytes,
            "live_bytes": stats.live_bytes,
            "waiting_bytes": stats.waiting_bytes,
            "damaged_segments": stats.damaged_segments,
            "snapshots": stats.snapshots,
            "snapshot_bytes": stats.snapshot_bytes,
            "snapshot_position": stats.snapshot_position.map(|position| position.0),
            "since_snapshot_bytes": stats.since_snapshot_bytes,
            "snapshots_written": stats.snapshots_written,
            "segments_rewritten": stats.segments_rewritten,
            "rewritten_bytes": stats.bytes_rewritten,
            "segments_removed": stats.segments_removed,
            "removed_bytes": stats.bytes_removed,
            "is_full": stats.is_full,
            "last_failure": stats.last_failure.map(|error| error.to_string()),
        })
    }

    /// Begins a backup; it goes on by itself. What [`Admin::backup`] tells of it.
    ///
    /// # Errors
    /// A [`Refusal`] when nothing was begun.
    pub(crate) fn begin_backup(&self, name: &str) -> Result<Value, Refusal> {
        self.backups.begin(&self.store, name)
    }

    /// How far the backup of this name is, if it is one of the last that were begun.
    pub(crate) fn backup(&self, name: &str) -> Option<Value> {
        self.backups.look(name)
    }

    /// Takes the key away. A backup ends when the store is closed.
    pub(crate) fn stop(&self) {
        LocalKey::remove(&self.dir);
    }

    /// Waits for the backup that a close of the store has ended.
    pub(crate) fn join(&self) {
        self.backups.join();
    }
}

fn absolute(dir: &std::path::Path) -> String {
    std::path::absolute(dir).as_deref().unwrap_or(dir).display().to_string()
}
