//! Packets that wait for a key: of unknown senders, or for a group key (dossier, section 4, H11).
//!
//! Bounded by packets, bytes and time, over all and per sender; the newest are kept. Knows no key.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;

use crate::dialects::peer::id::PeerId;

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) packets_per_sender_max: usize,
    pub(super) bytes_per_sender_max: usize,
    pub(super) packets_max: usize,
    pub(super) bytes_max: usize,
    pub(super) wait: Duration,
}

#[derive(Debug)]
struct Waiting {
    sender: PeerId,
    frame: Bytes,
    until: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    packets: usize,
    bytes: usize,
}

/// Packets that wait, oldest first.
#[derive(Debug)]
pub(super) struct Buffer {
    bounds: Bounds,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    shares: BTreeMap<PeerId, Share>,
}

impl Buffer {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, waiting: VecDeque::new(), bytes: 0, shares: BTreeMap::new() }
    }

    /// Lets a packet wait. Returns how many packets went for it, itself included if it is too large.
    pub(super) fn push(&mut self, sender: &PeerId, frame: &Bytes, now: Duration) -> usize {
        let (Bounds { packets_max, bytes_max, .. }, len) = (self.bounds, frame.len());
        let Bounds { packets_per_sender_max, bytes_per_sender_max, .. } = self.bounds;
        if len > bytes_per_sender_max.min(bytes_max) || packets_per_sender_max.min(packets_max) == 0
        {
            return 1;
        }
        let mut dropped = 0;
        while let share = self.shares.get(sender).copied().unwrap_or_default()
            && (share.packets >= packets_per_sender_max || share.bytes + len > bytes_per_sender_max)
        {
            self.remove(self.waiting.iter().position(|waiting| waiting.sender == *sender));
            dropped += 1;
        }
        while self.waiting.len() >= packets_max || self.bytes + len > bytes_max {
            self.remove(Some(0));
            dropped += 1;
        }
        let share = self.shares.entry(sender.clone()).or_default();
        share.packets += 1;
        share.bytes += len;
        self.bytes += len;
        // A copy: the frame may be a part of something much larger.
        let frame = Bytes::copy_from_slice(frame);
        let until = now + self.bounds.wait;
        self.waiting.push_back(Waiting { sender: sender.clone(), frame, until });
        dropped
    }

    fn remove(&mut self, at: Option<usize>) -> Option<Waiting> {
        let waiting = self.waiting.remove(at?)?;
        self.bytes -= waiting.frame.len();
        if let Some(share) = self.shares.get_mut(&waiting.sender) {
            share.packets -= 1;
            share.bytes -= waiting.frame.len();
            if share.packets == 0 {
                self.shares.remove(&waiting.sender);
            }
        }
        Some(waiting)
    }

    /// What waits of one sender, oldest first: it waits no more.
    pub(super) fn take(&mut self, sender: &PeerId) -> Vec<Bytes> {
        let Some(share) = self.shares.remove(sender) else { return Vec::new() };
        self.bytes -= share.bytes;
        let all = std::mem::take(&mut self.waiting);
        let (theirs, rest): (VecDeque<_>, VecDeque<_>) =
            all.into_iter().partition(|waiting| waiting.sender == *sender);
        self.waiting = rest;
        theirs.into_iter().map(|waiting| waiting.frame).collect()
    }

    /// All that waits, oldest first: it waits no more.
    pub(super) fn take_all(&mut self) -> Vec<Bytes> {
        self.bytes = 0;
        self.shares.clear();
        std::mem::take(&mut self.waiting).into_iter().map(|waiting| waiting.frame).collect()
    }

    /// Lets go of what has waited too long; returns how many.
    pub(super) fn expire(&mut self, now: Duration) -> usize {
        let mut dropped = 0;
        while self.waiting.front().is_some_and(|waiting| waiting.until <= now) {
            self.remove(Some(0));
            dropped += 1;
        }
        dropped
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.waiting.front().map(|waiting| waiting.until)
    }

    /// Packets that wait, and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.waiting.len(), self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn buffer() -> Buffer {
        Buffer::new(Bounds {
            packets_per_sender_max: 3,
            bytes_per_sender_max: 10,
            packets_max: 5,
            bytes_max: 18,
            wait: 30 * SECOND,
        })
    }

    fn peer(name: &str) -> PeerId {
        PeerId::new(name).unwrap()
    }

    fn frame(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    #[test]
    fn the_newest_of_one_sender_are_kept_and_others_not_touched() {
        let mut buffer = buffer();
        let (a, b) = (peer("a"), peer("b"));
        assert_eq!(buffer.push(&b, &frame("b1"), SECOND), 0);
        for (text, dropped) in [("1", 0), ("2", 0), ("3", 0), ("4", 1), ("555555555", 2)] {
            assert_eq!(buffer.push(&a, &frame(text), SECOND), dropped, "{text}");
        }
        assert_eq!(buffer.push(&a, &frame("12345678901"), SECOND), 1, "over its share");
        assert_eq!(buffer.take(&a), [frame("4"), frame("555555555")]);
        assert_eq!(buffer.size(), (1, 2));
        assert_eq!(buffer.take(&a), [] as [Bytes; 0]);
        assert_eq!(buffer.take_all(), [frame("b1")]);
        assert_eq!(buffer.size(), (0, 0));
    }

    #[test]
    fn all_together_are_bounded_by_packets_and_bytes() {
        let mut buffer = buffer();
        for n in 0..100 {
            buffer.push(&peer(&n.to_string()), &frame("xxxx"), SECOND);
            let (packets, bytes) = buffer.size();
            assert!(packets <= 5 && bytes <= 18 && buffer.shares.len() == packets);
        }
        assert_eq!(buffer.size(), (4, 16));
        assert_eq!(buffer.take(&peer("96")).len(), 1);
        assert_eq!(buffer.take(&peer("95")).len(), 0);
    }

    #[test]
    fn what_waits_too_long_goes() {
        let mut buffer = buffer();
        buffer.push(&peer("a"), &frame("1"), SECOND);
        buffer.push(&peer("b"), &frame("2"), 2 * SECOND);
        assert_eq!(buffer.deadline(), Some(31 * SECOND));
        assert_eq!(buffer.expire(30 * SECOND), 0);
        assert_eq!(buffer.expire(31 * SECOND), 1);
        assert_eq!((buffer.deadline(), buffer.size()), (Some(32 * SECOND), (1, 1)));
    }
}
