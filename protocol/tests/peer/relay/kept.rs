//! How long, and how many, stored packets are kept.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use syncline_protocol::{
    dialect::{Collections as _, Member},
    dialects::peer::relay::{Answer, Command, Retention, Settings, Stored},
};

use super::double::{DATA_CHUNK, World, broadcast};

const NONE: Retention = Retention { age_max_ms: 0, bytes_max: 0, packets_max: 0 };

/// Bytes of a record beside those of its frame.
const RECORD_BYTES_EXTRA: u64 = 9;

struct Shelf {
    world: World,
    alice: Member,
    settings: Settings,
}

impl Shelf {
    fn new(retention: Retention) -> Self {
        let settings = Settings { retention, ..Settings::default() };
        let mut world = World::new(settings);
        let alice = world.join_quietly("alice");
        Self { world, alice, settings }
    }

    /// Stores a packet and says how many bytes it takes.
    fn put(&mut self, payload_bytes: usize) -> u64 {
        let frame = broadcast(DATA_CHUNK, "alice", &vec![0; payload_bytes]);
        self.world.send(self.alice, &frame);
        frame.len() as u64 + RECORD_BYTES_EXTRA
    }

    fn restart(&mut self) {
        self.world.restart(self.settings);
        self.alice = self.world.join_quietly("alice");
    }

    fn sweep(&mut self) -> (u64, u64) {
        match self.world.call(Command::Sweep) {
            Answer::Swept { dropped, kept } => (dropped, kept),
            other => panic!("{other:?}"),
        }
    }

    fn seqs(&self) -> std::ops::RangeInclusive<u64> {
        self.world.memory.trimmed + 1..=self.world.memory.last_seq()
    }

    fn marks(&self) -> usize {
        self.world.memory.maps.get(&1).map_or(0, BTreeMap::len)
    }
}

#[test]
fn a_bound_of_ten_keeps_ten() {
    let mut shelf = Shelf::new(Retention { packets_max: 10, ..NONE });
    for count in 1..=50 {
        shelf.put(5);
        assert_eq!(shelf.world.memory.log.len(), 10.min(count));
        if count == 30 {
            shelf.restart();
        }
    }
    assert_eq!(shelf.seqs(), 41..=50);
}

#[test]
fn a_large_bound_is_kept_in_steps() {
    let mut shelf = Shelf::new(Retention { packets_max: 3000, ..NONE });
    for _ in 0..4000 {
        shelf.put(0);
        assert!(shelf.world.memory.log.len() <= 3000);
    }
    assert!(shelf.world.memory.log.len() >= 2998);
    assert_eq!(shelf.marks(), 1);
}

#[test]
fn a_bound_of_bytes_is_never_passed() {
    let mut shelf = Shelf::new(Retention { bytes_max: 1000, ..NONE });
    let each = shelf.put(50);
    for _ in 0..100 {
        shelf.put(50);
        assert!(shelf.world.log_bytes() <= 1000);
        assert!(shelf.world.log_bytes() + each > 1000 || shelf.world.memory.trimmed == 0);
    }
    assert_eq!(shelf.marks(), shelf.world.memory.log.len());
}

#[test]
fn a_packet_larger_than_the_bound_is_not_kept() {
    let mut shelf = Shelf::new(Retention { bytes_max: 100, ..NONE });
    shelf.put(10);
    shelf.put(200);
    assert_eq!((shelf.world.memory.log.len(), shelf.marks()), (0, 0));
    shelf.put(10);
    assert_eq!(shelf.seqs(), 3..=3);
}

#[test]
fn what_is_too_old_goes_when_somebody_writes_or_sweeps() {
    let mut shelf = Shelf::new(Retention { age_max_ms: 1000, ..NONE });
    for _ in 0..3 {
        shelf.put(1);
        shelf.world.after_ms(400);
    }
    // At 1,200: the first is 1,200 old, the others 800 and 400.
    assert_eq!(shelf.sweep(), (1, 2));
    shelf.world.after_ms(300);
    shelf.put(1);
    assert_eq!(shelf.seqs(), 3..=4);
    shelf.world.after_ms(100_000);
    assert_eq!(shelf.sweep(), (2, 0));
    assert_eq!((shelf.sweep(), shelf.marks()), ((0, 0), 0));
    shelf.put(1);
    assert_eq!(shelf.seqs(), 5..=5);
}

#[test]
fn an_empty_room_is_swept_and_nothing_comes_of_it() {
    let mut shelf = Shelf::new(Settings::default().retention);
    assert_eq!(shelf.sweep(), (0, 0));
    assert!(shelf.world.memory.maps.is_empty());
}

