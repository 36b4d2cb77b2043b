//! The machine step by step, and over any run of steps.

use proptest::prelude::*;

use super::*;

fn kept() -> Kept {
    Kept {
        actor: "me".into(),
        clock: 0,
        issued: 0,
        dataset: None,
        reset: None,
        outbox: Outbox::new(1, Vec::new()),
        inbox: Inbox::new(1, 1, Vec::new()),
    }
}

fn machine(on_replaced: OnReplaced) -> Machine {
    let chunk = ChunkLimits { ops_max: 4, bytes_max: 1000 };
    Machine::new(Rules { on_replaced, outbox_ops_max: 100, outbox_bytes_max: 1000, chunk }, kept())
}

/// A machine in the dataset `g`, whose application knows that.
fn in_dataset(on_replaced: OnReplaced) -> Machine {
    let mut machine = machine(on_replaced);
    let turn = machine.bootstrapped("g".into(), String::new());
    machine.apply(turn);
    machine
}

fn record(machine: &mut Machine) -> u64 {
    let clock = machine.next_clock().unwrap();
    let turn = machine.record(Pending { clock, json: clock.to_string().into() });
    machine.apply(turn);
    clock
}

fn came(actor: &str, clock: u64, server_seq: u64) -> Came {
    Came { actor: actor.into(), clock, server_seq, json: Bytes::new() }
}

fn cursor(machine: &Machine) -> u64 {
    machine.kept().dataset.as_ref().unwrap().cursor
}

#[test]
fn a_fresh_client_asks_for_the_dataset_before_anything_else() {
    let mut machine = machine(OnReplaced::Drop);
    record(&mut machine);
    assert_eq!(machine.plan(true), Plan::Bootstrap);
    assert_eq!(machine.plan(false), Plan::Rest, "there is no room for it");
    let turn = machine.bootstrapped("g".into(), String::new());
    assert!(turn.entries.is_empty(), "an empty dataset is nothing to take over");
    machine.apply(turn);
    assert_eq!(machine.plan(true), Plan::Push(1));
}

#[test]
fn pushes_come_first_pulls_now_and_then_and_rest_in_the_end() {
    let mut machine = in_dataset(OnReplaced::Drop);
    for _ in 0..100 {
        record(&mut machine);
    }
    let mut plans = String::new();
    while machine.plan(true) != Plan::Rest {
        let turn = match machine.plan(true) {
            Plan::Push(count) => {
                plans.push('>');
                machine.pushed(count)
            }
            Plan::Pull => {
                plans.push('<');
                let turn = machine.caught_up(cursor(&machine), cursor(&machine));
                machine.pull_due();
                if machine.unsaved() == 0 {
                    break;
                }
                turn
            }
            other => panic!("{other:?}"),
        };
        machine.apply(turn);
    }
    assert_eq!(plans, ">>>>>>>><>>>>>>>><>>>>>>>><><");
}

#[test]
fn what_we_made_in_the_dataset_is_passed_over_and_nothing_else() {
    let mut machine = in_dataset(OnReplaced::Drop);
    let clock = record(&mut machine);
    let ops = vec![came("me", clock, 1), came("you", clock, 2), came("me", clock + 1, 3)];
    let turn = machine.came(ops).unwrap();
    assert_eq!(turn.entries.len(), 2, "theirs, and one of ours that we know nothing of");
    machine.apply(turn);
    assert_eq!((cursor(&machine), machine.next_clock()), (3, Some(3)));
}

#[test]
fn operations_out_of_order_break_the_protocol() {
    let mut machine = in_dataset(OnReplaced::Drop);
    let turn = machine.came(vec![came("you", 1, 5)]).unwrap();
    machine.apply(turn);
    for ops in [vec![came("you", 2, 5)], vec![came("you", 2, 7), came("you", 3, 6)]] {
        assert!(machine.came(ops).is_err());
    }
    assert!(machine.stale("g".into(), String::new()).is_err(), "stale by our own key");
}

#[test]
fn an_alias_of_the_generation_keeps_everything() {
    let mut machine = in_dataset(OnReplaced::Drop);
    let turn = machine.came(vec![came("you", 1, 5)]).unwrap();
    machine.apply(turn);
    record(&mut machine);
    assert!(machine.migrated("g").is_empty());
    let turn = machine.migrated("alias");
    assert!(turn.entries.is_empty() && turn.outbox_done.is_none());
    machine.apply(turn);
    assert_eq!((cursor(&machine), machine.unsaved()), (5, 1));
    assert_eq!(machine.kept().dataset.as_ref().unwrap().generation, "alias");
}

#[test]
fn a_lower_head_means_that_the_server_lost_operations() {
    let mut machine = in_dataset(OnReplaced::Drop);
    record(&mut machine);
    let turn = machine.came(vec![came("you", 1, 5)]).unwrap();
    machine.apply(turn);
    let turn = machine.caught_up(5, 3);
    machine.apply(turn);
    assert_eq!(machine.plan(true), Plan::Bootstrap);
    let turn = machine.bootstrapped("g".into(), "S".into());
    assert!(matches!(turn.entries[..], [Entry::Dataset { cause: Cause::Rewound, .. }]));
    machine.apply(turn);
    assert_eq!((cursor(&machine), machine.unsaved()), (0, 1), "and the outbox is ours");
    assert_ne!(machine.plan(true), Plan::Bootstrap);
}

