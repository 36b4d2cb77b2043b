//! What waits for a peer of what was relayed to it: how many frames, and how many bytes.
//!
//! Told by what is queued and what is written; knows neither frames nor sockets.

use std::collections::VecDeque;

/// Relayed frames that were queued together.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// Where it ends, in bytes written since the connection began to count.
    end: u64,
    bytes: u32,
    frames: u32,
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    written: u64,
    stretches: VecDeque<Stretch>,
    frames: usize,
    bytes: usize,
}

/// Stretches whose memory a connection keeps.
const KEPT_STRETCHES: usize = 16;

impl Waiting {
    /// Relayed frames were queued; then `queued` bytes of all kinds wait.
    pub(super) fn push(&mut self, bytes: usize, frames: u32, queued: usize) {
        let end = self.written + queued as u64;
        self.stretches.push_back(Stretch { end, bytes: bytes as u32, frames });
        self.frames += frames as usize;
        self.bytes += bytes;
    }

    /// So many bytes were written.
    pub(super) fn advance(&mut self, written: usize) {
        self.written += written as u64;
        while let Some(first) = self.stretches.front().filter(|first| first.end <= self.written) {
            self.frames -= first.frames as usize;
            self.bytes -= first.bytes as usize;
            self.stretches.pop_front();
        }
        if self.stretches.is_empty() && self.stretches.capacity() > KEPT_STRETCHES {
            self.stretches = VecDeque::new();
        }
    }

    /// Frames and bytes that wait. Of frames that were queued together and are partly written, as many
    /// as of their bytes.
    pub(super) fn load(&self) -> (usize, usize) {
        let Some(first) = self.stretches.front() else { return (0, 0) };
        let left = (first.end - self.written).min(u64::from(first.bytes));
        let frames = (left * u64::from(first.frames)).div_ceil(u64::from(first.bytes).max(1));
        let written =
            (first.frames as usize - frames as usize, first.bytes as usize - left as usize);
        (self.frames - written.0, self.bytes - written.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_waits_no_more() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.load(), (0, 0));
        // 5 other bytes, then 4 frames of 10 bytes, 7 other bytes, and 1 frame of 3 bytes.
        waiting.push(40, 4, 45);
        waiting.push(3, 1, 55);
        let loads = [
            (4, (5, 43)),
            (1, (5, 43)),
            (1, (5, 42)),
            (9, (4, 33)),
            (29, (2, 4)),
            (1, (1, 3)),
            (7, (1, 3)),
            (2, (1, 1)),
            (1, (0, 0)),
        ];
        for (written, load) in loads {
            waiting.advance(written);
            assert_eq!(waiting.load(), load);
        }
        waiting.push(2, 1, 2);
        assert_eq!(waiting.load(), (1, 2));
    }
}