#[test]
fn without_bounds_everything_stays() {
    let mut shelf = Shelf::new(NONE);
    for _ in 0..3000 {
        shelf.put(10);
        shelf.world.after_ms(1_000_000_000);
    }
    assert_eq!(shelf.sweep(), (0, 3000));
    assert_eq!(shelf.marks(), 1);
}

#[test]
fn a_clock_that_is_set_back_makes_nothing_younger_or_older() {
    // Each packet is a stretch of its own.
    let mut shelf = Shelf::new(Retention { age_max_ms: 1000, bytes_max: 5000, packets_max: 0 });
    shelf.world.after_ms(10_000);
    shelf.put(1);
    shelf.world.now.0 -= 10_000;
    shelf.put(1);
    shelf.world.now.0 += 10_000;
    assert_eq!(shelf.sweep(), (0, 2));
    shelf.world.after_ms(1010);
    assert_eq!(shelf.sweep(), (2, 0));
}

#[test]
fn everything_can_be_forgotten() {
    let mut shelf = Shelf::new(Settings::default().retention);
    for _ in 0..5 {
        shelf.put(1);
    }
    assert_eq!(shelf.world.call(Command::Forget), Answer::Swept { dropped: 5, kept: 0 });
    assert_eq!((shelf.world.memory.log.len(), shelf.marks()), (0, 0));
    shelf.put(1);
    assert_eq!(shelf.seqs(), 6..=6);
}

#[test]
fn marks_stay_few() {
    let day = 24 * 60 * 60 * 1000;
    let retention = Retention { age_max_ms: day, bytes_max: 1 << 20, packets_max: 0 };
    let mut shelf = Shelf::new(retention);
    for _ in 0..20_000 {
        shelf.put(100);
        shelf.world.after_ms(7000);
        assert!(shelf.marks() <= 3 * 256);
    }
    assert!(shelf.world.memory.log.len() > 8000);
}

#[test]
fn a_step_is_a_1024th() {
    let mut shelf = Shelf::new(Retention { packets_max: 4096, ..NONE });
    for count in 1..=4 * 4096_u64 {
        shelf.put(0);
        let kept = shelf.world.memory.log.len() as u64;
        // The first that is too much takes three more with it; then there is room for four.
        let expected = if count <= 4096 { count } else { 4092 + (count - 4097) % 5 };
        assert_eq!(kept, expected, "{count}");
    }
}

#[test]
fn a_stretch_that_bytes_have_ended_is_as_old_as_the_next_one() {
    // Each packet is a stretch of its own; by age alone one would take 1,000 ms.
    let mut shelf = Shelf::new(Retention { age_max_ms: 256_000, bytes_max: 5000, ..NONE });
    for _ in 0..3 {
        shelf.put(50);
        shelf.world.after_ms(10);
    }
    shelf.world.after_ms(255_979);
    assert_eq!(shelf.sweep(), (0, 3), "the second came 255,999 ms ago");
    shelf.world.after_ms(1);
    assert_eq!(shelf.sweep(), (1, 2), "all of the first stretch was there when the second began");
    shelf.world.after_ms(10);
    assert_eq!(shelf.sweep(), (1, 1));
}

#[test]
fn what_has_lost_its_marks_ages_over_restarts() {
    let mut shelf = Shelf::new(Retention { age_max_ms: 10_000, ..NONE });
    for _ in 0..4 {
        shelf.put(1);
    }
    shelf.world.memory.maps.clear();
    for _ in 0..5 {
        shelf.restart();
        assert_eq!(shelf.sweep(), (0, 4));
        shelf.world.after_ms(2000);
    }
    // 10,000 ms after they were found, and a stretch.
    shelf.world.after_ms(50);
    shelf.restart();
    assert_eq!(shelf.sweep(), (4, 0));
}

/// Ten packets are a stretch, of which their number takes a part away and leaves the rest. How many bytes
/// that was, nobody knows after a restart.
#[test]
fn a_stretch_of_which_a_part_is_gone_counts_whole_after_a_restart() {
    let each = Shelf::new(NONE).put(60);
    let by_count = Retention { bytes_max: 2560 * each, packets_max: 205, age_max_ms: 0 };
    for first_puts in 206..226 {
        let mut shelf = Shelf::new(by_count);
        for _ in 0..first_puts {
            shelf.put(60);
        }
        assert_eq!(shelf.world.memory.log.len(), 205);
        shelf.settings.retention = Retention { bytes_max: 256 * each, ..NONE };
        shelf.restart();
        for _ in 0..600 {
            shelf.put(60);
            assert!(shelf.world.log_bytes() <= 256 * each, "{first_puts}");
        }
        assert!(shelf.world.log_bytes() >= 236 * each);
    }
}

