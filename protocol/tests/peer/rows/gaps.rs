//! What is lost on the way comes with the next answer; nobody claims to know what it lacks (checks 25, 26).

use proptest::{collection::vec, prelude::*};
use syncline_protocol::dialects::peer::{
    rows::{Changes, Hlc, Kind, Row, VersionVector},
    store::Store as _,
};

use super::any::{Holder, at, bare, edit, hlc, node, row, settings, vector, with_meta};

/// Check 25.
#[test]
fn a_lost_changeset_is_missed_and_repaired() {
    let (mut sender, mut receiver) = (Holder::new("sender"), Holder::new("receiver"));
    let live: Vec<_> = (0..3)
        .map(|at_micros| sender.write(vec![edit(&at_micros.to_string(), Some("x"))], at(at_micros)))
        .collect();
    assert!(!receiver.merge(live[0].clone(), at(0)).gap);
    let merged = receiver.merge(live[2].clone(), at(0));
    assert!(merged.gap && !merged.advanced && merged.changed.len() == 1);
    assert_eq!(*receiver.replica.frontier(), vector([hlc("sender", 0)]));
    assert_eq!(receiver.replica.gaps(), 1);
    // The clock of the request leaves out what is above the gap, so the answer fills it.
    for part in sender.answer(receiver.replica.frontier()) {
        assert!(!receiver.merge(part, at(0)).gap);
    }
    assert_eq!(receiver.all(), sender.all());
    assert_eq!(receiver.digest(), sender.digest());
    assert_eq!(receiver.replica.frontier(), sender.replica.frontier());
    assert_eq!(receiver.replica.gaps(), 0);
}

#[test]
fn what_was_only_late_needs_no_repair() {
    let (mut sender, mut receiver) = (Holder::new("sender"), Holder::new("receiver"));
    let mut live: Vec<_> = (0..5)
        .map(|at_micros| sender.write(vec![edit("p", Some(&at_micros.to_string()))], at(at_micros)))
        .collect();
    live.reverse();
    for changes in live {
        receiver.merge(changes, at(0));
    }
    assert_eq!(receiver.replica.frontier(), sender.replica.frontier());
    assert_eq!(receiver.replica.gaps(), 0);
}

#[test]
fn a_gap_outlives_a_restart() {
    let (mut sender, mut receiver) = (Holder::new("sender"), Holder::new("receiver"));
    let first = sender.write(vec![edit("p", Some("x"))], at(0));
    let lost = sender.write(vec![edit("q", Some("x"))], at(1));
    let third = sender.write(vec![edit("r", Some("x"))], at(2));
    receiver.merge(first, at(0));
    receiver.merge(third, at(0));
    receiver.store.sync().unwrap();
    receiver.store.cut_power();
    receiver.reopen(settings("receiver"));
    assert!(!receiver.replica.frontier().covers(&lost.rows[0].hlc));
    for part in sender.answer(receiver.replica.frontier()) {
        receiver.merge(part, at(0));
    }
    assert_eq!(receiver.digest(), sender.digest());
}

#[test]
fn a_live_changeset_may_tell_its_beginning_alone() {
    let mut receiver = Holder::new("receiver");
    let live = |prev: VersionVector, rows: Vec<Row>| {
        let meta = syncline_protocol::dialects::peer::rows::Meta {
            kind: Kind::Live,
            prev,
            ..Default::default()
        };
        with_meta(rows, meta)
    };
    // Neither beginning nor end: nothing is known by it, and nothing is missed.
    let rows = vec![row("p", "x", hlc("a", 1)), row("q", "x", hlc("a", 2))];
    let merged = receiver.merge(live(VersionVector::default(), rows), at(0));
    assert!(!merged.gap && !merged.advanced);
    assert!(
        receiver.merge(live(vector([hlc("a", 2)]), vec![row("r", "x", hlc("a", 3))]), at(0)).gap
    );
    let sync = syncline_protocol::dialects::peer::rows::Meta {
        kind: Kind::Sync,
        vc: vector([hlc("a", 2)]),
        ..Default::default()
    };
    assert!(receiver.merge(with_meta(Vec::new(), sync), at(0)).advanced);
    assert_eq!(*receiver.replica.frontier(), vector([hlc("a", 3)]));
    // Who says nothing is taken at its rows alone.
    assert!(!receiver.merge(bare(vec![row("s", "x", hlc("b", 1))]), at(0)).advanced);
    assert_eq!(receiver.replica.frontier().get(&node("b")), None);
}

