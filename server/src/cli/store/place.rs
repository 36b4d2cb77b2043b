//! Which directory a command works on, and opening the store in it.
//!
//! Knows the configuration and how a missing store is told; nothing of what is done with one.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use syncline::config::Loaded;
use syncline_engine::{Error, Options, Store, storage::RealDisk};

use crate::cli::{
    failure::{Exit, Failure},
    flags::StoreFlags,
    output::{self, count},
};

/// The largest message that a server can be told to take, and some room for its names.
const RECORD_BYTES_MAX: usize = 129 << 20;

/// The file of a store that only holds space.
const RESERVE_NAME: &str = "RESERVE";

/// The data directory that the flags, the environment and the file name. There is a store in it.
pub(super) fn directory(flags: &StoreFlags) -> Result<PathBuf, Failure> {
    directory_of(&flags.load()?)
}

/// As [`directory`], with a configuration that is there already.
pub(super) fn directory_of(loaded: &Loaded) -> Result<PathBuf, Failure> {
    let dir = loaded.config.storage.dir.clone();
    check(&dir).map_err(|failure| failure.hint("name the data directory with --data-dir DIR"))?;
    Ok(dir)
}

/// Fails when there is no store in a directory: nothing that only looks makes one.
pub(super) fn check(dir: &Path) -> Result<(), Failure> {
    let absent = |what: &str| Failure::new(Exit::NotFound, format!("{what} {}", dir.display()));
    if !dir.is_dir() {
        return Err(absent("no data directory"));
    }
    if files(dir)?.is_empty() { Err(absent("there is no store in")) } else { Ok(()) }
}

/// The store's own files in a directory, with their lengths in bytes.
pub(super) fn files(dir: &Path) -> Result<Vec<(String, u64)>, Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && [".seg", ".snap"].iter().any(|end| name.ends_with(end))
        {
            found.push((name, entry.metadata()?.len()));
        }
    }
    Ok(found)
}

/// The whole path of a directory, for messages.
pub(super) fn absolute(dir: &Path) -> String {
    std::path::absolute(dir).as_deref().unwrap_or(dir).display().to_string()
}

/// Opens the store of a directory to read it: also beside a server, and in spite of damage. Changes
/// nothing.
pub(super) fn open_to_read(dir: &Path) -> Result<Store, Failure> {
    let opened = RealDisk::open_read_only(dir).map_err(Error::from);
    let store = opened.and_then(|disk| Store::open_read_only_on(Arc::new(disk), options()));
    let store = store.map_err(|error| Failure::from(error).about(dir.display()))?;
    let damages = store.report().damages.len() as u64;
    if damages > 0 {
        let (found, hint) = (count(damages, "damage"), "`syncline verify` lists them");
        output::complain(&format!("{}: {found}, what is whole is read; {hint}\n", dir.display()));
    }
    Ok(store)
}

/// Bytes of the store's own files in a directory, with what it keeps for a full disk.
pub(super) fn bytes(dir: &Path) -> Result<u64, Failure> {
    let reserve = fs::metadata(dir.join(RESERVE_NAME)).map_or(0, |metadata| metadata.len());
    Ok(files(dir)?.iter().map(|(_, bytes)| bytes).sum::<u64>() + reserve)
}

/// Opens the store of a directory; nobody else may have it open.
pub(super) fn open(dir: &Path) -> Result<Store, Failure> {
    Store::open(dir, options()).map_err(|error| Failure::from(error).about(dir.display()))
}

/// As [`open`], with the whole disk for compaction: there is nobody to leave some of it to, and the
/// next server makes its reserve again.
pub(super) fn open_to_compact(dir: &Path) -> Result<Store, Failure> {
    let mut options = options();
    options.compaction_bytes_per_second = u64::MAX;
    options.reserve_bytes = 0;
    Store::open(dir, options).map_err(|error| Failure::from(error).about(dir.display()))
}

fn options() -> Options {
    let mut options = Options::default();
    options.record_bytes_max = RECORD_BYTES_MAX;
    options
}
