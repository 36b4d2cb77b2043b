//! How what a client keeps is found again: the node's name, the clock. Made at the first start.
//! Knows the store; nothing of maps.

use std::collections::{BTreeMap, VecDeque};

use syncline_engine::{Batch, Store};
use syncline_protocol::dialects::maps::{Clock, Hlc, MILLIS_MAX, NodeId};

use super::{Local, Wall, forms};
use crate::{kept::StateError, maps::clock::WallClock};

impl Local {
    /// What a store holds of a client. A new one gets a name for its node, and is durable on return.
    pub(crate) fn load(
        store: &Store,
        wall: WallClock,
        name: impl FnOnce() -> Result<NodeId, StateError>,
    ) -> Result<Self, StateError> {
        let meta = store.map(forms::META)?;
        let node = match meta.get(forms::NODE)? {
            Some(node) => read_node(&node).ok_or_else(StateError::foreign)?,
            None => {
                let (node, mut batch) = (name()?, Batch::new());
                batch.put(&meta, forms::NODE, node.as_bytes());
                store.commit(batch)?.wait()?;
                node
            }
        };
        let ceiling = match meta.get(forms::CLOCK)? {
            Some(bytes) => bytes[..].try_into().map_err(|_| StateError::foreign())?,
            None => [0; 8],
        };
        let ceiling = u64::from_le_bytes(ceiling).min(MILLIS_MAX);
        let last = Hlc { millis: ceiling, counter: 0, node: node.clone() };
        Ok(Self {
            clock: Clock::resume(node, last),
            // What is given first is kept first.
            ceiling,
            seen: (0, 0),
            wall: Wall::new(wall),
            maps: BTreeMap::new(),
            last_order: 0,
            last: store.appended(),
            listened: false,
            told: Vec::new(),
            fresh: VecDeque::new(),
            store: store.clone(),
            meta,
        })
    }

    /// The name of this node.
    pub(crate) fn node_id(&self) -> &NodeId {
        &self.clock.last().node
    }
}

fn read_node(bytes: &[u8]) -> Option<NodeId> {
    NodeId::new(str::from_utf8(bytes).ok()?)
}
