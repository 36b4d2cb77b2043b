//! A replica against a plain model: any changesets, writes, refusals, and power cuts between them.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use syncline_protocol::dialects::peer::rows::{
    Changes, Edit, Hlc, Kind, Meta, NodeId, Row, TableName, VersionVector,
};

use super::{
    any::{Holder, NOON, any_hlc, any_row, at, settings, table},
    digests::plain,
};

#[derive(Clone, Debug)]
enum Step {
    /// A changeset, and the rows that are denied by the last byte of their value.
    Merge(Changes, bool),
    Write(Vec<Edit>, i64),
    Sync,
    CutPower,
}

fn any_step() -> impl Strategy<Value = Step> {
    let vector = || vec(any_hlc(), 0..3).prop_map(|all| all.into_iter().collect::<VersionVector>());
    let kind = prop_oneof![Just(Kind::Live), Just(Kind::Sync), Just(Kind::Unknown)];
    let meta = (kind, vector(), vector()).prop_map(|(kind, prev, vc)| Meta { kind, prev, vc });
    let changes = (vec(any_row(), 0..5), proptest::option::of(meta))
        .prop_map(|(rows, meta)| Changes { rows, meta, bad: Vec::new() });
    let tables = prop_oneof![Just("tasks"), Just("notes")].prop_map(table);
    let edit = (tables, "[pqr]", proptest::option::of("[xy]{0,2}"))
        .prop_map(|(table, id, value)| Edit { table, id, value });
    prop_oneof![
        4 => (changes, any::<bool>()).prop_map(|(changes, deny)| Step::Merge(changes, deny)),
        3 => (vec(edit, 0..4), -2..6_i64).prop_map(|(edits, micros)| Step::Write(edits, micros)),
        1 => Just(Step::Sync),
        1 => Just(Step::CutPower),
    ]
}

/// What a replica should hold.
#[derive(Clone, Debug, Default)]
struct Model {
    rows: BTreeMap<(TableName, String), Row>,
    known: BTreeMap<NodeId, Hlc>,
    /// Node, from, to.
    waiting: Vec<(NodeId, Option<Hlc>, Hlc)>,
    highest: (i64, u16),
}

impl Model {
    fn put(&mut self, row: &Row) {
        self.highest = self.highest.max((row.hlc.micros, row.hlc.counter));
        self.rows.insert((row.table.clone(), row.id.clone()), row.clone());
    }

    fn knows(&self, hlc: &Hlc) -> bool {
        self.known.get(&hlc.node).is_some_and(|known| hlc <= known)
    }

    fn claim(&mut self, from: Option<Hlc>, to: Hlc) {
        self.waiting.push((to.node.clone(), from, to));
        // Again and again, until none of them follows any more.
        let known =
            |model: &Self, from: &Option<Hlc>| from.as_ref().is_none_or(|from| model.knows(from));
        while let Some((node, _, to)) =
            self.waiting.iter().find(|(_, from, to)| !self.knows(to) && known(self, from)).cloned()
        {
            self.highest = self.highest.max((to.micros, to.counter));
            self.known.insert(node, to);
        }
    }

    fn merge(&mut self, changes: &Changes, denied: impl Fn(&Row) -> bool) {
        for row in &changes.rows {
            let here = self.rows.get(&(row.table.clone(), row.id.clone()));
            if here.is_none_or(|here| row.order(here).is_gt()) && !denied(row) {
                self.put(row);
            }
        }
        let Some(Meta { kind, prev, vc }) = &changes.meta else { return };
        if *kind == Kind::Unknown {
            return;
        }
        let mut ends: BTreeMap<_, _> = vc.iter().map(|to| (to.node.clone(), to.clone())).collect();
        let told = ends.clone();
        for row in changes.rows.iter().filter(|_| *kind == Kind::Live) {
            let node = &row.hlc.node;
            if prev.get(node).is_some() && !told.contains_key(node) {
                let end = ends.entry(node.clone()).or_insert_with(|| row.hlc.clone());
                *end = end.clone().max(row.hlc.clone());
            }
        }
        for (node, to) in ends {
            self.claim(prev.get(&node).cloned(), to);
        }
    }
}

/// A row is denied when it says nothing.
fn is_denied(deny: bool, row: &Row) -> bool {
    deny && row.value.as_deref().is_none_or(str::is_empty)
}

