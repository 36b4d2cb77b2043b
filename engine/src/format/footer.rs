//! The end of a sealed segment: its table, where its frames end, and how to find both.
//!
//! The last bytes of the file say where the footer begins; it is one frame with its own check.
//! Knows bytes; nothing of files.

use super::{
    check::Salt,
    frame::{self, ALIGN_BYTES, FRAME_BYTES_MAX, Frame, HEAD_BYTES, Kind},
    table::Table,
    u64_at,
};

/// Length of what stands at the very end of the file, in bytes.
pub(crate) const TRAILER_BYTES: usize = 16;
const MAGIC: [u8; 8] = *b"SYNCFOOT";
/// Where the table begins, in bytes from the footer's start.
const TABLE_AT: usize = HEAD_BYTES + 32;

/// What a footer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Footer {
    /// Where the last frame of the segment ends, padding included, in bytes.
    pub(crate) data_end: u32,
    /// How far the store was durable when the footer was written.
    pub(crate) durable: u64,
    pub(crate) table: Table,
}

impl Footer {
    /// Length of the encoded footer in bytes, with its trailer.
    pub(crate) fn encoded_bytes(&self) -> usize {
        TABLE_AT + self.table.bytes.len().next_multiple_of(ALIGN_BYTES) + TRAILER_BYTES
    }

    /// Where the footer begins in a file of `file_bytes`: at its very end, or behind the frames when
    /// the file has to grow for it.
    pub(crate) fn place(&self, file_bytes: u64) -> u32 {
        let fits_at = file_bytes.saturating_sub(self.encoded_bytes() as u64);
        let at = fits_at.next_multiple_of(ALIGN_BYTES as u64).max(self.data_end.into());
        // Files are at most 256 MiB, footers a fraction of that.
        at as u32
    }

    /// The footer's bytes for a place at `offset`; the file ends behind them.
    pub(crate) fn encode(&self, salt: Salt, offset: u32) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_bytes());
        let table = &self.table.bytes;
        let fill = table.len().next_multiple_of(ALIGN_BYTES) - table.len();
        let parts: &[&[u8]] = &[
            &u64::from(self.data_end).to_le_bytes(),
            &self.durable.to_le_bytes(),
            &self.table.items.to_le_bytes(),
            &(table.len() as u64).to_le_bytes(),
            table,
            &[0; ALIGN_BYTES][..fill],
            &u64::from(offset).to_le_bytes(),
            &MAGIC,
        ];
        frame::encode(&mut out, Kind::Footer, 0, 0, parts);
        frame::set_end(&mut out);
        frame::place(&mut out, salt, offset, 0);
        out
    }

    /// Where the footer begins in a file of `file_bytes` whose last bytes are `trailer`.
    pub(crate) fn find(trailer: &[u8], file_bytes: u64) -> Option<u32> {
        if trailer.len() != TRAILER_BYTES || trailer[8..] != MAGIC {
            return None;
        }
        let at = u64_at(trailer, 0);
        let bytes = file_bytes.checked_sub(at)?;
        let fits = at.is_multiple_of(ALIGN_BYTES as u64) && bytes <= FRAME_BYTES_MAX as u64;
        if fits { u32::try_from(at).ok() } else { None }
    }

    /// Reads a footer that stands at `offset` and reaches to the end of the file.
    pub(crate) fn decode(bytes: &[u8], salt: Salt, offset: u32) -> Option<Self> {
        let frame = Frame::check(bytes, salt, offset).ok()?;
        let fields = frame.fields();
        if frame.kind != Kind::Footer || frame.length != bytes.len() {
            return None;
        }
        let table_bytes = usize::try_from(u64_at(fields.get(..32)?, 24)).ok()?;
        let table = fields.get(32..)?.get(..table_bytes)?;
        Some(Self {
            data_end: u32::try_from(u64_at(fields, 0)).ok()?,
            durable: u64_at(fields, 8),
            table: Table { bytes: table.to_vec(), items: u64_at(fields, 16), skipped: 0 },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_footer_is_found_from_the_end_and_every_flip_is_seen() {
        for table_bytes in 0..9 {
            let table = Table { bytes: vec![3; table_bytes], items: 2, skipped: 0 };
            let footer = Footer { data_end: 128, durable: 77, table };
            let salt = Salt::new(1, 2);
            let bytes = footer.encode(salt, 136);
            assert_eq!(bytes.len(), footer.encoded_bytes());
            let file_bytes = 136 + bytes.len() as u64;
            let trailer = &bytes[bytes.len() - TRAILER_BYTES..];
            assert_eq!(Footer::find(trailer, file_bytes), Some(136));
            assert_eq!(Footer::decode(&bytes, salt, 136), Some(footer));
            for bit in 0..bytes.len() * 8 {
                let mut bad = bytes.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Footer::decode(&bad, salt, 136), None, "bit {bit}");
            }
        }
        assert_eq!(Footer::find(&[0; TRAILER_BYTES], 4096), None);
        let far_away = [&8_u64.to_le_bytes()[..], &MAGIC].concat();
        assert_eq!(Footer::find(&far_away, 1 << 30), None, "no footer is that long");
    }
}
