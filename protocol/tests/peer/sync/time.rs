//! How far clocks are apart.

use proptest::prelude::*;
use syncline_protocol::dialects::peer::{
    now::Now,
    sync::{
        Sample, TimeSync,
        time::{OFFSET_MS_MAX, PEERS_MAX, PINGS_MAX},
    },
};

use super::{at, peer};

/// Asks one whose clock is ahead by so much, over a way that takes so long each way.
fn exchange(
    time: &mut TimeSync,
    name: &str,
    (offset, there, back): (i64, u64, u64),
) -> Option<Sample> {
    let t0 = time.ask(&peer(name), at(1000))?;
    let t1 = at(1000 + there).wall_ms() + offset;
    time.answered(&peer(name), (t0, t1, t1 + 5), at(1000 + there + 5 + back))
}

#[test]
fn the_offset_is_what_the_other_clock_says_without_the_way() {
    let mut time = TimeSync::new();
    let sample = exchange(&mut time, "b", (500, 40, 40)).unwrap();
    assert_eq!(sample, Sample { round_trip_ms: 80, offset_ms: 500 });
    // What was known counts for eight of ten.
    assert_eq!(exchange(&mut time, "b", (1000, 40, 40)).unwrap().offset_ms, 600);
    assert_eq!(time.adjusted_ms(at(0)), at(0).wall_ms() + 600);
}

#[test]
fn the_median_counts_and_a_liar_moves_it_little() {
    let mut time = TimeSync::new();
    for (name, offset) in [("b", 10), ("c", 20), ("liar", 1 << 60), ("d", 30), ("e", 40)] {
        exchange(&mut time, name, (offset, 1, 1));
    }
    assert_eq!(time.offset_ms(), 30);
    time.left(&peer("liar"));
    assert_eq!(time.offset_ms(), 20);
}

#[test]
fn the_relays_clock_comes_first_and_none_is_put_right_by_more_than_five_minutes() {
    let mut time = TimeSync::new();
    exchange(&mut time, "b", (10, 1, 1));
    time.connected(Some(at(0).wall_ms() + 2000), at(0));
    assert_eq!(time.offset_ms(), 2000);
    for (server_ms, offset) in [(i64::MAX, OFFSET_MS_MAX), (i64::MIN, -OFFSET_MS_MAX)] {
        time.connected(Some(server_ms), at(0));
        assert_eq!(time.offset_ms(), offset);
    }
}

#[test]
fn a_clock_that_is_set_goes_on_as_before_until_somebody_answers() {
    let mut time = TimeSync::new();
    time.connected(Some(at(0).wall_ms() + 2000), at(0));
    let set = Now { wall_micros: at(1000).wall_micros + 200_000_000, ..at(1000) };
    time.look(set);
    assert_eq!(time.adjusted_ms(set), at(1000).wall_ms() + 2000);
    assert_eq!(time.deadline(), Some(set.elapsed), "the others are asked at once");
    let (t0, t1) = (time.ask(&peer("b"), set).unwrap(), at(1000).wall_ms());
    time.answered(&peer("b"), (t0, t1, t1), set).unwrap();
    assert_eq!(time.adjusted_ms(set), at(1000).wall_ms());
}

#[test]
fn answers_that_were_not_asked_or_took_too_long_say_nothing() {
    let mut time = TimeSync::new();
    assert_eq!(time.answered(&peer("b"), (1, 2, 3), at(0)), None);
    let t0 = time.ask(&peer("b"), at(0)).unwrap();
    assert_eq!(time.answered(&peer("b"), (t0 + 1, t0, t0), at(10)), None);
    assert_eq!(time.answered(&peer("c"), (t0, t0, t0), at(10)), None);
    assert!(time.answered(&peer("b"), (t0, t0, t0), at(10)).is_some());
    assert_eq!(time.answered(&peer("b"), (t0, t0, t0), at(10)), None);
    assert_eq!(exchange(&mut time, "b", (0, 1500, 600)), None);
    // An answer that says it was under way for less than no time.
    let t0 = time.ask(&peer("b"), at(0)).unwrap();
    assert_eq!(time.answered(&peer("b"), (t0, t0, t0 + 1000), at(10)), None);
}

#[test]
fn few_are_asked_at_a_time_and_those_of_whom_nothing_is_known_first() {
    let mut time = TimeSync::new();
    let names: Vec<_> = (0..20).map(|n| peer(&format!("p{n:02}"))).collect();
    assert!(time.due(names.iter(), at(0)).is_empty() && time.deadline().is_none());
    time.connected(None, at(0));
    let first: Vec<_> = time.due(names.iter(), at(0)).into_iter().map(|(name, _)| name).collect();
    assert_eq!(first, names[..PINGS_MAX]);
    for name in &first {
        let t0 = time.ask(name, at(0)).unwrap();
        time.answered(name, (t0, t0, t0), at(1)).unwrap();
    }
    assert!(time.due(names.iter(), at(1)).is_empty());
    let second = time.due(names.iter(), at(60_000));
    assert_eq!(second[0].0, names[PINGS_MAX]);
    time.disconnected();
    assert_eq!(time.deadline(), None);
}

#[test]
fn it_knows_of_so_many_and_no_more() {
    let mut time = TimeSync::new();
    let known = (0..2 * PEERS_MAX).filter(|n| time.ask(&peer(&n.to_string()), at(0)).is_some());
    assert_eq!(known.count(), PEERS_MAX);
    assert!(time.ask(&peer("0"), at(0)).is_some());
}

proptest! {
    #[test]
    fn nothing_that_is_answered_breaks_it(t1: i64, t2: i64, later in 0..5000_u64) {
        let mut time = TimeSync::new();
        let t0 = time.ask(&peer("b"), at(0)).unwrap();
        if let Some(sample) = time.answered(&peer("b"), (t0, t1, t2), at(later)) {
            prop_assert!((0..=2000).contains(&sample.round_trip_ms));
        }
        prop_assert!(time.offset_ms().abs() <= OFFSET_MS_MAX);
    }
}
