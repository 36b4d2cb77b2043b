//! The logical time of packets. Knows no packet.

/// A packet's logical time may be ahead of ours by so much.
pub const JUMP_MAX: i64 = 1 << 40;

/// A packet's logical time is too far ahead, or below zero: nothing was taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a logical time that is below zero or too far ahead")]
pub struct Jump;

/// A Lamport clock. Only packets that were verified may move it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lamport(i64);

impl Lamport {
    /// A clock that goes on from here; from 0 when it is below.
    #[must_use]
    pub fn from(value: i64) -> Self {
        Self(value.max(0))
    }

    /// What it says.
    #[must_use]
    pub fn value(self) -> i64 {
        self.0
    }

    /// The logical time of the next packet: later than everything before.
    pub fn tick(&mut self) -> i64 {
        self.0 = self.0.saturating_add(1);
        self.0
    }

    /// Notes the logical time of a verified packet.
    ///
    /// # Errors
    /// [`Jump`] when it is below zero or ahead by more than [`JUMP_MAX`]: the clock stays as it was.
    pub fn observe(&mut self, remote: i64) -> Result<(), Jump> {
        if remote < 0 || remote.saturating_sub(self.0) > JUMP_MAX {
            return Err(Jump);
        }
        self.0 = self.0.max(remote).saturating_add(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_later_than_all_it_has_seen() {
        let mut clock = Lamport::default();
        assert_eq!(clock.tick(), 1);
        clock.observe(10).unwrap();
        assert_eq!(clock.tick(), 12);
        clock.observe(3).unwrap();
        assert_eq!(clock.tick(), 14);
    }

    #[test]
    fn a_jump_is_refused_and_moves_nothing() {
        let mut clock = Lamport::from(5);
        assert_eq!(clock.observe(5 + JUMP_MAX + 1), Err(Jump));
        assert_eq!(clock.observe(-1), Err(Jump));
        assert_eq!(clock.observe(i64::MIN), Err(Jump));
        assert_eq!(clock.value(), 5);
        clock.observe(5 + JUMP_MAX).unwrap();
        assert_eq!(clock.value(), 6 + JUMP_MAX);
    }

    #[test]
    fn it_never_wraps() {
        let mut clock = Lamport::from(i64::MAX);
        assert_eq!(clock.tick(), i64::MAX);
        clock.observe(i64::MAX).unwrap();
        assert_eq!(clock.value(), i64::MAX);
    }
}
