//! Follows collections through a history with holes: which records follow from those before, and
//! what a damage took.
//!
//! Knows ids, names and sequence numbers; nothing of bytes or indexes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
};

use super::damage::{Damage, Flaw, Lost};
use crate::{
    collection::{Collection, Kind as CollectionKind},
    format::{
        frame::{Kind, padded},
        table::Item,
    },
    ids::Seq,
    recovery::image::Image,
};

/// A collection, as far as history tells.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) kind: CollectionKind,
    /// `None` when its create record is lost.
    pub(crate) name: Option<Box<str>>,
    /// Of a log: the first sequence number kept, and the next one.
    pub(crate) first: u64,
    pub(crate) next: u64,
    pub(crate) is_dropped: bool,
}

/// What to do with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// What it says; for an append or a trim, after the loss of these sequence numbers.
    Take(Range<u64>),
    /// Nothing: it does not follow from what was before.
    Skip,
}

/// What follows from the records so far.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) collections: BTreeMap<u32, Known>,
    damages: Vec<Damage>,
    /// Damages and the records of logs that they took: id and sequence numbers.
    records: Vec<(usize, u32, Range<u64>)>,
    /// Values that a damage took and nothing has replaced: id and hash of the key.
    values: HashMap<(u32, u64), usize>,
    /// Collections whose create record a damage took.
    names: Vec<(usize, u32)>,
    /// The damage behind which something unknown may be missing.
    hole: Option<usize>,
    /// The largest id that was given to a collection.
    newest: u32,
}

impl Ledger {
    /// Begins with nothing, or with the image of a snapshot.
    pub(crate) fn new(damages: Vec<Damage>, image: Option<&Image>) -> Self {
        let mut ledger = Self { damages, ..Self::default() };
        let Some(image) = image else { return ledger };
        ledger.newest = image.header.next_collection_id.saturating_sub(1);
        for collection in &image.collections {
            let (first, next) = match collection {
                Collection::Log(log) => {
                    let index = log.index.read();
                    (index.first(), index.next())
                }
                Collection::Map(_) => (1, 1),
            };
            let (kind, name) = (collection.kind(), Some(collection.name().into()));
            let known = Known { kind, name, first, next, is_dropped: false };
            ledger.collections.insert(collection.id(), known);
            ledger.newest = ledger.newest.max(collection.id());
        }
        ledger
    }

    /// Something unknown may be missing here.
    pub(crate) fn hole(&mut self, damage: usize) {
        self.damages[damage].lost.push(Lost::Unknown);
        self.hole = Some(damage);
    }

    /// Follows one record of the file `name`; `damage` when its frame is damaged and a table told it.
    pub(crate) fn take(
        &mut self,
        item: &Item<'_>,
        damage: Option<usize>,
        is_imaged: bool,
        (name, segment): (&str, u64),
    ) -> Step {
        if is_imaged && self.has(item) {
            return Step::Skip;
        }
        let sequence = |ledger: &mut Self| ledger.out_of_sequence(item, name, segment);
        if item.kind == Kind::Create {
            return if self.create(item) { Step::Take(0..0) } else { sequence(self) };
        }
        let kind = match item.kind {
            Kind::Append | Kind::Trim => Some(CollectionKind::Log),
            Kind::Put | Kind::Remove => Some(CollectionKind::Map),
            _ => None,
        };
        if !self.collections.contains_key(&item.collection) {
            let Some(damage) = self.hole else { return sequence(self) };
            // A drop of what is not known is of no concern any more.
            let Some(kind) = kind else { return Step::Skip };
            let known =
                Known { kind, name: None, first: item.seq, next: item.seq, is_dropped: false };
            self.collections.insert(item.collection, known);
            self.newest = self.newest.max(item.collection);
            self.names.push((damage, item.collection));
        }
        let has_hole = self.hole.is_some();
        let Some(known) = self.collections.get_mut(&item.collection) else { return Step::Skip };
        if known.is_dropped || kind.is_some_and(|kind| kind != known.kind) {
            return sequence(self);
        }
        let gap = match item.kind {
            Kind::Append if item.seq < known.next => return sequence(self),
            Kind::Append | Kind::Trim if item.seq > known.next && !has_hole => {
                return sequence(self);
            }
            Kind::Append | Kind::Trim => known.next..item.seq.max(known.next),
            _ => 0..0,
        };
        known.follow(item);
        self.note(item, damage, &gap);
        Step::Take(gap)
    }

    /// Whether an image that may have a record has it, or had no use for it.
    fn has(&self, item: &Item<'_>) -> bool {
        let known = self.collections.get(&item.collection);
        match item.kind {
            Kind::Create => known.is_some(),
            Kind::Append => known.is_none_or(|known| item.seq < known.next),
            _ => known.is_none(),
        }
    }

