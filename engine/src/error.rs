//! What can go wrong, and who must act.
//!
//! Knows every layer's failures by kind; nothing of how a layer works.

use std::{
    io::{self, ErrorKind},
    sync::Arc,
};

/// What went wrong. The kind says who must act: the caller, the bytes, the disk, or a reopen.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller asked for what cannot be. Nothing was written; the call has to change.
    #[error("rejected: {0}")]
    Rejected(String),
    /// Bytes that were durable do not match their checksum. Reads of other records go on; restore
    /// the segment from a copy.
    #[error(
        "corrupt: segment {segment} at offset {offset} does not match its checksum; \
         restore this segment from a copy"
    )]
    Corrupt {
        /// The segment's id, which is also its file name in hexadecimal.
        segment: u64,
        /// Where the damaged frame begins, in bytes from the start of the file.
        offset: u64,
    },
    /// A snapshot is not of this store, or what it needs is not there. Nothing was changed: restore the
    /// directory from a copy.
    #[error(
        "corrupt: snapshot {snapshot} at offset {offset} does not belong to these segments; \
         restore the directory from a copy"
    )]
    CorruptSnapshot {
        /// The snapshot's id, which is also its file name in hexadecimal.
        snapshot: u64,
        /// What is wrong, in bytes from the start of the file.
        offset: u64,
    },
    /// The disk failed, or refused. After a failed write or sync the store is poisoned too.
    #[error("i/o: {0}; check the disk and the permissions of the store's directory")]
    Io(Arc<io::Error>),
    /// No space for the next segment. Nothing was written: free some space and try again; the
    /// store goes on without a reopen.
    #[error("disk full: nothing was written; free some space and try again")]
    Full,
    /// Another store has the directory open.
    #[error(
        "locked by {}; a store has one opener: close the other one",
        .pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
    )]
    Locked {
        /// The holder's process id, when it could be read.
        pid: Option<u32>,
    },
    /// A write or a sync failed before. What was not durable then is not promised any more: reopen
    /// the store. Reads go on.
    #[error("poisoned: an earlier write or sync failed; reopen the store to write again")]
    Poisoned,
    /// The store was closed. Open it again to write.
    #[error("closed: open the store again to write")]
    Closed,
    /// The store was written by a newer version of this library. It was not touched.
    #[error("unsupported: the store needs format version {version} or later; update this program")]
    Unsupported {
        /// The format version that is needed at least.
        version: u32,
    },
}

impl Error {
    /// Whether the same call may succeed later without a reopen: only [`Error::Full`].
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Full)
    }

    /// Whether stored bytes are damaged: [`Error::Corrupt`] and [`Error::CorruptSnapshot`].
    #[must_use]
    pub fn is_corruption(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::CorruptSnapshot { .. })
    }

    /// A rejection with its reason.
    pub(crate) fn rejected(why: impl Into<String>) -> Self {
        Self::Rejected(why.into())
    }

    /// A failure while space was being taken: a full disk, a quota and a file size limit are all
    /// [`Error::Full`].
    pub(crate) fn reserving(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::Full
            }
            _ => error.into(),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_who_and_what_next() {
        let locked = Error::Locked { pid: Some(42) }.to_string();
        assert!(locked.contains("process 42"), "{locked}");
        let corrupt = Error::Corrupt { segment: 7, offset: 64 };
        assert!(corrupt.is_corruption() && !corrupt.is_retryable());
        assert!(corrupt.to_string().contains("segment 7 at offset 64"));
    }

    #[test]
    fn only_a_full_disk_is_retryable() {
        assert!(Error::reserving(ErrorKind::QuotaExceeded.into()).is_retryable());
        assert!(!Error::reserving(ErrorKind::PermissionDenied.into()).is_retryable());
        assert!(!Error::Poisoned.is_retryable());
    }
}
