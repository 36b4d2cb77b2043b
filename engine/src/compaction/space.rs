//! Where a store's space is, and what is to be done about it next.
//!
//! Pure: knows numbers; nothing of files or indexes, and changes nothing.

use super::plan::{self, Candidate, Wanted};

/// Segments' worth of dead bytes that are always allowed: a small store is left alone.
const SEGMENTS_ALLOWED: u64 = 2;
/// Most live bytes that are moved at once, unless segments are larger.
const STEP_BYTES_MAX: u64 = 64 << 20;
/// A snapshot is not due before so many times its length was appended.
const IMAGES_APART: u64 = 8;

/// What is known of a sealed segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing needs it.
    Removable,
    /// Nothing in it is live; a snapshot still needs it.
    Waiting,
    /// It may be rewritten.
    Used,
    /// It has a live frame that is damaged, or is the last of history.
    Fixed,
}

/// A sealed segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) id: u64,
    pub(crate) state: State,
    /// Length of its file.
    pub(crate) file_bytes: u64,
    /// What it is as a victim.
    pub(crate) candidate: Candidate,
}

/// What there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Space {
    pub(crate) sealed: Vec<Seen>,
    /// Live bytes of all segments.
    pub(crate) live_bytes: u64,
    /// Length of the files that take frames now or next.
    pub(crate) open_bytes: u64,
    /// Length of all snapshots kept, and of the newest.
    pub(crate) snapshot_bytes: u64,
    pub(crate) image_bytes: u64,
    /// Bytes appended since the newest snapshot, or ever.
    pub(crate) since_snapshot_bytes: u64,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aims {
    pub(crate) space_percent_max: u32,
    pub(crate) segment_bytes: u64,
    pub(crate) snapshot_bytes: u64,
    /// Live bytes that may be moved at once, whatever would be best.
    pub(crate) room_bytes: u64,
    /// Win back all that can be.
    pub(crate) all: bool,
    /// The disk is full: what costs least goes first.
    pub(crate) is_tight: bool,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Segments of these ids can go.
    Remove(Vec<u64>),
    Snapshot,
    /// The segments in these slots are worth it.
    Rewrite(Vec<u16>),
    Nothing,
}

impl Space {
    fn waiting_bytes(&self) -> u64 {
        let waiting = self.sealed.iter().filter(|seen| seen.state == State::Waiting);
        waiting.map(|seen| seen.file_bytes).sum()
    }

    /// Bytes that are neither live nor taken by a file that is still written.
    fn dead_bytes(&self) -> u64 {
        let dead = |seen: &Seen| seen.file_bytes.saturating_sub(seen.candidate.live_bytes);
        self.sealed.iter().map(dead).sum::<u64>() + self.snapshot_bytes
    }

    /// Bytes that are worth two snapshots: what they cost falls with more, and what waits for them to
    /// go, and is no victim any more, grows; the mean of both is near the best (half more of it, as measured).
    fn cycle_bytes(&self, aims: &Aims) -> u64 {
        let mean = (self.image_bytes as f64 * self.live_bytes as f64).sqrt() as u64;
        (mean + mean / 2).max(aims.segment_bytes)
    }

    /// Dead bytes that may be.
    fn allowed_bytes(&self, aims: &Aims) -> u64 {
        if aims.all {
            return 0;
        }
        let percent = u64::from(aims.space_percent_max.saturating_sub(100));
        let share = (self.live_bytes / 100).saturating_mul(percent);
        // While victims wait to be removed, what was live in them is there twice, and a cold segment and
        // a snapshot are written beside the old ones.
        let twice = self.cycle_bytes(aims) / 4 * 3 + aims.segment_bytes + self.image_bytes;
        share.saturating_sub(self.open_bytes + twice).max(SEGMENTS_ALLOWED * aims.segment_bytes)
    }

    /// Bytes that are dead or in files that are still written, and as many as there may be: what the
    /// share of space asks for, or what a small store is left alone with.
    pub(crate) fn balance(&self, aims: &Aims) -> (u64, u64) {
        let percent = u64::from(aims.space_percent_max.saturating_sub(100));
        let share = (self.live_bytes / 100).saturating_mul(percent);
        let least = self.cycle_bytes(aims) * 2 + SEGMENTS_ALLOWED * aims.segment_bytes;
        (self.dead_bytes() + self.open_bytes, share.max(least + self.open_bytes))
    }

    /// Live bytes that one step moves at most: so many that a cycle takes a few steps only, since each
    /// looks through all indexes.
    pub(crate) fn room_bytes(&self, aims: &Aims) -> u64 {
        let most = aims.segment_bytes.saturating_mul(8).min(STEP_BYTES_MAX);
        // About half of what is still to be won for the cycle is live.
        let left = self.cycle_bytes(aims).saturating_sub(self.waiting_bytes());
        (left / 2).clamp(aims.segment_bytes, most.max(aims.segment_bytes))
    }

