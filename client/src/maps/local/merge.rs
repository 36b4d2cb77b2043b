//! What the server has comes in: the newer record of each key wins.
//! Knows which of two records wins; nothing of messages.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
};

use syncline_protocol::dialects::maps::{Hlc, Path, Prefix, Record};

use super::{
    Local,
    forms::Progress,
    mapped::Mapped,
    turn::{Edit, Fate, OwnFate, Turn},
};
use crate::{
    kept::StateError,
    maps::{replica::Mark, watch::Cause},
};

/// Records that are dropped in one batch.
const DROPPED_TOGETHER: usize = 4096;

impl Local {
    pub(super) fn merged(
        &mut self,
        name: &str,
        records: Vec<Record>,
        mark: Mark,
    ) -> Result<(), StateError> {
        let Some(map) = self.maps.get(name) else { return Ok(()) };
        let progress = map.progress_with(mark);
        let watermark = progress.as_ref().unwrap_or(&map.progress).watermark.clone();
        let mut newest: HashMap<Path, Record> = HashMap::with_capacity(records.len());
        for record in records {
            let path = Path::of(&record.key);
            let wins = newest.get(&path).is_none_or(|other| record.compare(other).is_gt());
            if wins {
                newest.insert(path, record);
            }
        }
        let mut edits = Vec::with_capacity(newest.len());
        for (path, record) in newest {
            edits.extend(map.judge(path, record, watermark.as_ref())?);
        }
        if watermark != map.progress.watermark {
            let edited: HashSet<_> = edits.iter().map(|edit| edit.path).collect();
            edits.extend(map.pruned(watermark.as_ref(), &edited)?);
        }
        self.take(name, Turn { edits, progress, ceiling: None }).map(drop)
    }

    pub(super) fn replace_begun(&mut self, name: &str) -> Result<(), StateError> {
        let Some(map) = self.maps.get(name) else { return Ok(()) };
        let watermark = map.progress.watermark.clone();
        let progress = Some(Progress { cursor: None, watermark, replacing: true });
        let from = map.index.last_seq() + 1;
        self.take(name, Turn { progress, ..Turn::default() })?;
        if let Some(map) = self.maps.get_mut(name) {
            map.replaced_from = from;
        }
        Ok(())
    }

    pub(super) fn replace_ended(&mut self, name: &str, mark: Mark) -> Result<(), StateError> {
        let Some(map) = self.maps.get(name).filter(|map| map.progress.replacing) else {
            return Ok(());
        };
        let is_left = |path: &Path| map.oplog.get(*path).is_none();
        let left = map.index.entries(&Prefix::ROOT).filter(|entry| entry.seq < map.replaced_from);
        let left: Vec<Path> = left.map(|entry| entry.path).filter(is_left).collect();
        for paths in left.chunks(DROPPED_TOGETHER) {
            self.dropped(name, paths)?;
        }
        // Only now: a kill before leaves the replace going on.
        let Some(map) = self.maps.get(name) else { return Ok(()) };
        let progress = map.progress_with(mark).unwrap_or_else(|| map.progress.clone());
        let mut edits = Vec::new();
        if progress.watermark != map.progress.watermark {
            edits = map.pruned(progress.watermark.as_ref(), &HashSet::new())?;
        }
        let progress = Some(Progress { replacing: false, ..progress });
        self.take(name, Turn { edits, progress, ceiling: None }).map(drop)
    }

    /// These records go, except those that are own writes the server is not known to have.
    pub(super) fn dropped(&mut self, name: &str, paths: &[Path]) -> Result<(), StateError> {
        let Some(map) = self.maps.get(name) else { return Ok(()) };
        let unique: HashSet<Path> = paths.iter().copied().collect();
        let mut edits = Vec::with_capacity(unique.len());
        for path in unique.into_iter().filter(|path| map.oplog.get(*path).is_none()) {
            if let Some(old) = map.read(path)? {
                edits.push(gone(path, old));
            }
        }
        self.take(name, Turn { edits, ..Turn::default() }).map(drop)
    }
}

impl Mapped {
    /// How far the map is with a mark; `None` when that changes nothing.
    fn progress_with(&self, mark: Mark) -> Option<Progress> {
        let Mark { cursor, watermark } = mark;
        let mut progress = self.progress.clone();
        progress.cursor = cursor.or(progress.cursor);
        progress.watermark = watermark.max(progress.watermark);
        (progress != self.progress).then_some(progress)
    }

    /// What a record of the server does here.
    fn judge(
        &self,
        path: Path,
        record: Record,
        watermark: Option<&Hlc>,
    ) -> Result<Option<Edit>, StateError> {
        let old = self.read(path)?;
        let own = if self.oplog.get(path).is_some() { OwnFate::Goes } else { OwnFate::Stays };
        let Some(there) = &old else {
            if is_below(watermark, &record) {
                return Ok(None);
            }
            let (fate, cause) = (Fate::Becomes(record), Some(Cause::Remote));
            return Ok(Some(Edit { path, old, fate, own, cause }));
        };
        if there.key != record.key {
            tracing::warn!("two keys have one path; the server's record is passed over");
            return Ok(None);
        }
        let fate = match record.compare(there) {
            Ordering::Greater if is_below(watermark, &record) => Fate::Goes,
            Ordering::Greater => Fate::Becomes(record),
            // The server keeps what it says.
            Ordering::Equal if matches!(own, OwnFate::Goes) || self.progress.replacing => {
                return Ok(Some(Edit { path, old, fate: Fate::Touched, own, cause: None }));
            }
            Ordering::Less if self.progress.replacing => {
                let own = OwnFate::Stays;
                return Ok(Some(Edit { path, old, fate: Fate::Touched, own, cause: None }));
            }
            Ordering::Equal | Ordering::Less => return Ok(None),
        };
        Ok(Some(Edit { path, old, fate, own, cause: Some(Cause::Remote) }))
    }

    /// What a higher watermark does: tombstones below it go, and own ones count no more.
    fn pruned(
        &self,
        watermark: Option<&Hlc>,
        edited: &HashSet<Path>,
    ) -> Result<Vec<Edit>, StateError> {
        let Some(mark) = watermark else { return Ok(Vec::new()) };
        let below = self.tombstones.range(..=(mark.millis, Path(u128::MAX)));
        let mut edits = Vec::new();
        for (_, path) in below.filter(|(_, path)| !edited.contains(path)) {
            let Some(old) = self.read(*path)?.filter(|old| is_below(watermark, old)) else {
                continue;
            };
            if self.oplog.get(*path).is_none() {
                edits.push(gone(*path, old));
            } else {
                let fate = Fate::Becomes(old.clone());
                let (path, old, own) = (*path, Some(old), OwnFate::Stays);
                edits.push(Edit { path, old, fate, own, cause: None });
            }
        }
        Ok(edits)
    }
}

fn gone(path: Path, old: Record) -> Edit {
    let (fate, own, cause) = (Fate::Goes, OwnFate::Stays, Some(Cause::Remote));
    Edit { path, old: Some(old), fate, own, cause }
}

fn is_below(watermark: Option<&Hlc>, record: &Record) -> bool {
    use syncline_protocol::dialects::maps::Kind;
    record.kind == Kind::Remove && watermark.is_some_and(|mark| record.hlc < *mark)
}
