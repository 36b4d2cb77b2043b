//! What a connection that does not keep up has still to be sent of a room's entries: their keys.
//!
//! Each key once, however often its entry changed. Knows nothing of values, rooms or sockets.

use std::{collections::VecDeque, rc::Rc};

use hashbrown::HashMap;

/// What a key takes beside its own bytes, reckoned.
const KEY_BYTES_EXTRA: usize = 64;

/// Keys in the order in which they first changed.
#[derive(Debug, Default)]
pub(super) struct Behind {
    queue: VecDeque<Rc<[u8]>>,
    /// The same keys, and how many resends of each are asked for.
    resends: HashMap<Rc<[u8]>, u64>,
    bytes: usize,
}

impl Behind {
    /// Adds a key, with so many resends of it.
    pub(super) fn add(&mut self, key: &[u8], resends: u64) {
        if let Some(asked) = self.resends.get_mut(key) {
            *asked += resends;
            return;
        }
        let key: Rc<[u8]> = key.into();
        self.bytes += key.len() + KEY_BYTES_EXTRA;
        self.queue.push_back(key.clone());
        self.resends.insert(key, resends);
    }

    /// Takes out the next key, and how many resends of it were asked for.
    pub(super) fn next(&mut self) -> Option<(Rc<[u8]>, u64)> {
        let key = self.queue.pop_front()?;
        self.bytes -= key.len() + KEY_BYTES_EXTRA;
        let resends = self.resends.remove(&key).unwrap_or(0);
        Some((key, resends))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// What it holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_waits_once_and_all_its_resends_count() {
        let mut behind = Behind::default();
        for (key, resends) in [("a", 0), ("b", 1), ("a", 1), ("a", 1), ("b", 0)] {
            behind.add(key.as_bytes(), resends);
        }
        assert_eq!(behind.bytes(), 2 * (1 + KEY_BYTES_EXTRA));
        assert_eq!(behind.next(), Some((Rc::from(&b"a"[..]), 2)));
        behind.add(b"a", 0);
        assert_eq!(behind.next(), Some((Rc::from(&b"b"[..]), 1)));
        assert_eq!(behind.next(), Some((Rc::from(&b"a"[..]), 0)));
        assert_eq!((behind.next(), behind.bytes()), (None, 0));
    }
}
