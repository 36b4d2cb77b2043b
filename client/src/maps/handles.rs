//! What the handles of one client share, those of its maps among them. Knows no rule.

use std::{collections::BTreeMap, sync::Arc};

use syncline_engine::Store;
use tokio::sync::Mutex;

use super::{
    settings::Settings,
    shared::Shared,
    watch::{Bounds, Name, Scope, Watch},
};

/// What the handles of one client share. The last one ends the client.
#[derive(Debug)]
pub(super) struct Handles {
    pub(super) shared: Arc<Shared>,
    pub(super) settings: Settings,
    pub(super) store: Store,
    /// The store was opened by the client, which closes it.
    pub(super) owns_store: bool,
    /// The records of each open map. Held while one is opened, so that it is opened once.
    pub(super) opened: Mutex<BTreeMap<Name, syncline_engine::Map>>,
}

impl Handles {
    pub(super) fn watch(&self, scope: Scope) -> Watch {
        let Settings { watch_events_max, watch_bytes_max, .. } = self.settings;
        let bounds = Bounds { events_max: watch_events_max.max(1), bytes_max: watch_bytes_max };
        self.shared.watch(scope, bounds)
    }
}

impl Drop for Handles {
    fn drop(&mut self) {
        self.shared.task.ask_to_stop();
    }
}
