//! Where the server's clock stands, and how far it may go. Pure: no store, no thread, no wall clock.

use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{Clock, Hlc, NodeId},
};

/// How far ahead of the wall clock a ceiling is put, in milliseconds: after a crash the clock may be as
/// far ahead.
const HORIZON_MS: u64 = 4_000;

/// A ceiling that is nearer is put further, in milliseconds.
const NEAR_MS: u64 = HORIZON_MS / 2;

/// A timestamp further in the future than this is not followed, in milliseconds: nobody may have
/// accepted it.
const AHEAD_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// The clock, below the ceiling that is on the device.
#[derive(Clone, Debug)]
pub(super) struct State {
    clock: Clock,
    /// Every timestamp given is below this many milliseconds; 0 until it is on the device.
    ceiling: u64,
    /// Where the clock is to be at least, as soon as the ceiling lets it.
    wanted: u64,
}

impl State {
    /// A clock whose earlier runs have given nothing at or above `floor` milliseconds.
    pub(super) fn new(node: NodeId, floor: u64) -> Self {
        let clock = match floor.checked_sub(1) {
            None => Clock::new(node),
            Some(millis) => {
                let last = Hlc { millis, counter: u32::MAX, node: node.clone() };
                Clock::resume(node, last)
            }
        };
        Self { clock, ceiling: 0, wanted: floor }
    }

    /// The ceiling; 0 for none yet.
    pub(super) fn ceiling(&self) -> u64 {
        self.ceiling
    }

    /// The next timestamp. At the ceiling the milliseconds stand still and the counter counts.
    pub(super) fn next(&mut self, wall: UnixMillis) -> Hlc {
        let wall = UnixMillis(wall.0.max(self.wanted));
        self.clock.now(self.below(wall))
    }

    /// Takes note of a timestamp that was accepted.
    pub(super) fn see(&mut self, seen: &Hlc, wall: UnixMillis) {
        if seen.millis.saturating_sub(wall.0) > AHEAD_MS_MAX {
            return;
        }
        // One millisecond of room, for a counter that is at its end.
        if seen.millis < self.ceiling.saturating_sub(1) {
            let wall = self.below(wall);
            self.clock.update(seen, wall);
        } else {
            self.wanted = self.wanted.max(seen.millis.saturating_add(1));
        }
    }

    /// The ceiling that is to be put on the device now, if one is.
    pub(super) fn due(&self, wall: UnixMillis) -> Option<u64> {
        let needed = wall.0.max(self.wanted).max(self.clock.last().millis);
        let near = needed.saturating_add(NEAR_MS) > self.ceiling;
        near.then(|| needed.saturating_add(HORIZON_MS))
    }

    /// A ceiling is on the device.
    pub(super) fn raise(&mut self, ceiling: u64) {
        self.ceiling = self.ceiling.max(ceiling);
    }

    /// Ends the clock: the ceiling to leave behind, so that the next run begins where this one ended;
    /// `None` when this one has given nothing.
    pub(super) fn settle(&mut self) -> Option<u64> {
        if self.ceiling == 0 {
            return None;
        }
        self.ceiling = self.ceiling.min(self.clock.last().millis + 1);
        Some(self.ceiling)
    }

    fn below(&self, wall: UnixMillis) -> UnixMillis {
        UnixMillis(wall.0.min(self.ceiling.saturating_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: UnixMillis = UnixMillis(1_800_000_000_000);

    fn node() -> NodeId {
        NodeId::new("~a").unwrap()
    }

    fn later(ms: u64) -> UnixMillis {
        UnixMillis(WALL.0 + ms)
    }

    fn running(floor: u64, wall: UnixMillis) -> State {
        let mut state = State::new(node(), floor);
        let ceiling = state.due(wall).unwrap();
        state.raise(ceiling);
        state
    }

    fn hlc(millis: u64, counter: u32) -> Hlc {
        Hlc { millis, counter, node: NodeId::new("phone").unwrap() }
    }

    #[test]
    fn it_goes_with_the_wall_clock_and_stands_still_at_the_ceiling() {
        let mut state = running(0, WALL);
        assert_eq!(state.next(WALL).to_string(), format!("{}:0:~a", WALL.0));
        let top = state.ceiling() - 1;
        let stamps: Vec<Hlc> = (0..1000).map(|n| state.next(later(HORIZON_MS + n))).collect();
        assert!(stamps.is_sorted_by(|a, b| a < b), "each is above the one before");
        assert!(stamps.iter().all(|stamp| stamp.millis == top));
        let ceiling = state.due(later(HORIZON_MS)).unwrap();
        state.raise(ceiling);
        assert_eq!(state.next(later(HORIZON_MS + 5)).millis, WALL.0 + HORIZON_MS + 5);
    }

    #[test]
    fn a_ceiling_is_put_further_in_time_and_not_before() {
        let state = running(0, WALL);
        assert_eq!(state.due(later(HORIZON_MS - NEAR_MS)), None);
        assert!(state.due(later(HORIZON_MS - NEAR_MS + 1)).is_some());
        assert_eq!(state.due(UnixMillis(0)), None, "a wall clock that went back asks for nothing");
    }

    #[test]
    fn the_next_run_is_above_the_ceiling_whatever_its_wall_clock_says() {
        let mut first = running(0, WALL);
        let mut last = first.next(later(HORIZON_MS));
        for wall in [UnixMillis(0), UnixMillis(WALL.0 - 3_600_000), later(1)] {
            let mut next = running(first.ceiling(), wall);
            let stamp = next.next(wall);
            assert!(stamp > last, "{stamp} after {last}");
            assert!(stamp.millis < next.ceiling());
            (first, last) = (next, stamp);
        }
    }

    #[test]
    fn a_clean_end_leaves_no_gap() {
        let mut first = running(0, WALL);
        let last = first.next(later(7));
        let floor = first.settle().unwrap();
        assert_eq!(floor, WALL.0 + 8);
        assert!(first.next(later(9)).millis < floor, "nothing goes beyond what was left behind");
        let stamp = running(floor, later(3)).next(later(3));
        assert!(stamp > last && stamp.millis == floor);
        assert_eq!(State::new(node(), 5).settle(), None);
    }

    #[test]
    fn what_it_saw_it_goes_above_once_it_may() {
        let mut state = running(0, WALL);
        state.see(&hlc(WALL.0 + 1_000, 9), WALL);
        assert_eq!(state.next(WALL).millis, WALL.0 + 1_000);
        let far = hlc(WALL.0 + 50_000, u32::MAX);
        state.see(&far, WALL);
        assert!(state.next(WALL) < far, "not beyond the ceiling");
        let ceiling = state.due(WALL).unwrap();
        assert!(ceiling > far.millis);
        state.raise(ceiling);
        let next = state.next(WALL);
        assert!(next > far && next.millis < ceiling);
    }

    #[test]
    fn the_highest_counter_does_not_lift_it_above_the_ceiling() {
        let mut state = running(0, WALL);
        let top = state.ceiling() - 1;
        for millis in [top - 1, top, top + 1] {
            state.see(&hlc(millis, u32::MAX), WALL);
            assert!(state.next(WALL).millis <= top);
        }
        let before = state.next(WALL);
        state.see(&hlc(WALL.0 + AHEAD_MS_MAX + 1, 0), WALL);
        assert_eq!(state.next(WALL).millis, before.millis);
        assert!(state.due(WALL).is_none_or(|ceiling| ceiling < WALL.0 + AHEAD_MS_MAX));
    }
}