    /// What to do next.
    pub(crate) fn next(&self, aims: &Aims) -> Next {
        let of = |state| self.sealed.iter().filter(move |seen| seen.state == state);
        let removable: Vec<u64> = of(State::Removable).map(|seen| seen.id).collect();
        if !removable.is_empty() {
            return Next::Remove(removable);
        }
        let due = aims.snapshot_bytes.max(IMAGES_APART * self.image_bytes);
        if self.since_snapshot_bytes >= due {
            return Next::Snapshot;
        }
        let over = self.dead_bytes().saturating_sub(self.allowed_bytes(aims));
        if over == 0 {
            return Next::Nothing;
        }
        let (waiting, cycle) = (self.waiting_bytes(), self.cycle_bytes(aims));
        if waiting >= cycle || (aims.is_tight && waiting > 0) {
            return Next::Snapshot;
        }
        let candidates: Vec<Candidate> = of(State::Used).map(|seen| seen.candidate).collect();
        let wanted = Wanted {
            gain_bytes: over.max(cycle),
            room_bytes: aims.room_bytes.min(self.room_bytes(aims)),
            grown_up_bytes: self.live_bytes,
        };
        let victims = plan::victims(&candidates, wanted);
        match (victims.is_empty(), waiting) {
            (false, _) => Next::Rewrite(victims),
            (true, 0) => Next::Nothing,
            (true, _) => Next::Snapshot,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AIMS: Aims = Aims {
        space_percent_max: 150,
        segment_bytes: 100,
        snapshot_bytes: 5000,
        room_bytes: 100,
        all: false,
        is_tight: false,
    };

    fn seen(id: u64, state: State, live_bytes: u64) -> Seen {
        let candidate = Candidate { slot: id as u16, bytes: 100, live_bytes, age_bytes: 1 << 30 };
        Seen { id, state, file_bytes: 100, candidate }
    }

    fn space(sealed: Vec<Seen>) -> Space {
        let live_bytes = sealed.iter().map(|seen| seen.candidate.live_bytes).sum();
        Space { sealed, live_bytes, open_bytes: 200, ..Space::default() }
    }

    #[test]
    fn what_can_go_goes_first() {
        let space = space(vec![seen(1, State::Removable, 0), seen(2, State::Waiting, 0)]);
        assert_eq!(space.next(&AIMS), Next::Remove(vec![1]));
    }

    #[test]
    fn a_snapshot_is_due_after_so_much_history() {
        let since = |since_snapshot_bytes, image_bytes| {
            Space { since_snapshot_bytes, image_bytes, ..Space::default() }.next(&AIMS)
        };
        assert_eq!(since(4999, 10), Next::Nothing);
        assert_eq!(since(5000, 10), Next::Snapshot);
        assert_eq!(since(5000, 1000), Next::Nothing);
        assert_eq!(since(8000, 1000), Next::Snapshot);
    }

    #[test]
    fn little_garbage_is_left_alone_unless_all_is_asked_for() {
        let two = space(vec![seen(1, State::Used, 10), seen(2, State::Used, 0)]);
        assert_eq!(two.next(&AIMS), Next::Nothing);
        assert_eq!(two.next(&Aims { all: true, ..AIMS }), Next::Rewrite(vec![2, 1]));
    }

    #[test]
    fn the_sparsest_are_rewritten_when_there_is_more_than_allowed() {
        let mut all: Vec<_> = (1..=40).map(|id| seen(id, State::Used, 70)).collect();
        // 1,250 are dead beside 2,750 live. Half of that is 1,375, less 200 that are open, a segment of
        // 100 and 60 that are there twice for the time.
        all[7] = seen(8, State::Used, 20);
        let many = space(all);
        assert_eq!(many.next(&AIMS), Next::Rewrite(vec![8, 1]));
        let few = space((1..=40).map(|id| seen(id, State::Used, 75)).collect());
        assert_eq!(few.next(&AIMS), Next::Nothing);
    }

    #[test]
    fn what_waits_is_snapshotted_when_it_is_enough_or_nothing_else_is_left() {
        let mut all: Vec<_> = (1..=10).map(|id| seen(id, State::Used, 30)).collect();
        all.push(seen(11, State::Waiting, 0));
        assert_eq!(space(all.clone()).next(&AIMS), Next::Snapshot);
        let large = Aims { segment_bytes: 101, ..AIMS };
        assert!(matches!(space(all).next(&large), Next::Rewrite(_)));
        let fixed = vec![seen(1, State::Fixed, 9), seen(2, State::Waiting, 0)];
        assert_eq!(space(fixed).next(&Aims { all: true, ..large }), Next::Snapshot);
        let fixed = vec![seen(1, State::Fixed, 9)];
        assert_eq!(space(fixed).next(&Aims { all: true, ..large }), Next::Nothing);
    }
}
