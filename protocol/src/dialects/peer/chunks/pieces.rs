//! A changeset compressed and cut into pieces, and decompressed. Knows nothing of where pieces go.

use zstd::{bulk, zstd_safe};

use super::{ChunkFault, padding::padded_len};

/// Bytes of a piece, at most.
pub const PIECE_BYTES_MAX: usize = 48 << 10;
/// Pieces of one stream, at most.
pub const PIECES_MAX: u32 = 4096;
/// Bytes of the JSON in one stream, at most.
pub const JSON_BYTES_MAX: usize = 64 << 20;
/// JSON with fewer bytes is not compressed.
pub const ZSTD_BYTES_MIN: usize = 512;

const ZSTD_LEVEL: i32 = 3;

/// A changeset in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// Bytes of the JSON when the pieces together are a frame of zstd; 0 when they are the JSON itself.
    pub uncompressed_size: i32,
    /// One or more.
    pub pieces: Vec<Vec<u8>>,
}

/// The JSON does not fit into one stream: send its rows in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the changeset does not fit into one stream: send its rows in several")]
pub struct TooLarge;

/// Compresses JSON where that makes it smaller, and cuts it into pieces of at most `piece_bytes_max`
/// bytes, which is taken as at least 1 and at most [`PIECE_BYTES_MAX`].
///
/// # Errors
/// [`TooLarge`], also when there would be more than [`PIECES_MAX`].
pub fn split(json: Vec<u8>, piece_bytes_max: usize) -> Result<Pieces, TooLarge> {
    let size = i32::try_from(json.len()).map_err(|_| TooLarge)?;
    if json.len() > JSON_BYTES_MAX {
        return Err(TooLarge);
    }
    let compressed = match json.len() {
        0..ZSTD_BYTES_MIN => None,
        // It fails without memory only: then the JSON goes as it is.
        _ => bulk::compress(&json, ZSTD_LEVEL).ok().filter(|frame| frame.len() < json.len()),
    };
    match compressed {
        Some(frame) => cut(size, frame, piece_bytes_max),
        None => cut(0, json, piece_bytes_max),
    }
}

/// Fills JSON up with spaces, which mean nothing behind it, to its [`padded_len`], and cuts it into pieces as
/// [`split`] does. It is not compressed: how far it shrinks would show again how much of it is spaces, and
/// something of what the rest says.
///
/// # Errors
/// [`TooLarge`], as [`split`].
pub fn split_padded(mut json: Vec<u8>, piece_bytes_max: usize) -> Result<Pieces, TooLarge> {
    let padded = padded_len(json.len());
    if padded > JSON_BYTES_MAX {
        return Err(TooLarge);
    }
    json.resize(padded, b' ');
    cut(0, json, piece_bytes_max)
}

fn cut(uncompressed_size: i32, bytes: Vec<u8>, piece_bytes_max: usize) -> Result<Pieces, TooLarge> {
    let each = piece_bytes_max.clamp(1, PIECE_BYTES_MAX);
    if bytes.len().div_ceil(each) > PIECES_MAX as usize {
        return Err(TooLarge);
    }
    let pieces = if bytes.len() <= each {
        vec![bytes]
    } else {
        bytes.chunks(each).map(<[u8]>::to_vec).collect()
    };
    Ok(Pieces { uncompressed_size, pieces })
}

/// The JSON of a stream whose pieces are all here. Never takes more memory than `size`, which is checked
/// to be at most [`JSON_BYTES_MAX`].
pub(super) fn join(whole: Vec<u8>, size: usize) -> Result<Vec<u8>, ChunkFault> {
    if size == 0 {
        return Ok(whole);
    }
    let is_one_frame = zstd_safe::find_frame_compressed_size(&whole) == Ok(whole.len());
    // A frame may leave its size out; if it says one, nothing is decompressed for a wrong one.
    let declared = zstd_safe::get_frame_content_size(&whole).map_err(|_| ChunkFault::BadZstd)?;
    if !is_one_frame || declared.is_some_and(|declared| declared != size as u64) {
        return Err(ChunkFault::BadZstd);
    }
    let json = bulk::decompress(&whole, size).map_err(|_| ChunkFault::BadZstd)?;
    if json.len() == size { Ok(json) } else { Err(ChunkFault::BadZstd) }
}
