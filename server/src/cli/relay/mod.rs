//! `syncline relay`: bringing changes in from, and out to, the SQLite file of the first relay
//! server. Works on the store's directory while no server has it open.

mod changes;
mod export;
mod import;
mod updates;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use syncline_engine::{Options, Store};

use super::{
    failure::{Exit, Failure},
    flags::StoreFlags,
    output,
    progress::Progress,
    signals,
};

/// The largest message that a server can be told to take, and some room for its names.
const RECORD_BYTES_MAX: usize = 129 << 20;

/// What can be done with the changes of the relay.
#[derive(Debug, Subcommand)]
pub(crate) enum RelayCommand {
    /// Write every change to a new SQLite file: table updates (id, discovery_key, client_id, data)
    ///
    /// The server must not be running on the data directory. Keys stand one behind the other, the
    /// changes of a key in their order.
    Export {
        /// The file to make; it must not exist
        #[arg(long, value_name = "FILE")]
        sqlite: PathBuf,
        #[command(flatten)]
        flags: StoreFlags,
    },
    /// Add the changes of a SQLite file: table updates (id, discovery_key or sync_id, client_id, data)
    ///
    /// The server must not be running on the data directory. Sequence numbers are given anew, from
    /// 1 for each key. Importing a file again adds only what is missing; a key whose changes differ
    /// from the file's is refused before anything is written.
    Import {
        /// The file to read, such as updates.db; it is not changed
        file: PathBuf,
        #[command(flatten)]
        flags: StoreFlags,
    },
}

/// Runs one of them.
pub(crate) fn run(command: &RelayCommand) -> Result<(), Failure> {
    match command {
        RelayCommand::Export { sqlite, flags } => {
            let dir = flags.load()?.config.storage.dir;
            if !dir.is_dir() {
                return Err(Failure::new(
                    Exit::NotFound,
                    format!("no data directory {}", dir.display()),
                )
                .hint("name it with --data-dir"));
            }
            let store = open(&dir)?;
            let done = export::run(&store, sqlite, &mut Progress::new("exported"))?;
            store.close()?;
            output::print(&done.to_string())
        }
        RelayCommand::Import { file, flags } => {
            let mut updates = updates::Reader::open(file)?;
            signals::outlive_file_size_limit()?;
            let store = open(&flags.load()?.config.storage.dir)?;
            let done = import::run(&store, &mut updates, &mut Progress::new("imported"))?;
            store.close()?;
            output::print(&done.to_string())
        }
    }
}

fn open(dir: &Path) -> Result<Store, Failure> {
    let mut options = Options::default();
    options.record_bytes_max = RECORD_BYTES_MAX;
    Store::open(dir, options).map_err(|error| Failure::from(error).about(dir.display()))
}
