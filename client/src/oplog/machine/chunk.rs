//! How much of the outbox goes into one push: it shrinks when a server refuses, and grows again.
//! Knows lengths only.

/// What bounds one push.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkLimits {
    /// Operations.
    pub(crate) ops_max: usize,
    /// Bytes of their JSON, beside one operation of any size.
    pub(crate) bytes_max: usize,
}

/// The size of the next push.
#[derive(Debug)]
pub(crate) struct Chunk {
    limits: ChunkLimits,
    ops: usize,
}

impl Chunk {
    pub(crate) fn new(limits: ChunkLimits) -> Self {
        let ops = limits.ops_max.max(1);
        Self { limits, ops }
    }

    /// How many of the operations with these lengths go at once: at least one, if there is one.
    pub(crate) fn count(&self, lengths: impl Iterator<Item = usize>) -> usize {
        let mut bytes = 0_usize;
        let fits = |length: usize| {
            bytes = bytes.saturating_add(length);
            bytes <= self.limits.bytes_max
        };
        let mut lengths = lengths.take(self.ops).peekable();
        let least = usize::from(lengths.peek().is_some());
        lengths.map(fits).take_while(|fits| *fits).count().max(least)
    }

    /// A server refused this many at once.
    pub(crate) fn shrink(&mut self, refused: usize) {
        self.ops = (refused / 2).max(1);
    }

    /// A server took a push.
    pub(crate) fn grow(&mut self) {
        self.ops = self.ops.saturating_mul(2).min(self.limits.ops_max.max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk() -> Chunk {
        Chunk::new(ChunkLimits { ops_max: 8, bytes_max: 100 })
    }

    #[test]
    fn a_chunk_is_bounded_by_ops_and_bytes_and_never_empty() {
        assert_eq!(chunk().count([1; 20].into_iter()), 8);
        assert_eq!(chunk().count([30; 20].into_iter()), 3);
        assert_eq!(chunk().count([1000; 20].into_iter()), 1, "one of any size");
        assert_eq!(chunk().count([].into_iter()), 0);
    }

    #[test]
    fn it_shrinks_to_one_and_grows_to_its_bound() {
        let mut chunk = chunk();
        for (refused, then) in [(8, 4), (4, 2), (2, 1), (1, 1)] {
            chunk.shrink(refused);
            assert_eq!(chunk.count([1; 20].into_iter()), then);
        }
        for then in [2, 4, 8, 8] {
            chunk.grow();
            assert_eq!(chunk.count([1; 20].into_iter()), then);
        }
    }
}
