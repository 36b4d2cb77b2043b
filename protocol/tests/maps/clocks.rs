//! Timestamps in text and in order, and the clock that gives them.

use proptest::{collection::vec, prelude::*};
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{Clock, HLC_BYTES_MAX, Hlc, MILLIS_MAX, NodeId},
};

use crate::any::hlc;

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

/// What the order is made of, in plain types.
fn parts(hlc: &Hlc) -> (u64, u32, Vec<u8>) {
    (hlc.millis, hlc.counter, hlc.node.as_bytes().to_vec())
}

proptest! {
    #[test]
    fn a_timestamp_reads_back_also_with_zeros_before(hlc in hlc(), zeros in 0..30_usize) {
        let text = hlc.to_string();
        prop_assert!(text.len() <= HLC_BYTES_MAX);
        prop_assert_eq!(&text, &format!("{}:{}:{}", hlc.millis, hlc.counter, hlc.node.as_str()));
        prop_assert_eq!(Hlc::parse(&text), Ok(hlc.clone()));
        let zeros = "0".repeat(zeros);
        let padded = format!("{zeros}{}:{zeros}{}:{}", hlc.millis, hlc.counter, hlc.node);
        prop_assert_eq!(Hlc::parse(&padded), Ok(hlc));
    }

    #[test]
    fn what_is_read_is_canonical_and_no_other_text_is(text in "[0-9A:+ .-]{0,24}|\\PC{0,24}") {
        let plain = || {
            let mut parts = text.split(':');
            let (millis, counter, node) = (parts.next()?, parts.next()?, parts.next()?);
            let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
            if parts.next().is_some() || !digits(millis) || !digits(counter) {
                return None;
            }
            let millis: u64 = millis.parse().ok().filter(|millis| *millis <= MILLIS_MAX)?;
            Some(Hlc { millis, counter: counter.parse().ok()?, node: NodeId::new(node)? })
        };
        prop_assert_eq!(Hlc::parse(&text).ok(), plain());
    }

    #[test]
    fn timestamps_are_ordered_by_their_parts(a in hlc(), b in hlc()) {
        prop_assert_eq!(a.cmp(&b), parts(&a).cmp(&parts(&b)));
        prop_assert_eq!(a == b, a.to_string() == b.to_string());
    }

    /// Whatever is seen and however the wall clock goes, no timestamp is given twice and all ascend.
    #[test]
    fn a_clock_goes_up(steps in vec((proptest::option::of(hlc()), 0..2000_u64), 1..40)) {
        let mut clock = Clock::new(node("n"));
        let mut last = clock.last().clone();
        for (seen, wall) in steps {
            // The end of time is another test's.
            let seen = seen.map(|seen| Hlc { millis: seen.millis.min(1 << 52), ..seen });
            let given = match &seen {
                Some(seen) => clock.update(seen, UnixMillis(wall)),
                None => clock.now(UnixMillis(wall)),
            };
            prop_assert!(given > last, "{given} after {last}");
            prop_assert!(given.millis >= wall);
            if let Some(seen) = seen {
                prop_assert!((given.millis, given.counter) > (seen.millis, seen.counter));
            }
            prop_assert_eq!(clock.last(), &given);
            last = given;
        }
    }
}

#[test]
fn what_is_no_timestamp() {
    let long = "n".repeat(65);
    for text in [
        "1:2:",
        "1:2:a:b",
        ":2:a",
        "1::a",
        "+1:2:a",
        "-1:2:a",
        "1:-2:a",
        " 1:2:a",
        "1:2:a b",
        "1:2:ä",
        "1:2",
        "1.0:2:a",
        "0x1:2:a",
        "9007199254740992:0:a",
        "1:4294967296:a",
        "99999999999999999999:0:a",
        &format!("1:2:{long}"),
    ] {
        assert!(Hlc::parse(text).is_err(), "{text}");
    }
    for text in ["9007199254740991:4294967295:a", "0:0:.", &format!("1:2:{}", &long[1..])] {
        assert_eq!(Hlc::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn a_server_is_told_by_its_name() {
    assert!(node("~1").is_server() && !node("1~").is_server());
    assert_eq!(NodeId::new(""), None);
}

/// The sequence that the first implementation of the specification gives.
#[test]
fn the_sequence_of_the_dossier() {
    let wall = UnixMillis(1_000_000);
    let mut clock = Clock::new(node("n"));
    assert_eq!(clock.now(wall).to_string(), "1000000:0:n");
    assert_eq!(clock.now(wall).to_string(), "1000000:1:n");
    let seen = Hlc::parse("1000100:5:r").unwrap();
    assert_eq!(clock.update(&seen, wall).to_string(), "1000100:6:n");
    assert_eq!(clock.now(wall).to_string(), "1000100:7:n");
    assert_eq!(clock.update(&seen, wall).to_string(), "1000100:8:n");
    assert_eq!(clock.update(&seen, UnixMillis(1_000_200)).to_string(), "1000200:0:n");
}

#[test]
fn a_full_counter_goes_to_the_next_millisecond_and_the_end_of_time_is_no_panic() {
    let full = Hlc { millis: 7, counter: u32::MAX, node: node("r") };
    let mut clock = Clock::resume(node("n"), full.clone());
    assert_eq!(clock.now(UnixMillis(7)).to_string(), "8:0:n");
    let mut clock = Clock::new(node("n"));
    assert_eq!(clock.update(&full, UnixMillis(0)).to_string(), "8:0:n");
    let end = Hlc { millis: MILLIS_MAX, ..full };
    assert_eq!(clock.update(&end, UnixMillis(u64::MAX)).millis, MILLIS_MAX);
    assert_eq!(clock.now(UnixMillis(u64::MAX)).millis, MILLIS_MAX);
    assert_eq!(clock.now(UnixMillis(u64::MAX)).counter, u32::MAX);
}

#[test]
fn a_clock_resumed_behind_a_slower_wall_gives_nothing_again() {
    let mut clock = Clock::new(node("n"));
    let given: Vec<Hlc> = (0..1000).map(|_| clock.now(UnixMillis(50))).collect();
    assert!(given.is_sorted_by(|a, b| a < b));
    let mut clock = Clock::resume(node("m"), clock.last().clone());
    let again = clock.now(UnixMillis(3));
    assert!(given.iter().all(|hlc| (hlc.millis, hlc.counter) < (again.millis, again.counter)));
    assert_eq!(again.node, node("m"));
}
