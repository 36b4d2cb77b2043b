//! Changesets that are larger than a packet: compressed, cut into pieces, and put together again
//! (dossier, 1.6).
//!
//! Knows no packet and no key: pieces come here after they were checked and opened.

mod padding;
mod pieces;
mod reassembly;
mod stream;

pub use padding::padded_len;
pub use pieces::{
    JSON_BYTES_MAX, PIECE_BYTES_MAX, PIECES_MAX, Pieces, TooLarge, ZSTD_BYTES_MIN, split,
    split_padded,
};
pub use reassembly::{
    FINISHED_MAX, IDLE_MAX, Place, ROOM_BYTES_MAX, Reassembly, SENDER_BYTES_MAX, STREAMS_MAX,
    STREAMS_PER_SENDER_MAX,
};

/// Why a piece was refused. What was here of its stream is gone, but for a fault that says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkFault {
    /// No piece, more than [`PIECES_MAX`], an index that is none of them, or a last one that is not.
    #[error("the piece says of itself what cannot be")]
    BadPlace,
    /// A negative size, or one above [`JSON_BYTES_MAX`].
    #[error("the size of the whole is negative or above the limit")]
    BadSize,
    /// It says another count, size or epoch than the pieces before it.
    #[error("the piece says something else of its stream than those before it")]
    Mismatch,
    /// Its sender has as much in memory as one may. The other streams are still here.
    #[error("the sender has as many pieces in memory as it may")]
    SenderFull,
    /// The room has as much in memory as it may.
    #[error("the room has as many pieces in memory as it may")]
    RoomFull,
    /// The pieces together are not one frame of zstd of exactly the size they say.
    #[error("the pieces are not one frame of zstd of the size they say")]
    BadZstd,
}
