//! Why tokens cannot be checked at all: words that name what to mend, and never a secret.

use std::{io, path::PathBuf};

use super::OWN_SECRET;

/// Why tokens cannot be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A file with a key could not be read, or none could be made.
    #[error("{}: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// A file holds no key that checks tokens.
    #[error("{}: {reason}", .path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The keys of an address could not be had.
    #[error("{url}: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// No key is for any of `[auth] algorithms`.
    #[error("no key is for any of [auth] algorithms")]
    NoKey,
}

impl StartError {
    /// Whether it is about the secret that a server makes for itself.
    #[must_use]
    pub fn is_about_own_secret(&self) -> bool {
        let (Self::Unreadable { path, .. } | Self::BadKey { path, .. }) = self else {
            return false;
        };
        path.file_name().is_some_and(|name| name == OWN_SECRET)
    }
}
