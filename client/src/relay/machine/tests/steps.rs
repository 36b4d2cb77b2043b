//! Single steps, each as one small story.

use bytes::Bytes;

use crate::relay::{
    change_id::{ChangeId, Origin},
    machine::{Habits, Kept, Machine, OutboxLimits, Phase, Verdict, Violation},
};

const OURS: Origin = Origin::new([1; 16]);
const THEIRS: Origin = Origin::new([2; 16]);

fn machine(acks: bool, caught_up: bool) -> Machine {
    let limits = OutboxLimits { changes_max: 3, bytes_max: 10 };
    Machine::new(Habits { acks, caught_up }, limits, OURS, Kept::default())
}

fn submit(machine: &mut Machine, payload: &'static str) -> ChangeId {
    let id = machine.next_id();
    machine.submit(id, Bytes::from(payload));
    id
}

fn theirs(counter: u64) -> Option<ChangeId> {
    Some(ChangeId { origin: THEIRS, counter })
}

#[test]
fn the_outbox_is_bounded_in_changes_and_in_bytes() {
    let mut machine = machine(true, true);
    assert!(machine.has_room(10));
    assert!(!machine.has_room(11));
    let first = submit(&mut machine, "a");
    for payload in ["b", "c"] {
        assert!(machine.has_room(1));
        submit(&mut machine, payload);
    }
    assert!(!machine.has_room(0));
    machine.connected();
    machine.send_next();
    assert_eq!(machine.accepted(Some(1)), Ok(vec![first]));
    assert!(machine.has_room(8), "what is saved gives its room back");
    assert!(!machine.has_room(9));
}

#[test]
fn new_changes_go_out_while_the_history_is_still_coming() {
    let mut machine = machine(true, true);
    machine.connected();
    submit(&mut machine, "new");
    assert_eq!(machine.phase(), Phase::CatchingUp);
    assert_eq!(machine.send_next(), Some((1, Bytes::from("new"))));
    assert_eq!(machine.send_next(), None);
}

#[test]
fn what_may_be_there_already_waits_for_the_history_and_is_not_sent_again() {
    let mut machine = machine(true, true);
    machine.connected();
    machine.caught_up(0);
    let first = submit(&mut machine, "1st");
    submit(&mut machine, "2nd");
    machine.send_next();
    machine.send_next();
    machine.disconnected();

    assert_eq!(machine.connected(), 0);
    assert_eq!(machine.send_next(), None);
    assert_eq!(machine.change(1, Some(first)), Verdict::Saved);
    assert!(machine.caught_up(1));
    assert_eq!(machine.send_next(), Some((2, Bytes::from("2nd"))));
    assert_eq!(machine.unsaved(), 1);
}

#[test]
fn a_server_without_an_end_of_history_gets_everything_again_at_once() {
    let mut machine = machine(true, false);
    machine.connected();
    submit(&mut machine, "1st");
    machine.send_next();
    machine.disconnected();
    machine.connected();
    assert_eq!(machine.phase(), Phase::Live);
    assert_eq!(machine.send_next(), Some((1, Bytes::from("1st"))));
}

#[test]
fn an_acknowledgement_of_a_resent_change_is_not_taken_for_the_next_one() {
    let mut machine = machine(true, false);
    machine.connected();
    let first = submit(&mut machine, "1st");
    let second = submit(&mut machine, "2nd");
    machine.send_next();
    machine.disconnected();
    machine.connected();
    machine.send_next();
    machine.send_next();
    assert_eq!(machine.change(1, Some(first)), Verdict::Saved);
    assert_eq!(machine.accepted(None), Ok(vec![]), "that was for the first");
    assert_eq!(machine.accepted(None), Ok(vec![second]));
    assert_eq!(machine.accepted(None), Err(Violation::Accepted));
}

#[test]
fn accepting_what_was_not_sent_is_a_violation() {
    let mut machine = machine(true, true);
    submit(&mut machine, "1st");
    machine.connected();
    assert_eq!(machine.accepted(Some(1)), Err(Violation::Accepted));
    assert_eq!(machine.accepted(None), Err(Violation::Accepted));
    assert_eq!(machine.unsaved(), 1);
}

#[test]
fn without_acknowledgements_what_is_written_counts_as_saved() {
    let mut machine = machine(false, false);
    let first = submit(&mut machine, "1st");
    machine.connected();
    machine.send_next();
    assert_eq!(machine.written(), vec![first]);
    assert_eq!(machine.unsaved(), 0);
}

#[test]
fn a_change_is_delivered_once_under_whatever_sequence_number() {
    let mut machine = machine(true, true);
    machine.connected();
    assert!(matches!(machine.change(1, theirs(1)), Verdict::Deliver(_)));
    assert_eq!(machine.change(1, theirs(1)), Verdict::Skip, "the same message again");
    assert_eq!(machine.change(2, theirs(1)), Verdict::Skip, "submitted again");
    assert!(matches!(machine.change(3, theirs(2)), Verdict::Deliver(_)));
}

#[test]
fn changes_without_an_id_are_told_apart_by_their_sequence_number_alone() {
    let mut machine = machine(true, true);
    machine.connected();
    assert!(matches!(machine.change(1, None), Verdict::Deliver(_)));
    assert_eq!(machine.change(1, None), Verdict::Skip);
    assert!(matches!(machine.change(2, None), Verdict::Deliver(_)));
}

#[test]
fn it_resumes_after_the_last_change_received() {
    let mut machine = machine(true, true);
    machine.connected();
    machine.change(4, theirs(1));
    machine.disconnected();
    assert_eq!(machine.connected(), 4);
    machine.caught_up(6);
    machine.disconnected();
    assert_eq!(machine.connected(), 6, "the history up to 6 held nothing for us");
}

#[test]
fn a_server_that_lost_its_history_is_read_from_the_start_without_repeating_a_change() {
    for by_change in [true, false] {
        let mut machine = machine(true, true);
        machine.connected();
        machine.caught_up(0);
        let Verdict::Deliver(ticket) = machine.change(9, theirs(1)) else { panic!("it is new") };
        machine.handled(ticket);
        machine.disconnected();

        assert_eq!(machine.connected(), 9);
        if by_change {
            assert_eq!(machine.change(2, theirs(2)), Verdict::Rewound);
        } else {
            assert!(!machine.caught_up(2));
        }
        assert_eq!(machine.report().map(|handled| handled.cursor), Some(0));
        assert_eq!(machine.connected(), 0);
        assert_eq!(machine.change(1, theirs(1)), Verdict::Skip);
        assert!(matches!(machine.change(2, theirs(2)), Verdict::Deliver(_)));
    }
}

#[test]
fn what_an_earlier_run_left_is_known_as_ours_even_without_the_rest_of_its_state() {
    let id = ChangeId { origin: THEIRS, counter: 7 };
    let kept = Kept { outbox: vec![(id, Bytes::from("left"))], ..Kept::default() };
    let limits = OutboxLimits { changes_max: 3, bytes_max: 10 };
    let mut machine = Machine::new(Habits { acks: true, caught_up: true }, limits, OURS, kept);
    machine.connected();
    assert_eq!(machine.send_next(), None, "the server may have it");
    assert_eq!(machine.change(1, Some(id)), Verdict::Saved);
    assert_eq!(machine.unsaved(), 0);
}
