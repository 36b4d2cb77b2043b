//! What can be set in `[storage]`, and its defaults. Values only.

use std::path::PathBuf;

use crate::config::Durability;

/// Where the data is and how an acknowledged write is kept.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StorageConfig {
    /// The store's directory, created when absent.
    pub dir: PathBuf,
    /// What an acknowledged write survives.
    pub durability: Durability,
    /// Below it a running server makes backups; a relative path is inside `dir`.
    pub backup_dir: PathBuf,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("syncline-data"),
            durability: Durability::Device,
            backup_dir: PathBuf::from("backups"),
        }
    }
}
