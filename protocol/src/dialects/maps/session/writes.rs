//! Operations of a client: checked one by one, split over their maps, and acknowledged together.
//!
//! One that is not taken does not keep the others of its batch from being applied. Nothing here knows
//! which of two records wins.

use std::collections::HashMap;

use super::{
    Asked, Gate, Session,
    known::{Known, Whose},
    say::{self, Failure},
};
use crate::dialects::maps::{
    command::{Answer, Command, Write, Written},
    fault::Fault,
    hlc::{Hlc, NodeId},
    permissions::{Grants, Op},
    proto::{Ack, ErrorCode, OpResult, OperationMessage},
    record::{Kind, Record},
    settings::Limits,
};

/// The same for a map that is not there and for one that is somebody else's.
pub(super) const FORBIDDEN: Fault =
    Fault::new(ErrorCode::PermissionDenied, "not permitted on this map");
const NOT_YOURS: Fault =
    Fault::new(ErrorCode::PermissionDenied, "the timestamp's node is not this user's");
const DRIFT: Fault =
    Fault::new(ErrorCode::ClockDrift, "the timestamp is too far ahead of serverTime");

/// As many parts as are looked through one by one.
const FEW: usize = 8;

/// A batch that is being checked, or has been.
#[derive(Default)]
pub(super) struct Batch {
    parts: Vec<Part>,
    refused: Vec<OpResult>,
    /// Nodes that the registry must be asked for.
    nodes: Vec<NodeId>,
}

/// The operations of a batch on one map.
struct Part {
    map: Box<str>,
    may_put: bool,
    may_remove: bool,
    ops: Vec<(u32, Record)>,
}

/// A batch that waits for the registry.
pub(super) struct Pending {
    place: u64,
    batch: Batch,
    /// Questions that have no answer yet.
    open: usize,
    failed: Option<Failure>,
    /// Nodes that are asked for.
    nodes: Vec<NodeId>,
    /// The one of them that is claimed, when the client has none yet.
    claimed: usize,
    /// Maps that the user may not write to, and why.
    shut: HashMap<Box<str>, Fault>,
}

/// What has come of the parts of a batch so far.
#[derive(Debug)]
pub(super) struct Merge {
    left: usize,
    applied: u32,
    durable: bool,
    results: Vec<OpResult>,
    failed: Option<Failure>,
}

/// What a batch is checked against.
struct Checks<'a> {
    grants: &'a Grants,
    known: &'a mut Known,
    limits: &'a Limits,
    latest_ms: u64,
}

impl Checks<'_> {
    fn check(&mut self, ops: Vec<OperationMessage>) -> Batch {
        let mut batch = Batch::default();
        let mut by_map = HashMap::new();
        let (mut at, count) = (0, ops.len());
        for (index, op) in (0_u32..).zip(ops) {
            // Nearly always the same map as before.
            let same = batch.parts.get(at).is_some_and(|part| *part.map == *op.map_name);
            let other = if same { None } else { Some(op.map_name.clone()) };
            let record = match Record::from_op(op, self.limits) {
                Ok(record) => record,
                Err(fault) => {
                    batch.refused.push(say::rejected(index, fault));
                    continue;
                }
            };
            if let Some(map) = other {
                at = match batch.find(&map, &mut by_map) {
                    Some(at) => at,
                    None => batch.add(self.part(&map, count - index as usize)),
                };
            }
            match self.objection(&batch.parts[at], &record, &mut batch.nodes) {
                Some(fault) => batch.refused.push(say::rejected(index, fault)),
                None => batch.parts[at].ops.push((index, record)),
            }
        }
        batch
    }

    fn part(&self, map: &str, ops_max: usize) -> Part {
        let may = |op| self.grants.may(map, op);
        let (may_put, may_remove) = (may(Op::Put), may(Op::Remove));
        let room = if may_put || may_remove { ops_max } else { 0 };
        Part { map: map.into(), may_put, may_remove, ops: Vec::with_capacity(room) }
    }

    fn objection(
        &mut self,
        part: &Part,
        record: &Record,
        unknown: &mut Vec<NodeId>,
    ) -> Option<Fault> {
        let may = match record.kind {
            Kind::Put => part.may_put,
            Kind::Remove => part.may_remove,
        };
        if !may {
            return Some(FORBIDDEN);
        }
        let node = &record.hlc.node;
        match self.known.node(node) {
            Some(Whose::Ours | Whose::Unknown) => {}
            Some(Whose::Others) => return Some(NOT_YOURS),
            None if node.is_server() || self.known.nodes_len() >= self.limits.nodes_per_session => {
                return Some(NOT_YOURS);
            }
            None => {
                self.known.learn_node(node.clone(), Whose::Unknown);
                unknown.push(node.clone());
            }
        }
        (record.hlc.millis > self.latest_ms).then_some(DRIFT)
    }
}