struct World {
    holder: Holder,
    model: Model,
    synced: Model,
}

impl World {
    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let Self { holder, model, synced } = self;
        match step {
            Step::Merge(changes, deny) => {
                let before = model.rows.clone();
                model.merge(&changes, |row| is_denied(deny, row));
                let mut judge = |row: &mut Row, local: Option<&Row>| {
                    assert_eq!(local, before.get(&(row.table.clone(), row.id.clone())));
                    !is_denied(deny, row)
                };
                let Holder { replica, store } = holder;
                let merged = replica.merge(store, changes, at(0), &mut judge).unwrap();
                let new = model.rows.iter().filter(|(key, row)| before.get(key) != Some(row));
                let mut changed = merged.changed;
                changed.sort_by_key(|row| (row.table.clone(), row.id.clone()));
                prop_assert_eq!(changed, new.map(|(_, row)| row.clone()).collect::<Vec<_>>());
            }
            Step::Write(edits, micros) => Self::write(holder, model, edits, micros)?,
            Step::Sync => {
                holder.sync();
                *synced = model.clone();
            }
            Step::CutPower => {
                holder.store.cut_power();
                holder.reopen(settings("me"));
                *model = synced.clone();
                model.waiting.clear();
            }
        }
        self.check()
    }

    fn write(
        holder: &mut Holder,
        model: &mut Model,
        edits: Vec<Edit>,
        micros: i64,
    ) -> Result<(), TestCaseError> {
        let mut last = model.rows.clone();
        let mut writes = 0;
        for Edit { table, id, value } in edits.clone() {
            let here = last.get(&(table.clone(), id.clone()));
            if value.is_some() || here.is_some_and(|here| !here.deleted) {
                let hlc = Hlc { micros: 0, counter: 0, node: settings("me").node };
                let deleted = value.is_none();
                let value = Some(value.unwrap_or_default());
                last.insert(
                    (table.clone(), id.clone()),
                    Row { table, id, value, deleted, hlc, author: None },
                );
                writes += 1;
            }
        }
        let highest = model.highest;
        let changes = holder.write(edits, at(micros));
        for row in &changes.rows {
            prop_assert!(row.hlc.place() > highest && row.hlc.micros >= NOON + micros);
            let expected = last.get(&(row.table.clone(), row.id.clone())).unwrap();
            prop_assert_eq!((&row.value, row.deleted), (&expected.value, expected.deleted));
        }
        let times: std::collections::BTreeSet<_> =
            changes.rows.iter().map(|row| &row.hlc).collect();
        prop_assert_eq!(times.len(), changes.rows.len());
        prop_assert_eq!(changes.rows.is_empty(), writes == 0);
        if writes > 0 {
            let meta = changes.meta.as_ref().unwrap();
            let own = settings("me").node;
            prop_assert_eq!(meta.prev.get(&own), model.known.get(&own));
            prop_assert_eq!(meta.vc.get(&own), times.last().copied());
        }
        model.merge(&changes, |_| false);
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let Self { holder, model, .. } = self;
        let rows: Vec<_> = model.rows.values().collect();
        prop_assert_eq!(holder.digest(), plain(&rows));
        prop_assert_eq!(holder.replica.len(), rows.len());
        for row in &rows {
            let held = holder.get(&row.table, &row.id);
            prop_assert_eq!(held.as_ref(), Some(*row));
        }
        for name in ["tasks", "notes", "members", "roles"] {
            let live: Vec<_> = rows
                .iter()
                .filter(|row| row.table == name && !row.deleted)
                .copied()
                .cloned()
                .collect();
            prop_assert_eq!(holder.replica.table(&holder.store, name).unwrap(), live);
            prop_assert_eq!(holder.get(name, "nobody"), None);
        }
        let known: VersionVector = model.known.values().cloned().collect();
        prop_assert_eq!(holder.replica.frontier(), &known);
        let waiting = model.waiting.iter().any(|(_, _, to)| !model.knows(to));
        prop_assert_eq!(holder.replica.gaps() > 0, waiting);
        Ok(())
    }
}

proptest! {
    #[test]
    fn as_a_plain_model(steps in vec(any_step(), 0..24)) {
        let (model, synced) = (Model::default(), Model::default());
        let mut world = World { holder: Holder::new("me"), model, synced };
        for step in steps {
            world.step(step)?;
        }
    }
}
