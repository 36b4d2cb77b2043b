//! A dataset: its generations, the operations of the active one, the keys that are active no more.
//!
//! An operation's number is its place in the log less that of its generation's begin, so it has no gap.
//! Every command reads and judges first, and changes only then: it is done whole or not at all.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    answer::{Answer, Records},
    batch::{Added, Scratch},
    cursors::{Bounds, Cursors, Noted},
    limits::Limits,
    meta::{Meta, Retired},
    request::{Checkpoint, Pull, Push, Reset},
    snapshot::Shared,
};
use crate::dialect::{Collections, Refused, UnixMillis, Unreadable};

/// What comes of a command that could read all it needs.
pub(super) type Told = Result<Answer, Refused>;

/// What is in memory of a dataset.
pub(super) struct Dataset {
    meta: Meta,
    /// Whether the meta entry is stored. Nobody has heard of a generation before it is.
    is_stored: bool,
    /// Loaded when they are first needed.
    cursors: Option<Cursors>,
    /// The active generation's.
    snapshot: Shared,
}

/// What the key of a request is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The client never had one.
    Empty,
    /// It is the one.
    Active,
    /// It was, until a checkpoint; `covered` is where `since` 0 began then.
    Alias { covered: u64 },
    /// The client must begin anew.
    Stale,
}

impl Dataset {
    /// The dataset that the collections hold. One that has not begun gets `candidate` as its key, for
    /// whoever is answered first.
    pub(super) fn load(
        candidate: &Arc<str>,
        collections: &impl Collections,
    ) -> Result<Self, Unreadable> {
        let stored = Meta::load(collections)?;
        let is_stored = stored.is_some();
        let first = || Meta::first(Arc::clone(candidate), collections.last_seq());
        let meta = stored.unwrap_or_else(first);
        Ok(Self { meta, is_stored, cursors: None, snapshot: Shared::default() })
    }

    pub(super) fn bootstrap(
        &mut self,
        collections: &mut impl Collections,
    ) -> Result<Told, Unreadable> {
        let snapshot = self.snapshot(collections)?;
        self.settle(collections);
        Ok(Ok(Answer::Bootstrap {
            generation: self.key(),
            snapshot,
            server_seq: self.meta.head(collections),
            records: self.after(self.meta.covered, collections),
        }))
    }

    pub(super) fn push(
        &mut self,
        push: &Push,
        now: UnixMillis,
        limits: &Limits,
        scratch: &mut Scratch,
        collections: &mut impl Collections,
    ) -> Result<Told, Unreadable> {
        let standing = self.standing(&push.generation, collections)?;
        if standing == Standing::Stale {
            return self.stale(collections).map(Ok);
        }
        let snapshot = match standing {
            Standing::Empty if self.meta.has_snapshot() => Some(self.snapshot(collections)?),
            _ => None,
        };
        self.load_cursors(collections)?;
        let tuples = self.meta.tuples;
        let Added { ops: stored, bytes } = scratch.find_new(&push.ops, tuples, collections)?;
        let head = self.meta.head(collections);
        if stored > 0 {
            let bytes = collections.log_bytes() + self.meta.snapshot_bytes + bytes;
            if let Err(why) = limits.hold(head + stored, bytes) {
                return Ok(Err(why));
            }
        }

        self.settle(collections);
        scratch.append_new(&push.ops, self.meta.base, tuples, collections);
        let server_seq = head + stored;
        let noted = Noted { client_id: &push.client_id, acked: 0, told: server_seq, now };
        self.note(noted, limits, collections);
        let generation = match standing {
            // Only a pull may move a client from an alias: it may still lack what was dropped.
            Standing::Alias { .. } => (*push.generation).into(),
            _ => self.key(),
        };
        Ok(Ok(match snapshot {
            Some(snapshot) => Answer::Stale { generation, snapshot, stored },
            None => Answer::Pushed { generation, server_seq, stored },
        }))
    }

    pub(super) fn pull(
        &mut self,
        pull: &Pull,
        now: UnixMillis,
        limits: &Limits,
        collections: &mut impl Collections,
    ) -> Result<Told, Unreadable> {
        let begin = match self.standing(&pull.generation, collections)? {
            Standing::Active => self.meta.covered,
            Standing::Alias { covered } => covered,
            Standing::Empty | Standing::Stale => return self.stale(collections).map(Ok),
        };
        let server_seq = self.meta.head(collections);
        let after = if pull.since == 0 { begin } else { pull.since.min(server_seq) };
        if after < self.meta.dropped {
            return self.stale(collections).map(Ok);
        }
        self.load_cursors(collections)?;

        self.settle(collections);
        let noted = Noted { client_id: &pull.client_id, acked: after, told: server_seq, now };
        self.note(noted, limits, collections);
        let records = self.after(after, collections);
        Ok(Ok(Answer::Pulled { generation: self.key(), server_seq, records }))
    }

    pub(super) fn reset(
        &mut self,
        reset: &Reset,
        limits: &Limits,
        collections: &mut impl Collections,
    ) -> Result<Told, Unreadable> {
        let is_active = self.is_stored && *self.meta.key == *reset.generation;
        if is_active || Retired::find(&reset.generation, collections)?.is_some() {
            return Ok(Ok(Answer::GenerationExists));
        }
        let retired = self.meta.retired + u64::from(self.is_stored);
        let held = limits.hold(0, reset.snapshot.len() as u64);
        if let Err(why) = held.and_then(|()| limits.remember(retired)) {
            return Ok(Err(why));
        }

        let (last, tuples) = (collections.last_seq(), self.meta.next_map());
        if self.is_stored {
            Retired::Stale.store(&self.meta.key, collections);
            collections.drop_map(self.meta.tuples);
            collections.drop_map(self.meta.cursors);
            collections.trim(last + 1);
        }
        let key = (*reset.generation).into();
        self.meta = Meta {
            epoch: self.meta.epoch + 1,
            retired,
            tuples,
            cursors: tuples + 1,
            ..Meta::first(key, last)
        };
        self.put_snapshot(&reset.snapshot, collections);
        self.begin(collections);
        Ok(Ok(Answer::Reset { generation: self.key(), server_seq: 0 }))
    }

