//! Who is measured: names, versions, settings, and what each can do. Knows nothing of how.

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// syncline-engine.
    Syncline,
    /// raft-engine.
    Raft,
    /// RocksDB, through the crate rocksdb.
    Rocks,
    /// fjall.
    Fjall,
    /// LMDB, through heed.
    Lmdb,
    /// redb.
    Redb,
    /// SQLite, through rusqlite.
    Sqlite,
    /// sled.
    Sled,
    /// okaywal.
    Okaywal,
    /// commitlog.
    Commitlog,
    /// A preallocated file, written and synced.
    Disk,
}

/// What every package of this build is locked to.
const LOCKED: &str = include_str!("../../Cargo.lock");

impl Kind {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 11] = [
        Self::Syncline,
        Self::Raft,
        Self::Rocks,
        Self::Fjall,
        Self::Lmdb,
        Self::Redb,
        Self::Sqlite,
        Self::Sled,
        Self::Okaywal,
        Self::Commitlog,
        Self::Disk,
    ];

    /// Those that were built in.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| match kind {
            Self::Rocks => cfg!(feature = "rocksdb"),
            Self::Sled => cfg!(feature = "sled"),
            _ => true,
        })
    }

    /// The engine's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syncline => "syncline",
            Self::Raft => "raft-engine",
            Self::Rocks => "rocksdb",
            Self::Fjall => "fjall",
            Self::Lmdb => "LMDB",
            Self::Redb => "redb",
            Self::Sqlite => "SQLite",
            Self::Sled => "sled",
            Self::Okaywal => "okaywal",
            Self::Commitlog => "commitlog",
            Self::Disk => "raw-disk",
        }
    }

    /// The engine of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// The package or packages that it comes in, with their versions.
    pub fn version(self) -> String {
        let packages: &[&str] = match self {
            Self::Syncline => &["syncline-engine"],
            Self::Raft => &["raft-engine"],
            Self::Rocks => &["rocksdb", "librocksdb-sys"],
            Self::Fjall => &["fjall"],
            Self::Lmdb => &["heed", "lmdb-master-sys"],
            Self::Redb => &["redb"],
            Self::Sqlite => &["rusqlite", "libsqlite3-sys"],
            Self::Sled => &["sled"],
            Self::Okaywal => &["okaywal"],
            Self::Commitlog => &["commitlog"],
            Self::Disk => &[],
        };
        let versions: Vec<String> =
            packages.iter().map(|name| format!("{name} {}", locked(name))).collect();
        versions.join(", ")
    }

    /// The settings it runs with.
    pub fn settings(self) -> &'static str {
        match self {
            Self::Syncline => {
                "defaults; its user calls `maintain` until it is idle, here every 50 ms. Where values are overwritten, \
                 segments of 8 MiB and a thread of its own instead. Every read checks its CRC, and so does an open \
                 without a snapshot"
            }
            Self::Raft => {
                "defaults, but compression off (the payload does not compress) and `purge_threshold` 512 MB instead of \
                 10 GB; its user calls `purge_expired_files`, here every 50 ms. Reads of logs check the CRC of their \
                 block; a map's values are in memory"
            }
            Self::Rocks => {
                "the makers' \"Basic Tuning\": block cache (4 GiB), 10 bloom bits, blocks of 16 KiB, dynamic levels, \
                 6 background jobs, `bytes_per_sync` 1 MiB; compression off. Blocks are checked when they enter the cache"
            }
            Self::Fjall => {
                "defaults, built without compression, with a block cache of 4 GiB. Blocks are checked when they are read"
            }
            Self::Lmdb => {
                "one read transaction per thread, `MDB_APPEND` with a single log. No checksums"
            }
            Self::Redb => {
                "a cache of 4 GiB, one write transaction per batch, one read transaction per thread. Checksums are \
                 checked by a repair only"
            }
            Self::Sqlite => {
                "WAL, a table WITHOUT ROWID, memory map and cache of 4 GiB, statements kept; one connection writes, one per \
                 thread reads. No checksums in the database"
            }
            Self::Sled => {
                "defaults with a cache of 4 GiB. It compresses with zstd, which saves it work where payloads repeat: at appends and many logs"
            }
            Self::Okaywal => {
                "files of 64 MiB, checkpoint after 48 MiB with nothing to do in it; where it is read, no checkpoint. Its user \
                 keeps the positions. Reads check their CRC"
            }
            Self::Commitlog => "defaults, one log per directory",
            Self::Disk => "a file of written zeros, 256 B at a time",
        }
    }

    /// What its buffered and its durable writes survive, and how.
    pub fn durability(self) -> &'static str {
        match self {
            Self::Syncline => {
                "buffered: `Durability::Os`, one `wait` at the end. Durable: `Durability::Device`, `commit` and `wait`: one \
                 `fdatasync` for everyone who waits"
            }
            Self::Raft => {
                "buffered: `write(batch, false)`. Durable: `write(batch, true)`: one `fdatasync` per group of writers"
            }
            Self::Rocks => {
                "buffered: log written, not synced. Durable: `WriteOptions::sync`: one `fdatasync` per group of writers"
            }
            Self::Fjall => {
                "buffered: `PersistMode::Buffer`. Durable: `PersistMode::SyncData` per batch: an `fdatasync` each"
            }
            Self::Lmdb => {
                "buffered: `MDB_NOSYNC`, which may not survive a power cut at all. Durable: defaults, a sync per transaction"
            }
            Self::Redb => {
                "buffered: `Durability::None`, in the process until the next durable commit. Durable: `Immediate`, a sync \
                 per transaction"
            }
            Self::Sqlite => {
                "buffered: `synchronous=NORMAL`, synced by checkpoints. Durable: `FULL`, a sync per transaction"
            }
            Self::Sled => {
                "buffered: in the process, flushed every 200 ms. Durable: `flush` after each batch"
            }
            Self::Okaywal => "durable only: one sync per group of commits",
            Self::Commitlog => "buffered only: it has no sync",
            Self::Disk => "`pwrite` and `fdatasync`",
        }
    }

    /// Whether it keeps logs that can be read by number.
    pub fn has_reads(self) -> bool {
        !matches!(self, Self::Commitlog | Self::Disk)
    }

    /// Whether it writes images to open from, by a call of its own.
    pub fn has_snapshot(self) -> bool {
        self == Self::Syncline
    }

    /// Whether what it keeps in memory can be seen: an engine in Rust that does not keep it in memory maps.
    pub fn has_visible_heap(self) -> bool {
        matches!(self, Self::Syncline | Self::Raft | Self::Fjall | Self::Redb | Self::Sled)
    }

    /// Whether it keeps keys with values.
    pub fn has_map(self) -> bool {
        self.has_reads() && self != Self::Okaywal
    }
}

/// The version of a package in Cargo.lock; `?` for one that is not there.
fn locked(package: &str) -> &'static str {
    let name = format!("name = \"{package}\"");
    let mut lines = LOCKED.lines().skip_while(|line| *line != name);
    lines.nth(1).and_then(|line| line.split('"').nth(1)).unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_known() {
        for kind in Kind::ALL {
            assert!(!kind.version().contains('?'), "{}", kind.version());
        }
        assert!(Kind::Raft.version().starts_with("raft-engine 0.4"));
    }
}
