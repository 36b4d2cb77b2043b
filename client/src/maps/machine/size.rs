//! How much goes into one push: it shrinks when a server refuses or is slow, and grows again. Pure.

use super::super::replica::Bounds;

/// The size of the next push.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    most: Bounds,
    now: Bounds,
}

/// The smallest bound in bytes: below it only the number of operations shrinks.
const BYTES_MIN: usize = 4096;

impl Size {
    pub(super) fn new(most: Bounds) -> Self {
        Self { most, now: most }
    }

    /// What the next push holds at most. At least one operation.
    pub(super) fn bounds(&self) -> Bounds {
        self.now
    }

    /// A push of this many was too much.
    pub(super) fn shrink(&mut self, ops: usize) {
        let ops_max = (ops.min(self.now.ops_max) / 2).max(1);
        self.now = Bounds { ops_max, bytes_max: (self.now.bytes_max / 2).max(BYTES_MIN) };
    }

    /// A push was taken.
    pub(super) fn grow(&mut self) {
        let Bounds { ops_max, bytes_max } = self.now;
        self.now = Bounds {
            ops_max: ops_max.saturating_mul(2).min(self.most.ops_max),
            bytes_max: bytes_max.saturating_mul(2).min(self.most.bytes_max),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shrinks_to_one_and_grows_to_its_bound() {
        let most = Bounds { ops_max: 1000, bytes_max: 1 << 20 };
        let mut size = Size::new(most);
        size.shrink(10);
        assert_eq!(size.bounds(), Bounds { ops_max: 5, bytes_max: 1 << 19 });
        (0..20).for_each(|_| size.shrink(1));
        assert_eq!(size.bounds(), Bounds { ops_max: 1, bytes_max: BYTES_MIN });
        (0..20).for_each(|_| size.grow());
        assert_eq!(size.bounds(), most);
    }
}
