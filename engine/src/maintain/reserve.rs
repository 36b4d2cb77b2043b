//! The reserve: a file that holds space, given up when the disk is full so that space can be won back.
//!
//! Knows one file and who may take space meanwhile; nothing of what is done with it.

use crate::{
    error::Error,
    kept::{Maintenance, Reserve},
    shared::Shared,
};

/// The file's name.
pub(crate) const RESERVE_NAME: &str = "RESERVE";

impl Shared {
    /// Keeps commits from taking space and gives up the reserve; `false` when that was done already.
    pub(crate) fn tighten(&self, files: &mut Maintenance) -> bool {
        if self.gate.shut(true) {
            return false;
        }
        if files.reserve != Reserve::None {
            // Whether it was there is not known before the first look, and when it could not be removed
            // it may still be.
            let is_gone = self.disk.remove(RESERVE_NAME).is_ok();
            files.reserve = if is_gone { Reserve::None } else { Reserve::Unknown };
        }
        true
    }

    /// Lets commits take space again: no more of it can be won back.
    pub(crate) fn loosen(&self, files: &mut Maintenance) {
        if self.gate.is_shut() {
            // Before commits: without it there may be no way out the next time.
            let _ = self.make_reserve(files);
            self.gate.take_wanted();
            self.gate.shut(false);
        }
    }

    /// Gives the reserve up when a commit found no space; makes it when there is space for it, and
    /// lets commits go on when there is space for a segment, too.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Poisoned`].
    pub(crate) fn adjust_reserve(&self, files: &mut Maintenance) -> Result<(), Error> {
        self.gate.look();
        if self.gate.take_wanted() {
            self.tighten(files);
        }
        if !self.gate.is_shut() {
            return ignore_full(self.make_reserve(files));
        }
        let made = self.make_reserve(files).and_then(|()| self.make_file(0, || false));
        if made.is_ok() {
            self.gate.shut(false);
            return Ok(());
        }
        if files.reserve == Reserve::There {
            self.disk.remove(RESERVE_NAME)?;
            files.reserve = Reserve::None;
        }
        ignore_full(made)
    }

    /// Makes the file if it is not there.
    fn make_reserve(&self, files: &mut Maintenance) -> Result<(), Error> {
        let bytes = self.options.reserve_bytes;
        if files.reserve == Reserve::Unknown {
            files.reserve = self.find_reserve(bytes)?;
        }
        if files.reserve == Reserve::None && bytes > 0 {
            // What a failed call leaves is looked for the next time.
            files.reserve = Reserve::Unknown;
            self.disk.create(RESERVE_NAME, bytes).map_err(Error::reserving)?;
            files.reserve = Reserve::There;
        }
        Ok(())
    }

    /// Looks whether it is there; one of another length is removed.
    fn find_reserve(&self, bytes: u64) -> Result<Reserve, Error> {
        if !self.disk.list()?.iter().any(|name| name == RESERVE_NAME) {
            return Ok(Reserve::None);
        }
        if self.disk.open(RESERVE_NAME)?.bytes()? == bytes {
            return Ok(Reserve::There);
        }
        self.disk.remove(RESERVE_NAME)?;
        Ok(Reserve::None)
    }
}

fn ignore_full(done: Result<(), Error>) -> Result<(), Error> {
    match done {
        Err(Error::Full) => Ok(()),
        done => done,
    }
}