    fn create(&mut self, item: &Item<'_>) -> bool {
        let newest = self.newest;
        let is_next =
            item.collection == newest + 1 || self.hole.is_some() && item.collection > newest;
        let Some((kind, name)) = item.fields.split_first() else { return false };
        let (kind, name) = (CollectionKind::from_byte(*kind), std::str::from_utf8(name).ok());
        let Some((kind, name)) = kind.zip(name).filter(|_| is_next) else { return false };
        let name = Some(name.into());
        let known = Known { kind, name, first: 1, next: 1, is_dropped: false };
        self.collections.insert(item.collection, known);
        self.newest = item.collection;
        true
    }

    /// Notes what a damage took, and what is of no use any more.
    fn note(&mut self, item: &Item<'_>, damage: Option<usize>, gap: &Range<u64>) {
        let id = item.collection;
        if let Some(hole) = self.hole.filter(|_| !gap.is_empty()) {
            self.records.push((hole, id, gap.clone()));
        }
        match (item.kind, damage) {
            (Kind::Append, Some(damage)) => {
                self.records.push((damage, id, item.seq..item.seq + 1));
            }
            (Kind::Put, Some(damage)) => drop(self.values.insert((id, item.hash), damage)),
            (Kind::Put | Kind::Remove, _) => drop(self.values.remove(&(id, item.hash))),
            _ => {}
        }
    }

    fn out_of_sequence(&mut self, item: &Item<'_>, name: &str, segment: u64) -> Step {
        self.damages.push(Damage {
            file: name.to_owned(),
            segment: Some(segment),
            offset: item.offset.into(),
            bytes: padded(item.length as usize) as u64,
            flaw: Flaw::Sequence,
            lost: vec![Lost::Unknown],
        });
        Step::Skip
    }

    /// The names that stand for collections whose own are lost.
    fn stand_ins(&self) -> HashMap<u32, String> {
        let named = self.collections.values().filter(|known| !known.is_dropped);
        let taken: HashSet<&str> = named.filter_map(|known| known.name.as_deref()).collect();
        let nameless = self.collections.iter().filter(|(_, known)| known.name.is_none());
        let stand_in = |id: u32| {
            let mut name = Lost::nameless(id);
            while taken.contains(&*name) {
                name.push('+');
            }
            (id, name)
        };
        nameless.map(|(id, _)| stand_in(*id)).collect()
    }

    /// Every collection that is there in the end, with its name or the one that stands for it; and
    /// the damages with what they took of what would still be of use.
    pub(crate) fn finish(mut self) -> (Vec<(u32, String, Known)>, Vec<Damage>) {
        let stand_ins = self.stand_ins();
        let name = |id: u32, known: &Known| {
            let own = known.name.as_deref().map(str::to_owned);
            own.or_else(|| stand_ins.get(&id).cloned()).unwrap_or_default()
        };
        let kept = |id: &u32| self.collections.get(id).filter(|known| !known.is_dropped);
        for (damage, id) in &self.names {
            if let Some(known) = kept(id) {
                let lost = Lost::Name { kind: known.kind, stand_in: name(*id, known) };
                self.damages[*damage].lost.push(lost);
            }
        }
        for (damage, id, seqs) in &self.records {
            let Some(known) = kept(id) else { continue };
            let seqs = seqs.start.max(known.first)..seqs.end;
            add_records(&mut self.damages[*damage].lost, name(*id, known), seqs);
        }
        for ((id, _), damage) in &self.values {
            if let Some(known) = kept(id) {
                self.damages[*damage].lost.push(Lost::Value { map: name(*id, known) });
            }
        }
        let there = self.collections.iter().filter(|(_, known)| !known.is_dropped);
        let there = there.map(|(id, known)| (*id, name(*id, known), known.clone())).collect();
        (there, self.damages)
    }
}

impl Known {
    fn follow(&mut self, item: &Item<'_>) {
        match item.kind {
            Kind::Append => self.next = item.seq.saturating_add(1),
            Kind::Trim => {
                self.next = self.next.max(item.seq);
                self.first = self.first.max(item.seq);
            }
            Kind::Drop => self.is_dropped = true,
            _ => {}
        }
    }
}

/// Adds lost records, to those before them when they follow.
fn add_records(lost: &mut Vec<Lost>, name: String, seqs: Range<u64>) {
    if seqs.is_empty() {
        return;
    }
    if let Some(Lost::Records { log, last, .. }) = lost.last_mut()
        && *log == name
        && last.0 + 1 == seqs.start
    {
        *last = Seq(seqs.end - 1);
        return;
    }
    lost.push(Lost::Records { log: name, first: Seq(seqs.start), last: Seq(seqs.end - 1) });
}
