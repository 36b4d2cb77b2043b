//! What waits for the server: the newest own value of each key, in the order in which they were
//! set. Knows places and bounds; nothing of connections.

use std::collections::{BTreeMap, HashMap};

use super::{Key, Own, cost};

/// A place in the order in which values are sent. Never given twice.
type Place = u64;

#[derive(Debug)]
struct Item {
    own: Own,
    place: Place,
    /// Asked for on this connection.
    asked: bool,
    /// An answer about a later value says nothing about this one.
    alone: bool,
}

impl Item {
    fn alone(&self) -> bool {
        self.alone || self.own.blind
    }
}

/// The queue of own values.
#[derive(Debug, Default)]
pub(super) struct Queue {
    items: HashMap<Key, Item>,
    order: BTreeMap<Place, Key>,
    bytes: usize,
    last_place: Place,
    /// What has been sent on this connection.
    sent_up_to: Place,
    /// Something was not taken on this connection. The server says so once a second at most: what is
    /// not taken just after that may go without a word.
    distrusts: bool,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Own> {
        self.items.get(key).map(|item| &item.own)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.items.keys()
    }

    /// How many bytes there would be with this value of this key.
    pub(super) fn bytes_with(&self, key: &str, value_cost: usize) -> usize {
        let before = self.items.get(key).map_or(0, |item| cost(key, &item.own.value));
        self.bytes - before + value_cost
    }

    /// Puts a value at the end, in place of the key's former one.
    pub(super) fn push(&mut self, key: Key, own: Own) {
        let alone = self.remove(&key).is_some_and(|former| former.alone) || self.distrusts;
        self.bytes += cost(&key, &own.value);
        self.last_place += 1;
        self.order.insert(self.last_place, key.clone());
        self.items.insert(key, Item { own, place: self.last_place, asked: false, alone });
    }

    fn remove(&mut self, key: &str) -> Option<Item> {
        let item = self.items.remove(key)?;
        self.order.remove(&item.place);
        self.bytes -= cost(key, &item.own.value);
        Some(item)
    }

    /// Takes a value out.
    pub(super) fn take(&mut self, key: &str) -> Option<Own> {
        self.remove(key).map(|item| item.own)
    }

    /// The value turned out to be made over one that is older than it.
    pub(super) fn sighted(&mut self, key: &str) -> bool {
        let item = self.items.get_mut(key);
        item.is_some_and(|item| std::mem::take(&mut item.own.blind))
    }

    /// A new connection: nothing has been sent on it.
    pub(super) fn restart(&mut self) {
        self.sent_up_to = 0;
        self.distrusts = false;
        for item in self.items.values_mut() {
            item.asked = false;
        }
    }

    /// The next value to send.
    pub(super) fn send_next(&mut self) -> Option<(Key, Own)> {
        let (place, key) = self.order.range(self.sent_up_to + 1..).next()?;
        self.sent_up_to = *place;
        Some((key.clone(), self.items.get(key)?.own.clone()))
    }

    /// Whether there is something to ask for.
    pub(super) fn wants_to_ask(&self) -> bool {
        let mut sent = self.order.range(..=self.sent_up_to).rev().map(|(_, key)| &self.items[key]);
        let last = sent.next();
        last.is_some_and(|item| !item.asked) || sent.any(|item| !item.asked && item.alone())
    }

    /// The values to ask for: the last of those sent, and each that no later one speaks for.
    pub(super) fn ask(&mut self) -> Vec<(Key, Own)> {
        let sent: Vec<Key> = self.order.range(..=self.sent_up_to).map(|(_, k)| k.clone()).collect();
        let last = sent.last().cloned();
        let mut asked = Vec::new();
        for key in sent {
            let Some(item) = self.items.get_mut(&key) else { continue };
            if !item.asked && (item.alone() || Some(&key) == last.as_ref()) {
                item.asked = true;
                asked.push((key, item.own.clone()));
            }
        }
        asked
    }

    /// The keys that were sent before this one and that it speaks for.
    pub(super) fn spoken_for(&self, key: &str) -> Vec<Key> {
        let Some(place) = self.items.get(key).map(|item| item.place) else { return Vec::new() };
        let sent = self.order.range(..place.min(self.sent_up_to));
        sent.filter(|(_, key)| !self.items[*key].alone()).map(|(_, key)| key.clone()).collect()
    }

    /// No value speaks for another one any more, also none that is set later on this connection.
    pub(super) fn distrust(&mut self) {
        self.distrusts = true;
        for item in self.items.values_mut() {
            item.alone = true;
        }
    }
}
