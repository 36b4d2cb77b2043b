//! Whether all have the same: when it is told, and what follows.

use std::iter::empty;

use syncline_protocol::dialects::peer::{
    id::PeerId,
    sync::{Clocks, Consistency, Repair},
};

use super::{at, peer};

/// Told by one that it is different although both have seen the same.
fn differs(consistency: &mut Consistency, by: &str, others: &[PeerId], ms: u64) -> Option<Repair> {
    consistency.told(&peer(by), (false, Clocks::Equal), others.iter(), at(ms))
}

#[test]
fn it_is_told_when_it_becomes_quiet_and_now_and_then_when_it_does_not() {
    let mut consistency = Consistency::new();
    assert_eq!(consistency.deadline(), None);
    consistency.changed(at(0));
    consistency.changed(at(1500));
    assert!(!consistency.due(at(3499)));
    assert!(consistency.due(at(3500)));
    assert!(!consistency.due(at(3500)));
    // What was said may have been lost.
    for ms in [33_500, 333_500] {
        assert_eq!(consistency.deadline(), Some(at(ms).elapsed));
        assert!(consistency.due(at(ms)) && !consistency.due(at(ms)));
    }
    assert_eq!(consistency.deadline(), None);
    let mut told = Vec::new();
    for ms in (10_000..100_000).step_by(500) {
        consistency.changed(at(ms));
        if consistency.due(at(ms)) {
            told.push(ms);
        }
    }
    assert_eq!(told, [40_000, 70_500]);
}

#[test]
fn all_is_asked_for_the_second_time_in_a_row() {
    let mut consistency = Consistency::new();
    assert_eq!(differs(&mut consistency, "b", &[], 0), None);
    // The other one is told, so that it can say it again.
    assert_eq!(consistency.deadline(), Some(at(2000).elapsed));
    consistency.told(&peer("b"), (true, Clocks::Equal), empty(), at(20));
    assert_eq!(differs(&mut consistency, "b", &[], 30), None);
    assert_eq!(differs(&mut consistency, "b", &[], 40), Some(Repair::Full(peer("b"))));
    // Many may say it in turn, each once.
    assert_eq!(differs(&mut consistency, "c", &[], 50), None);
    assert_eq!(differs(&mut consistency, "d", &[], 60), Some(Repair::Full(peer("d"))));
}

#[test]
fn one_is_asked_for_all_once_in_a_while_and_then_another() {
    let mut consistency = Consistency::new();
    let others = [peer("b"), peer("c")];
    let mut asked = Vec::new();
    for ms in (0..70_000).step_by(100) {
        if let Some(Repair::Full(whom)) = differs(&mut consistency, "b", &others, ms) {
            asked.push((ms, whom));
        }
    }
    let by = |name: &str| asked.iter().filter(|(_, whom)| *whom == peer(name)).count();
    assert_eq!((by("b"), by("c")), (3, 3), "{asked:?}");
    for name in ["b", "c"] {
        let times: Vec<_> =
            asked.iter().filter(|one| one.1 == peer(name)).map(|one| one.0).collect();
        assert!(times.windows(2).all(|two| two[1] - two[0] >= 30_000), "{asked:?}");
    }
}

#[test]
fn who_has_more_is_asked_for_it_and_who_has_less_is_told() {
    let mut consistency = Consistency::new();
    let told = consistency.told(&peer("b"), (false, Clocks::Behind), empty(), at(0));
    assert_eq!(told, Some(Repair::Newer(peer("b"))));
    let mut consistency = Consistency::new();
    assert_eq!(consistency.told(&peer("b"), (false, Clocks::Ahead), empty(), at(0)), None);
    assert!(consistency.due(at(2000)));
}

#[test]
fn two_who_stay_different_tell_each_other_less_and_less_often() {
    let mut consistency = Consistency::new();
    let (mut ms, mut told) = (0, Vec::new());
    while ms < 600_000 {
        differs(&mut consistency, "b", &[], ms);
        ms = consistency.deadline().unwrap().as_millis() as u64;
        assert!(consistency.due(at(ms)));
        told.push(ms);
    }
    let pauses: Vec<_> = told.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(pauses.is_sorted() && pauses.last() == Some(&60_000), "{pauses:?}");
}

#[test]
fn equal_ones_say_nothing() {
    let mut consistency = Consistency::new();
    for ms in 0..100 {
        assert_eq!(consistency.told(&peer("b"), (true, Clocks::Equal), empty(), at(ms)), None);
    }
    assert_eq!(consistency.deadline(), None);
}

#[test]
fn it_knows_of_so_many_and_no_more() {
    let mut consistency = Consistency::new();
    for n in 0..5000 {
        differs(&mut consistency, &format!("p{n}"), &[], n);
    }
    assert!(format!("{consistency:?}").matches("times").count() <= 1024);
}

/// Many that have the same are told so by one of them.
#[test]
fn who_hears_that_another_has_the_same_need_not_say_it() {
    let names: Vec<_> = (0..50).map(|n| peer(&format!("p{n}"))).collect();
    let mut all: Vec<_> = names.iter().map(Consistency::of).collect();
    all.iter_mut().for_each(|one| one.changed(at(0)));
    let mut told = Vec::new();
    while let Some(next) = all.iter().filter_map(Consistency::deadline).min() {
        let ms = next.as_micros().div_ceil(1000) as u64;
        for n in 0..all.len() {
            if all[n].due(at(ms)) {
                told.push(ms);
                for (_, other) in all.iter_mut().enumerate().filter(|(other, _)| *other != n) {
                    assert_eq!(other.told(&names[n], (true, Clocks::Equal), empty(), at(ms)), None);
                }
            }
        }
    }
    assert_eq!(told.len(), 3, "{told:?}");
    assert!((2000..3000).contains(&told[0]) && told[1] - told[0] == 30_000);
}