impl Batch {
    /// Where the part of a map is. `by_map` is of use only where there are many.
    fn find(&self, map: &str, by_map: &mut HashMap<Box<str>, usize>) -> Option<usize> {
        if self.parts.len() <= FEW {
            return self.parts.iter().position(|part| *part.map == *map);
        }
        for at in by_map.len()..self.parts.len() {
            by_map.insert(self.parts[at].map.clone(), at);
        }
        by_map.get(map).copied()
    }

    fn add(&mut self, part: Part) -> usize {
        self.parts.push(part);
        self.parts.len() - 1
    }

    /// Leaves out the operations that a test finds something against.
    fn refuse_where(&mut self, mut why: impl FnMut(&str, &Record) -> Option<Fault>) {
        for part in &mut self.parts {
            let (map, refused) = (&part.map, &mut self.refused);
            part.ops.retain(|(index, record)| match why(map, record) {
                Some(fault) => {
                    refused.push(say::rejected(*index, fault));
                    false
                }
                None => true,
            });
        }
    }

    fn latest(&self) -> Option<&Hlc> {
        self.parts.iter().flat_map(|part| &part.ops).map(|(_, record)| &record.hlc).max()
    }
}

impl Session {
    pub(super) fn write(&mut self, place: u64, ops: Vec<OperationMessage>) {
        let Some(batch) = self.checked(ops) else { return };
        let parts = batch.parts.iter().filter(|part| !part.ops.is_empty());
        let new = parts.filter(|part| !self.known.may_write(&part.map));
        let maps: Vec<Box<str>> = new.map(|part| part.map.clone()).collect();
        if maps.is_empty() && batch.nodes.is_empty() {
            return self.apply(place, batch);
        }
        self.ask_for(place, batch, maps);
    }

    fn checked(&mut self, ops: Vec<OperationMessage>) -> Option<Batch> {
        let super::auth::Standing::Member(rights) = &self.standing else { return None };
        let limits = &self.settings.limits;
        let latest_ms = self.now.0.saturating_add(limits.clock_drift_max_ms);
        let (grants, known) = (&rights.grants, &mut self.known);
        Some(Checks { grants, known, limits, latest_ms }.check(ops))
    }

    /// Asks the registry for what it must say before a batch is applied.
    fn ask_for(&mut self, place: u64, mut batch: Batch, maps: Vec<Box<str>>) {
        let Some(rights) = self.rights() else { return };
        let (user, nameless) = (rights.user.clone(), rights.nameless);
        let nodes = std::mem::take(&mut batch.nodes);
        let open = nodes.len() + maps.len();
        for (at, node) in nodes.iter().enumerate() {
            // What somebody writes for others does not make their node his.
            self.ask_for_node(user.clone(), node.clone(), at, nameless && at == 0);
        }
        for map in maps {
            let admit = Command::Admit { user: user.clone(), map: map.clone() };
            self.ask_registry(admit, Asked::Map(map));
        }
        let shut = HashMap::new();
        let pending = Pending { place, batch, open, failed: None, nodes, claimed: 0, shut };
        self.gate = Some(Gate::Write(Box::new(pending)));
    }

    fn ask_for_node(&mut self, user: Box<str>, node: NodeId, at: usize, claim: bool) {
        self.ask_registry(Command::Bind { user, node, claim }, Asked::Node { at });
    }

    /// What the registry says of a node.
    pub(super) fn node_answered(&mut self, at: usize, outcome: Result<Answer, Failure>) {
        match self.gate.take() {
            Some(Gate::Auth(entry)) => self.entry_answered(*entry, outcome),
            Some(Gate::Write(mut pending)) => {
                if let Some(node) = pending.nodes.get(at).cloned() {
                    let whose = match outcome {
                        Ok(Answer::Bound(true)) => Whose::Ours,
                        Ok(Answer::Bound(false)) => Whose::Others,
                        _ => Whose::Unknown,
                    };
                    self.learn(node, whose);
                }
                pending.failed = pending.failed.or(outcome.err());
                self.registry_answered(pending);
            }
            None => {}
        }
    }

    fn learn(&mut self, node: NodeId, whose: Whose) {
        if let (Whose::Ours, super::auth::Standing::Member(rights)) = (whose, &mut self.standing) {
            rights.nameless = false;
        }
        self.known.learn_node(node, whose);
    }