    pub(super) fn rotate(
        &mut self,
        candidate: Arc<str>,
        limits: &Limits,
        collections: &mut impl Collections,
    ) -> Result<Told, Unreadable> {
        if let Err(why) = limits.remember(self.meta.retired + 1) {
            return Ok(Err(why));
        }
        if self.is_stored {
            Retired::Stale.store(&self.meta.key, collections);
            collections.drop_map(self.meta.cursors);
            self.meta.cursors = self.meta.next_map();
            self.meta.retired += 1;
            self.meta.epoch += 1;
            self.meta.key = candidate;
        }
        self.begin(collections);
        let server_seq = self.meta.head(collections);
        Ok(Ok(Answer::Reset { generation: self.key(), server_seq }))
    }

    pub(super) fn checkpoint(
        &mut self,
        checkpoint: &Checkpoint,
        candidate: Arc<str>,
        now: UnixMillis,
        limits: &Limits,
        collections: &mut impl Collections,
    ) -> Result<Told, Unreadable> {
        if self.standing(&checkpoint.generation, collections)? != Standing::Active {
            return self.stale(collections).map(Ok);
        }
        let (server_seq, covered) = (self.meta.head(collections), checkpoint.server_seq);
        if covered > server_seq {
            return Ok(Ok(Answer::BeyondHead));
        }
        let held =
            self.load_cursors(collections)?.held_at(&checkpoint.client_id, now, limits.seen_for_ms);
        let mut dropped = 0;
        if covered > self.meta.covered {
            let bytes = collections.log_bytes() + checkpoint.snapshot.len() as u64;
            let grows = checkpoint.snapshot.len() as u64 > self.meta.snapshot_bytes;
            let held_bytes = if grows { limits.hold(server_seq, bytes) } else { Ok(()) };
            if let Err(why) = held_bytes.and_then(|()| limits.remember(self.meta.retired + 1)) {
                return Ok(Err(why));
            }

            let until = held.map_or(covered, |held| held.min(covered)).max(self.meta.dropped);
            dropped = until - self.meta.dropped;
            let Meta { epoch, covered: before, .. } = self.meta;
            Retired::Alias { epoch, covered: before }.store(&self.meta.key, collections);
            collections.trim(self.meta.base + until + 1);
            self.put_snapshot(&checkpoint.snapshot, collections);
            self.meta.covered = covered;
            self.meta.dropped = until;
            self.meta.retired += 1;
            self.meta.key = candidate;
            self.meta.store(collections);
        }
        Ok(Ok(Answer::Checkpointed { generation: self.key(), server_seq, dropped }))
    }

    fn key(&self) -> Arc<str> {
        Arc::clone(&self.meta.key)
    }

    fn standing(&self, key: &str, collections: &impl Collections) -> Result<Standing, Unreadable> {
        if key.is_empty() {
            return Ok(Standing::Empty);
        }
        if self.is_stored && *self.meta.key == *key {
            return Ok(Standing::Active);
        }
        Ok(match Retired::find(key, collections)? {
            Some(Retired::Alias { epoch, covered }) if epoch == self.meta.epoch => {
                Standing::Alias { covered }
            }
            _ => Standing::Stale,
        })
    }

    fn snapshot(&mut self, collections: &impl Collections) -> Result<Bytes, Unreadable> {
        self.snapshot.share(|| self.meta.snapshot(collections))
    }

    fn put_snapshot(&mut self, token: &str, collections: &mut impl Collections) {
        self.snapshot = Shared::default();
        self.meta.put_snapshot(token, collections);
    }

    fn stale(&mut self, collections: &mut impl Collections) -> Result<Answer, Unreadable> {
        let snapshot = self.snapshot(collections)?;
        self.settle(collections);
        Ok(Answer::Stale { generation: self.key(), snapshot, stored: 0 })
    }

    /// Stores the meta entry of a dataset that begins with this command.
    fn settle(&mut self, collections: &mut impl Collections) {
        if !self.is_stored {
            self.begin(collections);
        }
    }

    /// Stores the meta entry of a generation that nobody has asked for anything.
    fn begin(&mut self, collections: &mut impl Collections) {
        self.meta.store(collections);
        self.is_stored = true;
        self.cursors = Some(Cursors::default());
    }

    /// Places in the log of the operations after `after`, which is not above the head.
    fn after(&self, after: u64, collections: &impl Collections) -> Records {
        Records { after: self.meta.base + after, last: collections.last_seq() }
    }

    fn load_cursors(&mut self, collections: &impl Collections) -> Result<&Cursors, Unreadable> {
        Ok(match &mut self.cursors {
            Some(cursors) => cursors,
            none => none.insert(Cursors::load(self.meta.cursors, collections)?),
        })
    }

    /// Takes note of a client that is answered. The cursors must be loaded.
    fn note(&mut self, noted: Noted<'_>, limits: &Limits, collections: &mut impl Collections) {
        let Limits { clients_max, seen_for_ms, .. } = *limits;
        let bounds = Bounds { clients_max, seen_for_ms };
        let cursors = self.cursors.get_or_insert_default();
        cursors.note(noted, bounds, self.meta.cursors, collections);
    }
}
