//! The dialects this server speaks. A new one is a line in each place here and a folder in the
//! protocol crate.

use std::{rc::Rc, sync::Arc, time::Duration};

use syncline_protocol::dialects::{
    maps::Maps,
    oplog::{self, Oplog},
    peer::Peer,
    relay::{self, Relay},
    workspace::{self, Workspace},
};

use crate::{
    config::{Config, Heal, Opening, WorkspaceConfig},
    hub::{Ground, Hub, Seed, plant},
    maps, peer,
    webhooks::Webhooks,
};

/// How many dialects there are, at least.
pub(crate) const DIALECTS: usize = 5;

/// Every dialect on one shard.
pub(crate) struct Hubs {
    pub(crate) relay: Rc<Hub<Relay>>,
    pub(crate) oplog: Rc<Hub<Oplog>>,
    pub(crate) workspace: Rc<Hub<Workspace>>,
    pub(crate) maps: Rc<Hub<Maps>>,
    pub(crate) peer: Rc<Hub<Peer>>,
}

/// What [`Hubs`] grow from on the shard's own thread.
pub(crate) struct Seeds {
    relay: Seed<Relay>,
    oplog: Seed<Oplog>,
    workspace: Seed<Workspace>,
    maps: Seed<Maps>,
    peer: Seed<Peer>,
}

/// The longest message of any dialect, in bytes: a record has to hold it.
pub(crate) fn message_bytes_max(config: &Config) -> usize {
    let workspace = config.workspace.message_bytes_max;
    let maps = maps::settings(&config.maps).limits.frame_bytes_max;
    let longest = config.limits.message_bytes_max.max(config.oplog.body_bytes_max);
    longest.max(workspace).max(maps).max(config.peer.packet_bytes_max)
}

/// All dialects of a server, before their shards start. `webhooks` tell what happens in rooms of peers.
pub(crate) fn seeds(ground: Ground<'_>, webhooks: Option<&Arc<Webhooks>>) -> Vec<Seeds> {
    let config = ground.config;
    let relay = Relay::new(relay::Limits {
        key_bytes_max: config.relay.key_bytes_max,
        key_changes_max: config.relay.key_changes_max,
    });
    let oplog = Oplog::new(oplog::Limits {
        clients_max: u32::try_from(config.oplog.clients_max).unwrap_or(u32::MAX),
        seen_for_ms: u64::try_from(config.oplog.seen_for.as_millis()).unwrap_or(u64::MAX),
        dataset_bytes_max: config.oplog.dataset_bytes_max,
        dataset_ops_max: config.oplog.dataset_ops_max,
        generations_max: config.oplog.generations_max,
    });
    let relay = plant(ground, &relay, config.limits.message_bytes_max);
    let oplog = plant(ground, &oplog, config.oplog.body_bytes_max);
    let workspace = Workspace::new(workspace_settings(&config.workspace));
    let workspace = plant(ground, &workspace, config.workspace.message_bytes_max);
    let settings = maps::settings(&config.maps);
    let maps = plant(ground, &Maps::new(settings), settings.limits.frame_bytes_max);
    let settings = peer::settings(&config.peer);
    let mut peer = plant(ground, &Peer::new(settings), settings.frame_bytes_max);
    if let Some(webhooks) = webhooks {
        peer.iter_mut().for_each(|seed| seed.observe(peer::observer(webhooks.clone())));
    }
    let all = relay.into_iter().zip(oplog).zip(workspace).zip(maps).zip(peer);
    all.map(|((((relay, oplog), workspace), maps), peer)| Seeds {
        relay,
        oplog,
        workspace,
        maps,
        peer,
    })
    .collect()
}

fn workspace_settings(config: &WorkspaceConfig) -> workspace::Settings {
    workspace::Settings {
        heal: match config.heal {
            Heal::Never => workspace::Heal::Never,
            Heal::Heal => workspace::Heal::WhenNeeded,
            Heal::Always => workspace::Heal::Always,
        },
        opening: match config.opening {
            Opening::Values => workspace::Opening::Values,
            Opening::Entries => workspace::Opening::Entries,
        },
        future_skew_max_ms: u64::try_from(config.future_skew_max.as_millis()).unwrap_or(u64::MAX),
        limits: workspace::Limits {
            bytes_max: config.bytes_max,
            keys_max: config.keys_max,
            key_bytes_max: config.key_bytes_max,
        },
    }
}

impl Seeds {
    /// Starts the hubs. Must be called on their shard.
    pub(crate) fn grow(self) -> Hubs {
        Hubs {
            relay: self.relay.grow(),
            oplog: self.oplog.grow(),
            workspace: self.workspace.grow(),
            maps: self.maps.grow(),
            peer: self.peer.grow(),
        }
    }
}

impl Hubs {
    /// Drains all hubs at the same time: see [`Hub::drain`].
    pub(crate) async fn drain(&self, timeout: Duration) {
        tokio::join!(
            self.relay.drain(timeout),
            self.oplog.drain(timeout),
            self.workspace.drain(timeout),
            self.maps.drain(timeout),
            self.peer.drain(timeout)
        );
    }
}