#[test]
fn a_mark_that_says_too_much_takes_nothing_away() {
    let retention = Retention { bytes_max: 20_000, ..NONE };
    let mut shelf = Shelf::new(retention);
    for _ in 0..20 {
        shelf.put(200);
    }
    let marks = shelf.world.memory.maps.get_mut(&1).unwrap();
    marks.values_mut().nth(10).unwrap()[9..].copy_from_slice(&[0x7f; 8]);
    shelf.restart();
    shelf.put(200);
    assert_eq!(shelf.seqs(), 1..=21);
}

/// One thing that happens to a room's packets.
#[derive(Clone, Debug)]
enum Happens {
    Put(usize),
    Wait(u64),
    Restart,
    Sweep,
    /// The disk is full: what was stored since the last wait is lost.
    Refused(Vec<usize>),
}

fn any_event() -> impl Strategy<Value = Happens> {
    prop_oneof![
        6 => (0..200_usize).prop_map(Happens::Put),
        3 => (0..2000_u64).prop_map(Happens::Wait),
        1 => Just(Happens::Restart),
        1 => Just(Happens::Sweep),
        1 => vec(0..200_usize, 1..4).prop_map(Happens::Refused),
    ]
}

fn any_retention() -> impl Strategy<Value = Retention> {
    let bound = |most| prop_oneof![Just(0), 1..most];
    (bound(50_000_u64), bound(20_000), bound(40)).prop_map(
        |(age_max_ms, bytes_max, packets_max)| Retention { age_max_ms, bytes_max, packets_max },
    )
}

/// What the bounds leave of the packets, if they are kept to the letter.
fn plain(
    retention: &Retention,
    mut packets: Vec<(u64, u64, u64)>,
    now: u64,
) -> Vec<(u64, u64, u64)> {
    let Retention { age_max_ms, bytes_max, packets_max } = *retention;
    let over = |packets: &[(u64, u64, u64)]| {
        let bytes: u64 = packets.iter().map(|packet| packet.2).sum();
        let old = packets.first().is_some_and(|packet| packet.1 + age_max_ms < now);
        (packets_max != 0 && packets.len() as u64 > packets_max)
            || (bytes_max != 0 && bytes > bytes_max)
            || (age_max_ms != 0 && old)
    };
    while over(&packets) {
        packets.remove(0);
    }
    packets
}

proptest! {
    /// Against the plain rule: never fewer than are kept with bounds that are a few stretches tighter, and
    /// never more than with bounds a stretch wider.
    #[test]
    fn what_is_kept_is_what_may_be_kept(
        retention in any_retention(),
        events in vec(any_event(), 1..150),
    ) {
        let mut shelf = Shelf::new(retention);
        let mut all: Vec<(u64, u64, u64)> = Vec::new();
        let mut lost_bytes = 0;
        for event in events {
            let (at, is_settled) = (shelf.world.now.0, !matches!(event, Happens::Wait(_) | Happens::Restart));
            match event {
                Happens::Put(bytes) => {
                    let bytes = shelf.put(bytes);
                    all.push((shelf.world.memory.last_seq(), at, bytes));
                }
                Happens::Wait(ms) => shelf.world.after_ms(ms),
                Happens::Restart => shelf.restart(),
                Happens::Sweep => drop(shelf.sweep()),
                Happens::Refused(puts) => {
                    let before = shelf.world.memory.clone();
                    for bytes in puts {
                        lost_bytes += shelf.put(bytes);
                    }
                    shelf.world.memory = before;
                    shelf.sweep();
                }
            }
            let memory = &shelf.world.memory;
            for record in &memory.log {
                prop_assert!(Stored::decode(record).is_some());
            }
            let (first, kept) = (memory.trimmed + 1, memory.log.len());
            let stretch = retention.bytes_max / 256 + 300;
            if is_settled {
                let Retention { age_max_ms, bytes_max, packets_max } = retention;
                prop_assert!(packets_max == 0 || kept as u64 <= packets_max);
                prop_assert!(bytes_max == 0 || shelf.world.log_bytes() <= bytes_max);
                let wide = Retention { age_max_ms: age_max_ms + age_max_ms / 256 * 2 + 2, ..NONE };
                let wide = if age_max_ms == 0 { NONE } else { wide };
                let most = plain(&wide, all.clone(), shelf.world.now.0);
                prop_assert!(most.first().is_none_or(|packet| first >= packet.0));
            }
            // What was refused may have been counted until the next packet shows that it is not there.
            if lost_bytes == 0 {
                let tight = Retention {
                    bytes_max: match retention.bytes_max {
                        0 => 0,
                        bytes => bytes.saturating_sub(2 * stretch).max(1),
                    },
                    ..retention
                };
                let least = plain(&tight, all.clone(), shelf.world.now.0);
                prop_assert!(least.first().is_none_or(|packet| first <= packet.0), "{first} {least:?}");
            }
            prop_assert!(shelf.marks() <= kept.max(1));
        }
    }
}
