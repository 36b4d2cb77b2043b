//! What every hub of a server shares: limits, the store, the other hubs' pressure.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
    },
    time::Duration,
};

use syncline_engine::{Position, Store};
use tokio::sync::Notify;

use crate::{config::LimitsConfig, health::Health, metrics::Counters};

use super::held::OpeningBytes;

/// Bytes of commands and of what they make visible that may wait on one shard, for durability or
/// for mirrors, before its sessions are paused.
pub(crate) const PRESSURE_BYTES_MAX: usize = 16 << 20;

/// Shared by the hubs of one dialect.
#[derive(Debug)]
pub(crate) struct Env {
    pub(crate) limits: LimitsConfig,
    pub(crate) store: Store,
    /// Whether a commit is written by the shard itself at the end of its turn: when nothing has
    /// to be synced there is nothing to wait for.
    pub(crate) inline_flush: bool,
    pub(crate) counters: Counters,
    pub(crate) health: Arc<Health>,
    /// One per shard. Shared with the store's watch, which must not keep the store itself.
    pub(crate) signals: Arc<[Signal]>,
    /// Bytes of messages that have not come whole, of all connections that hold much of one.
    pub(crate) unfinished: UnfinishedBytes,
    /// Bytes of opening messages that peers have not taken.
    pub(crate) openings: OpeningBytes,
    /// Hubs that take no more messages.
    pub(crate) deaf: AtomicUsize,
    /// Nothing that takes time need be finished any more.
    pub(crate) ends: AtomicBool,
}

/// Bytes held of messages whose end has not come, counted where they are many.
#[derive(Debug, Default)]
pub(crate) struct UnfinishedBytes(AtomicUsize);

impl UnfinishedBytes {
    /// What a connection may hold without being counted.
    const UNCOUNTED: usize = 64 << 10;
    /// As many messages of the largest size may be unfinished at a time.
    const MESSAGES_MAX: usize = 16;

    /// Notes what a connection holds. False when that is too much together with what others hold.
    pub(super) fn note(
        &self,
        counted: &Cell<usize>,
        held: usize,
        message_bytes_max: usize,
    ) -> bool {
        let held = if held > Self::UNCOUNTED { held } else { 0 };
        let before = counted.replace(held);
        if held <= before {
            self.0.fetch_sub(before - held, Ordering::Relaxed);
            return true;
        }
        let grown = held - before;
        let all = self.0.fetch_add(grown, Ordering::Relaxed) + grown;
        all <= message_bytes_max.saturating_mul(Self::MESSAGES_MAX)
    }
}

/// How other threads reach one hub.
#[derive(Debug)]
pub(crate) struct Signal {
    /// Wakes the hub's pump.
    pub(super) work: Notify,
    /// The first position that the hub waits for; `u64::MAX` for none.
    wanted: AtomicU64,
    /// The store has failed.
    failed: AtomicBool,
    /// Bytes of commands on their way, applied or not yet released, and of releases that mirrors
    /// have not taken yet.
    pressure: AtomicUsize,
}

impl Env {
    /// Counts bytes that wait on a hub.
    pub(super) fn press(&self, shard: usize, bytes: usize) {
        self.signals[shard].pressure.fetch_add(bytes, Ordering::SeqCst);
    }

    /// Bytes counted by [`Env::press`] wait no more. Sessions that were paused for them, on
    /// whichever shard, go on.
    pub(super) fn relieve(&self, shard: usize, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let before = self.signals[shard].pressure.fetch_sub(bytes, Ordering::SeqCst);
        debug_assert!(before >= bytes, "nothing is relieved that did not press");
        if before > PRESSURE_BYTES_MAX && before - bytes <= PRESSURE_BYTES_MAX {
            self.signals.iter().for_each(|signal| signal.work.notify_one());
        }
    }

    /// Whether nothing is under way any more between the hubs, or nothing ever will be. Asked when
    /// they are to take no more messages.
    pub(super) fn is_settled(&self) -> bool {
        let deaf = self.deaf.load(Ordering::SeqCst) == self.signals.len();
        (deaf && self.signals.iter().all(|signal| signal.pressure() == 0))
            || self.health.has_failed()
    }
}

impl Signal {
    pub(crate) fn new() -> Self {
        Self {
            work: Notify::new(),
            wanted: AtomicU64::new(u64::MAX),
            failed: AtomicBool::new(false),
            pressure: AtomicUsize::new(0),
        }
    }

    /// The store's durable watermark has moved. Called on the flushing thread.
    pub(crate) fn durable(&self, position: Position) {
        // Pairs with the fence in `want`: either this sees the wish, or the hub sees the watermark.
        fence(Ordering::SeqCst);
        if self.wanted.load(Ordering::SeqCst) <= position.0 {
            self.work.notify_one();
        }
    }

    /// The store takes no more writes. Called on the flushing thread.
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::SeqCst);
        self.work.notify_one();
    }

    pub(super) fn pressure(&self) -> usize {
        self.pressure.load(Ordering::SeqCst)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// Says which position the hub waits for. Look at the watermark once more afterwards: it may
    /// have moved before this was seen.
    pub(super) fn want(&self, position: Option<Position>) {
        self.wanted.store(position.map_or(u64::MAX, |position| position.0), Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }
}

/// Deadlines in ticks of a hub's clock, and what may happen in one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    pub(super) tick: Duration,
    pub(super) join: u32,
    pub(super) ping: u32,
    pub(super) write: u32,
    pub(super) close: u32,
    /// As `close`, when the server shuts down.
    pub(super) last_close: u32,
    /// How long a room stays after a call.
    pub(super) linger: u32,
    /// About a second.
    pub(super) second: u32,
    /// Messages that a connection may send in one tick.
    pub(super) messages: u32,
}

/// How long a peer gets to end its half after our close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long it gets at a shutdown. It has our close frame and the end of the stream already; all it
/// can lose by sending on is to read them.
const LAST_CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a room stays in memory after a call. Opening it again costs a few lookups.
const LINGER_TIME: Duration = Duration::from_secs(30);
/// The same where a room has to be prepared: then opening it again reads all that it keeps.
const LONG_LINGER_TIME: Duration = Duration::from_secs(300);

impl Deadlines {
    pub(super) fn new(limits: &LimitsConfig, prepares: bool) -> Self {
        let all = [limits.join_timeout, limits.ping_interval, limits.write_timeout, CLOSE_TIMEOUT];
        let shortest = all.into_iter().min().unwrap_or(CLOSE_TIMEOUT);
        let tick = (shortest / 8).clamp(Duration::from_millis(5), Duration::from_millis(250));
        let ticks = |time: Duration| {
            u32::try_from(time.as_nanos().div_ceil(tick.as_nanos())).unwrap_or(u32::MAX)
        };
        Self {
            tick,
            join: ticks(limits.join_timeout),
            ping: ticks(limits.ping_interval),
            write: ticks(limits.write_timeout),
            close: ticks(CLOSE_TIMEOUT),
            last_close: ticks(LAST_CLOSE_TIMEOUT),
            linger: ticks(if prepares { LONG_LINGER_TIME } else { LINGER_TIME }),
            second: ticks(Duration::from_secs(1)),
            messages: match limits.messages_per_second_max {
                0 => u32::MAX,
                rate => (f64::from(rate) * tick.as_secs_f64()).ceil() as u32,
            },
        }
    }
}

/// The shared part of the hubs of one dialect.
pub(crate) type SharedEnv = Arc<Env>;
