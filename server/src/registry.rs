//! The dialects this server speaks. A new one is a line here and a folder in the protocol crate.

use std::{
    rc::Rc,
    sync::{Arc, atomic::AtomicUsize},
};

use syncline_engine::Store;
use syncline_protocol::{
    dialect::Dialect,
    dialects::relay::{Limits, Relay},
};

use crate::{
    config::{Config, Durability},
    health::Health,
    hub::{self, Env, Hub, Letters, Mailbox, SharedEnv, Signal, UnfinishedBytes},
    metrics::{Counters, Metrics},
};

/// Every dialect on one shard.
pub(crate) struct Hubs {
    pub(crate) relay: Rc<Hub<Relay>>,
}

/// What [`Hubs`] grow from on the shard's own thread.
pub(crate) struct Seeds {
    relay: Seed<Relay>,
}

/// All dialects of a server, before their shards start.
pub(crate) fn seeds(
    config: &Config,
    store: &Store,
    metrics: &Arc<Metrics>,
    health: &Arc<Health>,
    shards: usize,
) -> Vec<Seeds> {
    let limits = Limits {
        key_bytes_max: config.relay.key_bytes_max,
        key_changes_max: config.relay.key_changes_max,
    };
    let relay = plant(Relay::new(limits), config, store, metrics, health, shards);
    relay.into_iter().map(|relay| Seeds { relay }).collect()
}

impl Seeds {
    /// Starts the hubs. Must be called on their shard.
    pub(crate) fn grow(self) -> Hubs {
        Hubs { relay: self.relay.grow() }
    }
}

/// One dialect on one shard, before it starts.
struct Seed<D: Dialect> {
    dialect: D,
    env: SharedEnv,
    shard: usize,
    mailboxes: Vec<Mailbox<D>>,
    letters: Letters<D>,
}

impl<D: Dialect> Seed<D> {
    fn grow(self) -> Rc<Hub<D>> {
        let hub = Hub::new(self.dialect, self.env, self.shard, self.mailboxes);
        hub.start(self.letters);
        hub
    }
}

fn plant<D: Dialect>(
    dialect: D,
    config: &Config,
    store: &Store,
    metrics: &Arc<Metrics>,
    health: &Arc<Health>,
    shards: usize,
) -> Vec<Seed<D>> {
    let env = Arc::new(Env {
        limits: config.limits.clone(),
        store: store.clone(),
        inline_flush: config.storage.durability == Durability::Os,
        counters: Counters::new(metrics, D::NAME),
        health: health.clone(),
        signals: (0..shards).map(|_| Signal::new()).collect(),
        unfinished: UnfinishedBytes::default(),
        deaf: AtomicUsize::new(0),
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
    let (mailboxes, letters) = hub::mailboxes(shards);
    letters
        .into_iter()
        .enumerate()
        .map(|(shard, letters)| Seed {
            dialect: dialect.clone(),
            env: env.clone(),
            shard,
            mailboxes: mailboxes.clone(),
            letters,
        })
        .collect()
}
