//! The pieces of one stream that are here. Knows no other stream.

use std::{collections::BTreeMap, time::Duration};

/// Bytes that a piece takes beside what is in it, about.
const PIECE_OVERHEAD_BYTES: usize = 64;

/// What all pieces of a stream say alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) count: u32,
    pub(super) size: usize,
    pub(super) epoch: u64,
}

/// The pieces of one stream that are here.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) shape: Shape,
    /// When the last new piece came.
    pub(super) progress: Duration,
    pieces: BTreeMap<u32, Vec<u8>>,
    bytes: usize,
}

impl Stream {
    /// What a stream takes in memory without any piece, about.
    pub(super) const EMPTY_BYTES: usize = 512;

    pub(super) fn new(shape: Shape, now: Duration) -> Self {
        Self { shape, progress: now, pieces: BTreeMap::new(), bytes: Self::EMPTY_BYTES }
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What a piece takes in memory.
    pub(super) fn cost(piece: &[u8]) -> usize {
        piece.len() + PIECE_OVERHEAD_BYTES
    }

    pub(super) fn has(&self, index: u32) -> bool {
        self.pieces.contains_key(&index)
    }

    /// A piece that is not here yet.
    pub(super) fn add(&mut self, index: u32, piece: &[u8], now: Duration) {
        self.bytes += Self::cost(piece);
        self.pieces.insert(index, piece.to_vec());
        self.progress = now;
    }

    pub(super) fn is_whole(&self) -> bool {
        self.pieces.len() == self.shape.count as usize
    }

    /// All pieces, in order.
    pub(super) fn into_whole(self) -> Vec<u8> {
        let bytes = self.pieces.values().map(Vec::len).sum();
        let mut whole = Vec::with_capacity(bytes);
        // Each goes once it is copied.
        for piece in self.pieces.into_values() {
            whole.extend_from_slice(&piece);
        }
        whole
    }
}
