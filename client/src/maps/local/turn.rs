//! How a step reaches the store: as one batch, and only then what is held in memory.
//! Knows edits; nothing of why they are made.

use syncline_engine::{Batch, Position};
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{Kind, NodeId, Path, Record, Stored},
};

use super::{
    Local,
    forms::{self, Kept, Progress},
    mapped::Mapped,
    oplog::{Own, State},
};
use crate::{
    kept::StateError,
    maps::watch::{Cause, Change, Event, Name, Rejected},
};

/// What becomes of a record.
#[derive(Debug)]
pub(super) enum Fate {
    /// It stays as it is.
    Stays,
    /// It is part of what replaces the map.
    Touched,
    /// This one takes its place.
    Becomes(Record),
    /// It goes.
    Goes,
}

/// What becomes of the own write of a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum OwnFate {
    /// It stays as it is.
    Stays,
    /// It goes: the server keeps it, or something newer.
    Goes,
    /// The record is an own write with this place.
    Is { order: u64, state: State },
}

/// What a step does to a path.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) path: Path,
    /// The record that is there.
    pub(super) old: Option<Record>,
    pub(super) fate: Fate,
    pub(super) own: OwnFate,
    /// Why the application is told of it; without it, it is not.
    pub(super) cause: Option<Cause>,
}

impl Edit {
    /// An edit of the own write alone.
    pub(super) fn of_own(path: Path, own: OwnFate) -> Self {
        Self { path, old: None, fate: Fate::Stays, own, cause: None }
    }
}

/// What a step does to a map. No path is in it twice.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) edits: Vec<Edit>,
    pub(super) progress: Option<Progress>,
    /// From this on, in milliseconds, the clock gives nothing before a higher one is kept.
    pub(super) ceiling: Option<u64>,
}

impl Local {
    /// Takes a turn: all of it is in the store on return, as one batch that is not durable yet, or
    /// nothing is done at all.
    pub(super) fn take(&mut self, map: &str, turn: Turn) -> Result<Position, StateError> {
        let Some(mapped) = self.maps.get_mut(map) else { return Ok(self.last) };
        let mut batch = Batch::new();
        for edit in &turn.edits {
            encode(&mut batch, mapped, edit);
        }
        if let Some(progress) = &turn.progress {
            batch.put(&self.meta, &forms::map_key(map), &progress.encode());
        }
        if let Some(ceiling) = turn.ceiling {
            batch.put(&self.meta, forms::CLOCK, &ceiling.to_le_bytes());
        }
        if !batch.is_empty() {
            self.last = self.store.commit(batch)?.position();
        }
        self.ceiling = turn.ceiling.unwrap_or(self.ceiling);
        if let Some(progress) = turn.progress {
            mapped.progress = progress;
        }
        for edit in turn.edits {
            if let (OwnFate::Is { state: State::Waiting, .. }, Fate::Becomes(record)) =
                (edit.own, &edit.fate)
            {
                let bytes = record.key.len() + record.value.len();
                self.fresh.push_back((self.last, mapped.name.clone(), bytes));
            }
            let told = self.listened.then_some(&mut self.told);
            apply(mapped, edit, self.last, &self.clock.last().node, self.wall.now(), told);
        }
        Ok(self.last)
    }
}

fn encode(batch: &mut Batch, map: &Mapped, edit: &Edit) {
    let key = edit.path.to_key();
    match &edit.fate {
        Fate::Stays | Fate::Touched => {}
        Fate::Becomes(record) => {
            batch.put(&map.records, &key, &Stored { seq: 0, record: record.clone() }.encode());
        }
        Fate::Goes => batch.remove(&map.records, &key),
    }
    match edit.own {
        OwnFate::Stays => {}
        OwnFate::Goes => batch.remove(&map.pending, &key),
        OwnFate::Is { order, state } => {
            batch.put(&map.pending, &key, &Kept { order, state }.encode());
        }
    }
}

/// Follows the store in memory.
fn apply(
    map: &mut Mapped,
    edit: Edit,
    position: Position,
    node: &NodeId,
    now: UnixMillis,
    told: Option<&mut Vec<Event>>,
) {
    let Edit { path, old, fate, own, cause } = edit;
    let before = map.oplog.get(path).cloned();
    match own {
        OwnFate::Stays => {}
        OwnFate::Goes => drop(map.oplog.remove(path)),
        OwnFate::Is { order, state } => {
            let stamp = match &fate {
                Fate::Becomes(record) => (record.hlc.millis, record.hlc.counter),
                _ => before.as_ref().map_or((0, 0), |own| own.stamp),
            };
            map.oplog.set(path, Own { order, stamp, state, position });
        }
    }
    let before = before.map(|own| own.state);
    if let (Some(State::Rejected(code)), OwnFate::Goes) = (before, own) {
        tracing::warn!(map = &*map.name, code, "the server has refused a write; it is taken back");
    }
    if let (Some(told), Some(cause)) = (told, cause) {
        if let (Some(State::Rejected(code)), OwnFate::Goes, Some(old)) = (before, own, &old) {
            told.push(rejected(&map.name, old, code));
        }
        let new = match &fate {
            Fate::Becomes(record) => Some(Some(record)),
            Fate::Goes => Some(None),
            Fate::Stays | Fate::Touched => None,
        };
        if let Some(new) = new {
            told.extend(changed(&map.name, old.as_ref(), new, cause, node, now));
        }
    }
    if let (Fate::Becomes(_) | Fate::Goes, Some(old)) = (&fate, &old) {
        map.unmark(path, old);
    }
    match fate {
        Fate::Stays => {}
        Fate::Touched => map.touch(path),
        Fate::Becomes(record) => map.insert(path, &record),
        Fate::Goes => drop(map.index.remove(path)),
    }
}

fn rejected(map: &Name, record: &Record, code: i32) -> Event {
    let value = (record.kind == Kind::Put).then(|| record.value.clone());
    let code = code.try_into().unwrap_or_default();
    Event::Rejected(Rejected { map: map.clone(), key: (*record.key).into(), value, code })
}

/// What the application is told of a change; `None` where nothing was and nothing is.
fn changed(
    map: &Name,
    old: Option<&Record>,
    new: Option<&Record>,
    cause: Cause,
    node: &NodeId,
    now: UnixMillis,
) -> Option<Event> {
    let key = &*old.or(new)?.key;
    let is_own = |record: Option<&Record>| record.is_some_and(|record| record.hlc.node == *node);
    let overwritten = cause == Cause::Remote && is_own(old) && new.is_some() && !is_own(new);
    let value = |record: Option<&Record>| super::visible(record?, now);
    let (old, new) = (value(old), value(new));
    if old.is_none() && new.is_none() {
        return None;
    }
    let (map, key) = (map.clone(), key.into());
    Some(Event::Changed(Change { map, key, old, new, cause, overwritten }))
}