    /// What the registry says of a map.
    pub(super) fn map_answered(&mut self, map: &str, outcome: Result<Answer, Failure>) {
        let Some(Gate::Write(mut pending)) = self.gate.take() else { return };
        match outcome {
            Ok(Answer::Admitted(Ok(()))) => self.known.learn_map(map),
            Ok(Answer::Admitted(Err(fault))) => {
                pending.shut.insert(map.into(), fault);
            }
            Ok(_) => pending.failed = pending.failed.or(Some(super::INTERNAL)),
            Err(failure) => pending.failed = pending.failed.or(Some(failure)),
        }
        self.registry_answered(pending);
    }

    fn registry_answered(&mut self, mut pending: Box<Pending>) {
        pending.open -= 1;
        if pending.open > 0 {
            self.gate = Some(Gate::Write(pending));
            return;
        }
        if self.claim_next(&mut pending) {
            self.gate = Some(Gate::Write(pending));
            return;
        }
        let Pending { place, mut batch, failed, shut, .. } = *pending;
        if let Some(failure) = failed {
            // Nobody knows whose these nodes are: they are asked for again.
            self.known.forget_others();
            return self.fail(place, failure);
        }
        let known = &mut self.known;
        batch.refuse_where(|map, record| match known.node(&record.hlc.node) {
            Some(Whose::Ours) => shut.get(map).copied(),
            _ => Some(NOT_YOURS),
        });
        self.apply(place, batch);
    }

    /// Claims the next node for a client that has none yet, when the one before was somebody's.
    fn claim_next(&mut self, pending: &mut Pending) -> bool {
        let Some(rights) = self.rights().filter(|rights| rights.nameless) else { return false };
        let at = pending.claimed + 1;
        let Some(node) = pending.nodes.get(at).filter(|_| pending.failed.is_none()) else {
            return false;
        };
        self.ask_for_node(rights.user.clone(), node.clone(), at, true);
        (pending.claimed, pending.open) = (at, 1);
        true
    }

    /// Asks the maps to apply a batch.
    fn apply(&mut self, place: u64, batch: Batch) {
        if let Some(latest) = batch.latest() {
            self.host.observe(latest, self.now);
        }
        let Batch { parts, refused, .. } = batch;
        let left = parts.iter().filter(|part| !part.ops.is_empty()).count();
        let merge = Merge { left, applied: 0, durable: true, results: refused, failed: None };
        if left == 0 {
            return self.acknowledge(place, merge);
        }
        if left > 1 || !merge.results.is_empty() {
            self.merges.insert(place, merge);
        }
        for part in parts.into_iter().filter(|part| !part.ops.is_empty()) {
            let write = Write { origin: self.number, ops: part.ops };
            self.ask(&part.map, Command::Write(write), Asked::Write { place });
        }
    }

    /// What a map says of its part of a batch.
    pub(super) fn written(&mut self, place: u64, outcome: Result<Answer, Failure>) {
        let outcome = match outcome {
            Ok(Answer::Written(written)) => Ok(written),
            Ok(Answer::Refused(fault)) => Err(fault.into()),
            Ok(_) => Err(super::INTERNAL),
            Err(failure) => Err(failure),
        };
        let merge = match self.merges.get_mut(&place) {
            None => Merge::of(outcome),
            Some(merge) => {
                merge.add(outcome);
                if merge.left > 0 {
                    return;
                }
                let Some(merge) = self.merges.remove(&place) else { return };
                merge
            }
        };
        self.acknowledge(place, merge);
    }

    fn acknowledge(&mut self, place: u64, merge: Merge) {
        let Merge { applied, durable, mut results, failed, .. } = merge;
        if let Some(failure) = failed {
            // What was applied all the same is told as a duplicate when it is sent again.
            return self.fail(place, failure);
        }
        results.sort_by_key(|result| result.index);
        let server_time = self.server_time();
        let Some(open) = self.answers.find(place) else { return };
        let id = std::mem::take(&mut open.correlation_id);
        self.answer(place, say::ack(id, Ack { results, applied, server_time, durable }));
    }
}

impl Merge {
    fn of(outcome: Result<Written, Failure>) -> Self {
        let mut merge =
            Self { left: 1, applied: 0, durable: true, results: Vec::new(), failed: None };
        merge.add(outcome);
        merge
    }

    fn add(&mut self, outcome: Result<Written, Failure>) {
        self.left -= 1;
        match outcome {
            Ok(Written { mut results, applied, durable }) => {
                self.results.append(&mut results);
                self.applied += applied;
                self.durable &= durable;
            }
            Err(failure) => self.failed = self.failed.or(Some(failure)),
        }
    }
}
