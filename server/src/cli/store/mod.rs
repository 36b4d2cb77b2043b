//! The commands that look after a store's directory: one file per command.
//!
//! They work on files, beside a server or without one, and know the engine's public face only.

mod backup;
mod compact;
pub(super) mod datasets;
mod dump;
mod get;
mod json;
mod ls;
pub(super) mod maps;
pub(super) mod peer;
mod place;
mod remote;
mod restore;
mod rooms;
mod salvage;
mod stat;
mod table;
mod tail;
mod text;
mod verify;

use clap::Subcommand;

use super::failure::Failure;

/// What can be done with a store's directory.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// List the collections of a store
    Ls(ls::LsArgs),
    /// Print one record of a log, or one value of a map
    Get(get::GetArgs),
    /// Print the last records of a log
    Tail(tail::TailArgs),
    /// Print everything as JSON lines
    Dump(dump::DumpArgs),
    /// Say how large a store is and what it holds
    Stat(stat::StatArgs),
    /// Look at every byte of a store and list what is damaged
    Verify(verify::VerifyArgs),
    /// Copy what is whole of a damaged store into a new one
    Salvage(salvage::SalvageArgs),
    /// Take back all space that is not of use any more
    Compact(compact::CompactArgs),
    /// Copy a store to another directory
    Backup(backup::BackupArgs),
    /// Make a data directory from a backup
    Restore(restore::RestoreArgs),
}

/// Runs one of them.
pub(crate) fn run(command: &StoreCommand) -> Result<(), Failure> {
    match command {
        StoreCommand::Ls(args) => ls::run(args),
        StoreCommand::Get(args) => get::run(args),
        StoreCommand::Tail(args) => tail::run(args),
        StoreCommand::Dump(args) => dump::run(args),
        StoreCommand::Stat(args) => stat::run(args),
        StoreCommand::Verify(args) => verify::run(args),
        StoreCommand::Salvage(args) => salvage::run(args),
        StoreCommand::Compact(args) => compact::run(args),
        StoreCommand::Backup(args) => backup::run(args),
        StoreCommand::Restore(args) => restore::run(args),
    }
}
