//! The file that says that a directory holds a backup, or a salvage, which was never finished.
//!
//! It is there before anything else and goes last, so that a half-made copy is never taken for a
//! store. Knows a disk; nothing of what is copied.

use crate::{error::Error, storage::Disk};

const NAME: &str = "UNFINISHED-BACKUP";

/// Fails when a directory holds an unfinished backup.
///
/// # Errors
/// [`Error::Rejected`]; those of the disk.
pub(crate) fn refuse(disk: &dyn Disk) -> Result<(), Error> {
    if disk.list()?.iter().any(|name| name == NAME) {
        return Err(Error::rejected(format!(
            "the directory holds a backup or a salvage that was never finished ({NAME} is in it): \
             remove it and make another one"
        )));
    }
    Ok(())
}

/// Marks an empty directory; durable on return.
pub(crate) fn mark(target: &dyn Disk) -> Result<(), Error> {
    target.create(NAME, 0).map_err(Error::reserving)?.sync()?;
    Ok(target.sync_dir()?)
}

/// Takes the mark away when everything else is there. Every name is durable before and after.
pub(crate) fn unmark(target: &dyn Disk) -> Result<(), Error> {
    target.sync_dir()?;
    target.remove(NAME)?;
    Ok(target.sync_dir()?)
}

/// Removes what a failed backup has left, the mark last. What cannot be removed stays marked.
pub(crate) fn clear(target: &dyn Disk) {
    let Ok(names) = target.list() else { return };
    if !names.iter().any(|name| name == NAME) && mark(target).is_err() {
        // All is there, or nothing: a copy that is not marked was finished.
        return;
    }
    let mut rest = names.iter().filter(|name| *name != NAME);
    if rest.all(|name| target.remove(name).is_ok()) && target.sync_dir().is_ok() {
        // A mark alone is told clearly, and the directory can be removed.
        let _ = target.remove(NAME);
    }
}
