//! What was written where, and what of it may be seen in the end. A plain model: it knows no timestamp,
//! only who had seen what when he wrote.

use std::collections::BTreeMap;

use syncline_protocol::dialects::peer::participant::Event;

/// A row: its table and id.
pub(super) type Key = (String, String);

/// How often what was met.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) writes: u64,
    pub(super) deaths: u64,
    pub(super) claimers_died: u64,
    pub(super) synced: u64,
    pub(super) diverged: u64,
    pub(super) rejected: u64,
    pub(super) rotated: u64,
    pub(super) joined: u64,
    pub(super) removed: u64,
    pub(super) invited: u64,
    pub(super) returned: u64,
    pub(super) group_keys: u64,
    pub(super) clocks_set: u64,
    pub(super) lost: u64,
    pub(super) approved: u64,
    pub(super) requests: u64,
    pub(super) claims: u64,
    pub(super) chunks: u64,
    pub(super) handshakes: u64,
    pub(super) checks: u64,
    pub(super) others: u64,
}

impl Seen {
    pub(super) fn sent(&mut self, kind: i32) {
        *match kind {
            0 => &mut self.requests,
            1 => &mut self.claims,
            2 => &mut self.chunks,
            3 => &mut self.handshakes,
            4 => &mut self.checks,
            _ => &mut self.others,
        } += 1;
    }

    pub(super) fn add(&mut self, other: Self) {
        let Self { writes, deaths, claimers_died, synced, diverged, rejected, .. } = other;
        self.writes += writes;
        self.deaths += deaths;
        self.claimers_died += claimers_died;
        self.synced += synced;
        self.diverged += diverged;
        self.rejected += rejected;
        self.rotated += other.rotated;
        self.joined += other.joined;
        self.removed += other.removed;
        self.invited += other.invited;
        self.returned += other.returned;
        self.group_keys += other.group_keys;
        self.clocks_set += other.clocks_set;
        self.lost += other.lost;
        self.approved += other.approved;
        self.requests += other.requests;
        self.claims += other.claims;
        self.chunks += other.chunks;
        self.handshakes += other.handshakes;
        self.checks += other.checks;
        self.others += other.others;
    }
}

#[derive(Debug)]
struct Write {
    by: usize,
    key: Key,
    value: Option<String>,
    /// The write whose value was there, when that is known.
    over: Option<usize>,
    /// `None` while it is not known whether the disk has it.
    is_kept: Option<bool>,
}

/// All that was written.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    writes: Vec<Write>,
    by_value: BTreeMap<String, usize>,
    /// The last write of a seat to a row.
    last: BTreeMap<(usize, Key), usize>,
    pub(super) seen: Seen,
}

impl Ledger {
    /// Something is written; values are never written twice. `over`: what was there.
    pub(super) fn wrote(&mut self, by: usize, key: &Key, value: Option<&str>, over: Option<&str>) {
        let own = self.last.get(&(by, key.clone())).copied();
        let over = match over {
            Some(over) => self.by_value.get(over).copied(),
            None => own.filter(|own| self.writes[*own].value.is_none()),
        };
        let at = self.writes.len();
        if let Some(value) = value {
            assert!(self.by_value.insert(value.to_owned(), at).is_none(), "values are new");
        }
        let (key, value) = (key.clone(), value.map(str::to_owned));
        self.last.insert((by, key.clone()), at);
        self.writes.push(Write { by, key, value, over, is_kept: None });
        self.seen.writes += 1;
    }

    /// A seat's disk has all that it wrote.
    pub(super) fn kept(&mut self, by: usize) {
        let unknown = self.writes.iter_mut().rev().take(64);
        unknown.filter(|write| write.by == by && write.is_kept.is_none()).for_each(|write| {
            write.is_kept = Some(true);
        });
    }

    /// A seat has died: what it wrote last may be kept or not.
    pub(super) fn died(&mut self, by: usize) {
        let unknown = self.writes.iter_mut().rev().take(64);
        unknown.filter(|write| write.by == by && write.is_kept.is_none()).for_each(|write| {
            write.is_kept = Some(false);
        });
        self.last.retain(|(seat, _), _| *seat != by);
    }

    /// What a seat wrote need not reach the others: it was put out of the room, or lost its disk.
    pub(super) fn put_out(&mut self, by: usize) {
        let of_it = self.writes.iter_mut().filter(|write| write.by == by);
        of_it.for_each(|write| write.is_kept = Some(false));
    }

    pub(super) fn happened(&mut self, event: &Event) {
        match event {
            Event::Synced { .. } => self.seen.synced += 1,
            Event::Diverged { .. } => self.seen.diverged += 1,
            Event::Rejected { .. } => self.seen.rejected += 1,
            Event::KeyRotated { .. } => self.seen.rotated += 1,
            _ => {}
        }
    }

    /// Rows that were ever written.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        let keys: std::collections::BTreeSet<_> =
            self.writes.iter().map(|write| &write.key).collect();
        keys.into_iter()
    }

    /// What cannot be: a value that nobody wrote, or one that somebody wrote over who had seen it and
    /// whose own write is kept.
    pub(super) fn objection(&self, key: &Key, value: Option<&str>) -> Option<String> {
        let is_beaten = |at: usize| {
            let beats = |write: &&Write| write.over == Some(at) && write.is_kept == Some(true);
            self.writes.iter().find(beats)
        };
        let mut of_it = self.writes.iter().enumerate().filter(|(_, write)| write.key == *key);
        match value {
            Some(value) => match self.by_value.get(value) {
                Some(at) if self.writes[*at].key == *key => {
                    is_beaten(*at).map(|by| format!("{value} was written over: {by:?}"))
                }
                _ => Some(format!("{value} was never written there")),
            },
            None => {
                let mut deletes = of_it.clone().filter(|(_, write)| write.value.is_none());
                let was_kept = of_it.any(|(_, write)| write.is_kept == Some(true));
                let is_deleted = deletes.any(|(at, _)| is_beaten(at).is_none());
                (was_kept && !is_deleted).then(|| "a row is lost".to_owned())
            }
        }
    }
}