#[derive(Clone, Debug)]
enum Event {
    /// Who writes which row.
    Write(usize, u8, Option<u8>),
    /// Which packet under way is delivered, and whether it stays for another time.
    Deliver(usize, bool),
    Lose(usize),
    /// Who asks whom, and in parts of how many rows it is answered.
    Ask(usize, usize, usize),
    CutPower(usize),
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..3_usize, 0..6_u8, proptest::option::weighted(0.8, 0..9_u8))
            .prop_map(|(who, row, value)| Event::Write(who, row, value)),
        8 => (any::<usize>(), any::<bool>()).prop_map(|(which, stays)| Event::Deliver(which, stays)),
        4 => any::<usize>().prop_map(Event::Lose),
        2 => (0..3_usize, 1..3_usize, 1..4_usize).prop_map(|(who, other, rows)| Event::Ask(who, (who + other) % 3, rows)),
        1 => (0..3_usize).prop_map(Event::CutPower),
    ]
}

const NAMES: [&str; 3] = ["a", "b", "c"];

struct Net {
    holders: Vec<Holder>,
    under_way: Vec<(usize, Changes)>,
    /// All rows that anyone ever wrote.
    written: Vec<Row>,
    micros: i64,
}

impl Net {
    fn step(&mut self, event: Event) {
        let now = at(self.micros);
        self.micros += 1;
        match event {
            Event::Write(who, row, value) => {
                let value = value.map(|value| value.to_string());
                let edits = vec![edit(&row.to_string(), value.as_deref())];
                let changes = self.holders[who].write(edits, now);
                // Commit, then release.
                self.holders[who].sync();
                self.written.extend(changes.rows.clone());
                let others = (0..3).filter(|other| *other != who && !changes.rows.is_empty());
                self.under_way.extend(others.map(|other| (other, changes.clone())));
            }
            Event::Deliver(..) | Event::Lose(_) if self.under_way.is_empty() => {}
            Event::Deliver(which, stays) => {
                let at = which % self.under_way.len();
                let (who, changes) = self.under_way[at].clone();
                self.holders[who].merge(changes, now);
                if !stays {
                    self.under_way.swap_remove(at);
                }
            }
            Event::Lose(which) => {
                let at = which % self.under_way.len();
                self.under_way.swap_remove(at);
            }
            Event::Ask(who, other, rows_max) => {
                let clock = self.holders[who].replica.frontier().clone();
                let parts = self.holders[other].parts(&clock, rows_max);
                self.holders[other].sync();
                self.under_way.extend(parts.into_iter().map(|part| (who, part)));
            }
            Event::CutPower(who) => {
                self.holders[who].store.cut_power();
                self.holders[who].reopen(settings(NAMES[who]));
            }
        }
    }

    /// Whoever knows a node up to somewhere holds each row that it wrote until then, or a newer one, or will
    /// ask for a newer one.
    fn is_sound(&self) -> bool {
        self.holders.iter().all(|holder| {
            let known = |hlc: &Hlc| holder.replica.frontier().covers(hlc);
            self.written.iter().filter(|row| known(&row.hlc)).all(|row| {
                let held = holder.get(&row.table, &row.id);
                held.is_some_and(|held| held.order(row).is_ge())
                    || self.written.iter().any(|newer| {
                        newer.id == row.id && newer.order(row).is_gt() && !known(&newer.hlc)
                    })
            })
        })
    }

    fn heal(&mut self) {
        self.under_way.clear();
        for (who, other) in [(0, 1), (0, 2), (1, 0), (2, 0), (1, 2), (2, 1)] {
            self.step(Event::Ask(who, other, 2));
            for (who, part) in std::mem::take(&mut self.under_way) {
                self.holders[who].merge(part, at(self.micros));
            }
        }
    }
}

proptest! {
    #[test]
    fn three_that_lose_and_repeat_and_mix_agree_after_one_round(events in vec(any_event(), 0..80)) {
        let holders = NAMES.map(Holder::new).into();
        let mut net = Net { holders, under_way: Vec::new(), written: Vec::new(), micros: 0 };
        for event in events {
            net.step(event);
            prop_assert!(net.is_sound());
        }
        net.heal();
        prop_assert!(net.is_sound());
        for holder in &net.holders[1..] {
            prop_assert_eq!(holder.all(), net.holders[0].all());
            prop_assert_eq!(holder.digest(), net.holders[0].digest());
        }
        // The newest of each row is what is left.
        for row in &net.written {
            let held = net.holders[0].get(&row.table, &row.id).unwrap();
            prop_assert!(held.order(row).is_ge());
        }
    }
}
