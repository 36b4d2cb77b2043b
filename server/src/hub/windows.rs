//! What rooms tell those who watch them: gathered for a short time where the room lives, then sent once
//! to each shard.
//!
//! Knows which shards watch, not which sessions. What is gathered counts as pressure until all have it.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
};

use syncline_protocol::dialect::{Dialect, Notices};
use tokio::time::{Instant, sleep_until};

use super::{COMMAND_BYTES_EXTRA, Hub, mail::Mail, tell::Telling};

/// A window is full with this many notices, or when the turns that gave them had this many bytes.
const NOTICES_MAX: usize = 4_096;
const NOTICE_BYTES_MAX: usize = 1 << 20;

/// What a room became visible with in a turn.
pub(super) type Noted<D> = (Arc<str>, Vec<<D as Dialect>::Notice>);

/// The notices of one room that wait for their window to end.
pub(super) struct Gathering<N> {
    /// The shards that watch.
    shards: Vec<usize>,
    notices: Vec<N>,
    bytes: usize,
    /// When the last window was sent.
    sent: Option<Instant>,
    /// The end of the window is awaited.
    is_due: bool,
}

impl<N> Gathering<N> {
    pub(super) fn new() -> Self {
        Self { shards: Vec::new(), notices: Vec::new(), bytes: 0, sent: None, is_due: false }
    }

    pub(super) fn add_shard(&mut self, shard: usize) {
        debug_assert!(!self.shards.contains(&shard), "a shard asks once");
        self.shards.push(shard);
    }

    /// True when none is left.
    pub(super) fn remove_shard(&mut self, shard: usize) -> bool {
        self.shards.retain(|other| *other != shard);
        self.shards.is_empty()
    }

    /// What is gathered, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    #[cfg(test)]
    pub(super) fn pretend_sent(&mut self, at: Instant) {
        self.sent = Some(at);
    }

    fn is_full(&self) -> bool {
        self.notices.len() >= NOTICES_MAX || self.bytes >= NOTICE_BYTES_MAX
    }
}

/// Windows that end at some time, the next one first.
pub(super) type Ends = BinaryHeap<Reverse<(Instant, Arc<str>)>>;

impl<D: Dialect> Hub<D> {
    /// Takes what became visible in a turn whose commands had so many bytes: it goes to who observes all rooms
    /// at once.
    pub(super) fn take_notices(&self, noted: Vec<Noted<D>>, bytes: usize) {
        if noted.is_empty() {
            return;
        }
        if let Some(observer) = &self.observer {
            for (room, notices) in &noted {
                notices.iter().for_each(|notice| observer(room, notice));
            }
        }
        let now = Instant::now();
        let all: usize = noted.iter().map(|(_, notices)| notices.len()).sum();
        for (room, notices) in noted {
            let share = notices.len() * COMMAND_BYTES_EXTRA + bytes / all * notices.len();
            self.take_notices_of(room, notices, share, now);
        }
    }

    fn take_notices_of(&self, room: Arc<str>, new: Vec<D::Notice>, bytes: usize, now: Instant) {
        let mut gatherings = self.gatherings.borrow_mut();
        let Some(gathering) = gatherings.get_mut(&room) else { return };
        self.env.press(self.shard, bytes);
        gathering.bytes += bytes;
        if gathering.notices.is_empty() {
            gathering.notices = new;
        } else {
            gathering.notices.extend(new);
        }
        let end = gathering.sent.map_or(now, |sent| sent + self.dialect.window());
        if end <= now || gathering.is_full() {
            drop(gatherings);
            return self.send_window(&room, now);
        }
        if !gathering.is_due {
            gathering.is_due = true;
            drop(gatherings);
            self.window_ends.borrow_mut().push(Reverse((end, room)));
            self.window_work.notify_one();
        }
    }

    /// Sends what was gathered of a room to the shards that watch it.
    fn send_window(&self, room: &Arc<str>, now: Instant) {
        let mut gatherings = self.gatherings.borrow_mut();
        let Some(gathering) = gatherings.get_mut(room) else { return };
        let notices = std::mem::take(&mut gathering.notices);
        let bytes = std::mem::take(&mut gathering.bytes);
        let shards = gathering.shards.clone();
        gathering.sent = Some(now);
        drop(gatherings);
        if notices.is_empty() {
            return;
        }
        let gather = || self.dialect.gather(room, notices);
        let window = catch_unwind(AssertUnwindSafe(gather)).unwrap_or_else(|_| {
            self.env.counters.panics.increment(1);
            None
        });
        if let Some(window) = window {
            let notices = Arc::new(Notices { room: room.clone(), window });
            let from = self.shard;
            for shard in shards {
                self.env.press(from, bytes);
                let notices = notices.clone();
                if shard == from {
                    self.tell_later(Telling::Window { notices, from, bytes });
                } else {
                    self.post(shard, Mail::Window { notices, from, bytes });
                }
            }
        }
        self.env.relieve(self.shard, bytes);
    }

    /// Sends windows when they end.
    pub(super) async fn keep_windows(self: Rc<Self>) {
        loop {
            let next = self.window_ends.borrow().peek().map(|Reverse((end, _))| *end);
            match next {
                None => self.window_work.notified().await,
                Some(end) => tokio::select! {
                    () = sleep_until(end) => self.end_windows(),
                    () = self.window_work.notified() => {}
                },
            }
        }
    }

    fn end_windows(&self) {
        let now = Instant::now();
        loop {
            let mut ends = self.window_ends.borrow_mut();
            if ends.peek().is_none_or(|Reverse((end, _))| *end > now) {
                return;
            }
            let Some(Reverse((_, room))) = ends.pop() else { return };
            drop(ends);
            if let Some(gathering) = self.gatherings.borrow_mut().get_mut(&room) {
                gathering.is_due = false;
            }
            self.send_window(&room, now);
        }
    }
}
