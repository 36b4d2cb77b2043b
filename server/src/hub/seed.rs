//! A dialect before its shards start: what its hubs share, and the mailboxes between them.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize},
    },
};

use syncline_engine::Store;
use syncline_protocol::dialect::Dialect;

use crate::{
    config::{Config, Durability},
    health::Health,
    metrics::{Counters, Metrics},
};

use super::{
    Hub,
    env::{Env, SharedEnv, Signal, UnfinishedBytes},
    held::OpeningBytes,
    mail::{Letters, Mailbox},
    mailboxes,
};

/// What the dialects of a server have in common.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) config: &'a Config,
    pub(crate) store: &'a Store,
    pub(crate) metrics: &'a Arc<Metrics>,
    pub(crate) health: &'a Arc<Health>,
    pub(crate) shards: usize,
}

/// One dialect on one shard, before it starts.
pub(crate) struct Seed<D: Dialect> {
    dialect: D,
    env: SharedEnv,
    shard: usize,
    mailboxes: Vec<Mailbox<D>>,
    letters: Letters<D>,
    observer: Option<Observer<D>>,
}

/// Who hears what the rooms of a dialect tell: the room's name, and what it is. Called on the shard of the
/// room, when those in the room are shown the same; it must not wait for anything.
pub(crate) type Observer<D> = Arc<dyn Fn(&str, &<D as Dialect>::Notice) + Send + Sync>;

impl<D: Dialect> Seed<D> {
    /// Somebody hears what rooms tell.
    pub(crate) fn observe(&mut self, observer: Observer<D>) {
        self.observer = Some(observer);
    }

    /// Starts the hub. Must be called on its shard.
    pub(crate) fn grow(self) -> Rc<Hub<D>> {
        let hub = Hub::new(self.dialect, self.env, (self.shard, self.mailboxes), self.observer);
        hub.start(self.letters);
        hub
    }
}

/// One seed for each shard. `message_bytes_max` is the longest message of this dialect.
pub(crate) fn plant<D: Dialect>(
    ground: Ground<'_>,
    dialect: &D,
    message_bytes_max: usize,
) -> Vec<Seed<D>> {
    let Ground { config, store, metrics, health, shards } = ground;
    let env = Arc::new(Env {
        limits: crate::config::LimitsConfig { message_bytes_max, ..config.limits.clone() },
        store: store.clone(),
        inline_flush: config.storage.durability == Durability::Os,
        counters: Counters::new(metrics, D::NAME),
        health: health.clone(),
        signals: (0..shards).map(|_| Signal::new()).collect(),
        unfinished: UnfinishedBytes::default(),
        openings: OpeningBytes::new(message_bytes_max),
        deaf: AtomicUsize::new(0),
        ends: AtomicBool::new(false),
    });
    let watching = env.signals.clone();
    store.on_durable(move |moved| {
        for signal in &*watching {
            match moved {
                Ok(position) => signal.durable(position),
                Err(_) => signal.fail(),
            }
        }
    });
    let (mailboxes, letters) = mailboxes(shards);
    letters
        .into_iter()
        .enumerate()
        .map(|(shard, letters)| Seed {
            dialect: dialect.clone(),
            env: env.clone(),
            shard,
            mailboxes: mailboxes.clone(),
            letters,
            observer: None,
        })
        .collect()
}
