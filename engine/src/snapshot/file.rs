//! The file of a snapshot while it is written: the image in pieces, the end, and last the header.
//!
//! Knows the file's bytes; nothing of what the image tells.

use std::sync::Arc;

use crate::{
    error::Error,
    format::{
        check::Salt,
        listing::{IMAGE_BYTES_MAX, SnapshotEnd},
        snapshot::{self, PIECE_BYTES, PIECE_FIELDS_BYTES, SnapshotHeader},
    },
    kept::Kept,
    storage::File,
};

/// An image on its way into a file.
pub(super) struct ImageFile {
    file: Arc<dyn File>,
    salt: Salt,
    /// What is not written yet.
    image: Vec<u8>,
    frame: Vec<u8>,
    pieces: u64,
    image_bytes: u64,
    crc: crc32fast::Hasher,
}

impl ImageFile {
    pub(super) fn new(file: Arc<dyn File>, store_id: u64, snapshot_id: u64) -> Self {
        Self {
            file,
            salt: snapshot::salt(store_id, snapshot_id),
            image: Vec::new(),
            frame: Vec::with_capacity(PIECE_BYTES),
            pieces: 0,
            image_bytes: 0,
            crc: crc32fast::Hasher::new(),
        }
    }

    /// Where to append what the image tells.
    pub(super) fn image(&mut self) -> &mut Vec<u8> {
        &mut self.image
    }

    /// Writes what fills whole pieces, each by itself.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Io`]; [`Error::Rejected`] for an image that no file can hold.
    pub(super) fn write_full(&mut self) -> Result<(), Error> {
        let mut done = 0;
        while self.image.len() - done >= PIECE_FIELDS_BYTES {
            self.write_piece(done..done + PIECE_FIELDS_BYTES)?;
            done += PIECE_FIELDS_BYTES;
        }
        self.image.drain(..done);
        Ok(())
    }

    fn write_piece(&mut self, fields: std::ops::Range<usize>) -> Result<(), Error> {
        self.image_bytes += fields.len() as u64;
        if self.image_bytes > IMAGE_BYTES_MAX {
            return Err(Error::rejected("the indexes are larger than a snapshot can be"));
        }
        let at = snapshot::piece_at(self.pieces);
        self.frame.clear();
        let check = snapshot::put_piece(&mut self.frame, self.salt, at, &self.image[fields]);
        self.crc.update(&check.to_le_bytes());
        self.pieces += 1;
        self.file.write_at(&self.frame, at).map_err(Error::reserving)
    }

    /// Writes the rest: the header last, so that a file that lacks anything has none. Not synced.
    ///
    /// # Errors
    /// As [`ImageFile::write_full`].
    pub(super) fn finish(
        mut self,
        mut header: SnapshotHeader,
        mut end: SnapshotEnd,
    ) -> Result<(Kept, Arc<dyn File>), Error> {
        self.write_full()?;
        if !self.image.is_empty() {
            self.write_piece(0..self.image.len())?;
        }
        (end.image_bytes, end.pieces_crc) = (self.image_bytes, self.crc.finalize());
        header.end_at = end.at();
        let bytes = end.encode(&header);
        self.file.write_at(&bytes, header.end_at).map_err(Error::reserving)?;
        self.file.write_at(&header.encode(), 0).map_err(Error::reserving)?;
        let file_bytes = header.end_at + bytes.len() as u64;
        Ok((Kept::new(&header, end, file_bytes), self.file))
    }
}