#[test]
fn one_refused_operation_leaves_alone_only_when_the_server_takes_others() {
    let mut machine = in_dataset(OnReplaced::Drop);
    for _ in 0..4 {
        record(&mut machine);
    }
    for count in [4, 2, 1] {
        assert_eq!(machine.plan(true), Plan::Push(count));
        assert_eq!(machine.push_refused(400, count), Refusal::Retry);
    }
    assert_eq!(machine.plan(true), Plan::Probe);
    assert_eq!(machine.push_refused(400, 0), Refusal::Everything);
    machine.push_failed();
    assert_eq!((machine.plan(true), machine.unsaved()), (Plan::Pull, 4));
    assert_eq!(machine.push_refused(400, 1), Refusal::Retry);
    let turn = machine.probed();
    assert!(matches!(turn.entries[..], [Entry::Refused { status: 400, .. }]));
    machine.apply(turn);
    assert_eq!(machine.unsaved(), 3);
}

#[test]
fn the_clock_ends_and_does_not_start_again() {
    let mut kept = kept();
    kept.clock = (1 << 53) - 2;
    let chunk = ChunkLimits { ops_max: 4, bytes_max: 1000 };
    let rules =
        Rules { on_replaced: OnReplaced::Drop, outbox_ops_max: 9, outbox_bytes_max: 99, chunk };
    let mut machine = Machine::new(rules, kept);
    record(&mut machine);
    assert_eq!(machine.next_clock(), None);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Record,
    Push,
    Come(u8),
    Replaced,
    Reset,
    ResetDone,
    Give,
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => Just(Step::Record),
        3 => Just(Step::Push),
        3 => (1..4_u8).prop_map(Step::Come),
        1 => Just(Step::Replaced),
        1 => Just(Step::Reset),
        1 => Just(Step::ResetDone),
        3 => Just(Step::Give),
        3 => Just(Step::Settle),
    ]
}

proptest! {
    /// What holds after any run of steps, beside what the model server checks in the suite.
    #[test]
    fn nothing_recorded_is_lost_silently(
        steps in prop::collection::vec(step(), 0..80),
        keeps in any::<bool>(),
    ) {
        let policy = if keeps { OnReplaced::Keep } else { OnReplaced::Drop };
        let mut machine = in_dataset(policy);
        let (mut made, mut ended, mut server_seq, mut generations) = (0_usize, 0_usize, 0, 0);
        let mut last_clock = 0;
        for step in steps {
            let before = machine.unsaved();
            let turn = match step {
                Step::Record => {
                    let clock = machine.next_clock().unwrap();
                    prop_assert!(clock > last_clock, "no clock is issued twice");
                    (last_clock, made) = (clock, made + 1);
                    machine.record(Pending { clock, json: Bytes::from("1") })
                }
                Step::Push => match machine.plan_urgent() {
                    Plan::Push(count) => {
                        prop_assert!(!machine.kept().inbox.holds_dataset());
                        prop_assert!(count <= before && count <= 4);
                        ended += count;
                        machine.pushed(count)
                    }
                    _ => continue,
                },
                Step::Come(count) => {
                    let come = |n| came("you", u64::from(n), server_seq + u64::from(n));
                    let turn = machine.came((1..=count).map(come).collect()).unwrap();
                    server_seq += u64::from(count);
                    turn
                }
                Step::Replaced if machine.kept().reset.is_none() => {
                    (generations, server_seq) = (generations + 1, 0);
                    machine.stale(format!("g{generations}"), String::new()).unwrap()
                }
                Step::Reset => {
                    generations += 1;
                    machine.reset(format!("g{generations}"), "S".into())
                }
                Step::ResetDone if machine.kept().reset.is_some() => {
                    server_seq = 0;
                    machine.reset_done()
                }
                Step::Give => {
                    if let Some(place) = machine.next_entry() {
                        machine.give(place);
                    }
                    continue;
                }
                Step::Settle => machine.settle(machine.given),
                _ => continue,
            };
            let dropped = turn.entries.iter().filter(|e| matches!(e, Entry::Dropped(_))).count();
            let resets = usize::from(machine.kept().reset.is_some());
            if let (Step::ResetDone, Some(done)) = (step, turn.outbox_done) {
                let outbox = &machine.kept().outbox;
                ended += outbox.len() - usize::try_from(outbox.last() - done).unwrap();
            }
            ended += dropped;
            prop_assert!(!keeps || dropped == 0, "nothing is dropped that is to be kept");
            machine.apply(turn);
            let resets_now = usize::from(machine.kept().reset.is_some());
            prop_assert_eq!(machine.unsaved() - resets_now, made - ended);
            prop_assert!(resets <= 1);
        }
    }
}
