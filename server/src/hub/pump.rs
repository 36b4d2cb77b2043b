//! What runs in the background of a hub: the pump, turn by turn, and the clock, tick by tick.

use std::rc::Rc;

use syncline_protocol::dialect::Dialect;
use tokio::task::spawn_local;

use super::{Hub, mail::Letters};

/// How often a turn that is about to end waits for more, as long as more comes at once.
const GATHER_ROUNDS_MAX: u32 = 8;

impl<D: Dialect> Hub<D> {
    /// Starts what runs in the background: the pump and the clock. Must be called on the shard.
    pub(crate) fn start(self: &Rc<Self>, letters: Letters<D>) {
        let pump = spawn_local(self.clone().pump(letters));
        let clock = spawn_local(self.clone().keep_time());
        let windows = spawn_local(self.clone().keep_windows());
        for task in [pump, clock, windows] {
            let hub = self.clone();
            spawn_local(async move {
                if task.await.is_err_and(|error| error.is_panic()) {
                    // Without these a hub releases nothing: nobody may go on waiting for it.
                    hub.env.health.fail("a shard has panicked");
                    hub.fail_all();
                }
            });
        }
    }

    async fn pump(self: Rc<Self>, mut letters: Letters<D>) {
        let signal = &self.env.signals[self.shard];
        loop {
            tokio::select! {
                () = signal.work.notified() => self.begin_moment(),
                letter = letters.recv() => match letter {
                    Some(letter) => {
                        self.begin_moment();
                        self.open_letter(letter);
                    }
                    None => return,
                },
            }
            while let Ok(letter) = letters.try_recv() {
                self.open_letter(letter);
            }
            self.gather().await;
            self.begin_moment();
            self.end_closed();
            self.end_turn();
            self.release();
            self.tell_all();
            self.flush_dirty();
            if D::WRITES_BEHIND {
                self.settle();
            }
            self.resume_paused();
            if signal.has_failed() {
                self.fail_all();
            }
        }
    }

    /// Lets a turn grow while commands come without waiting: the loop looks at its sockets once
    /// more each time. Fewer and larger commits then cost the disk less.
    async fn gather(&self) {
        for _ in 0..GATHER_ROUNDS_MAX {
            let before = self.turn.borrow().commands;
            if before == 0 {
                return;
            }
            tokio::task::yield_now().await;
            if self.turn.borrow().commands <= before {
                return;
            }
        }
    }

    async fn keep_time(self: Rc<Self>) {
        let mut interval = tokio::time::interval(self.deadlines.tick);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let now = self.tick.get() + 1;
            self.tick.set(now);
            self.begin_moment();
            self.sweep_lingering();
            self.count_rooms();
            for connection in self.connections.borrow().iter().map(|(_, connection)| connection) {
                connection.check_deadlines(now);
            }
            if now.is_multiple_of(self.deadlines.second) {
                self.every_second();
            }
            self.flush_dirty();
            self.resume_paused();
            for connection in self.resting.take() {
                connection.wake();
            }
        }
    }

    /// Adds what has changed to the gauge that all shards share.
    fn count_rooms(&self) {
        let present = self.rooms().len();
        let counted = self.rooms_counted.replace(present);
        self.env.counters.rooms.increment(present as f64 - counted as f64);
    }

    fn resume_paused(&self) {
        for connection in self.paused.take() {
            connection.wake();
        }
    }

    /// Writes to every connection that something was queued for, in one call each.
    fn flush_dirty(&self) {
        let mut dirty = self.dirty.take();
        for connection in dirty.drain(..) {
            connection.flush_dirty();
        }
        // Keeps the list's memory for the next turn.
        let mut list = self.dirty.borrow_mut();
        if list.is_empty() {
            *list = dirty;
        }
    }
}
