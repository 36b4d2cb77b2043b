//! What is kept of the clock in the store: the server's own node, and the ceiling.
//!
//! In the map `maps.clock`, which no room of the dialect can be called. Knows no clock.

use syncline_engine::{Batch, Error, Store};
use syncline_protocol::dialects::maps::NodeId;

/// The map's name.
const MAP: &str = "maps.clock";
/// The name of the server's node, as text.
const NODE: &[u8] = b"node";
/// The ceiling: milliseconds, eight bytes, big endian.
const CEILING: &[u8] = b"ceiling";

/// Random bytes of a node's name.
const NODE_BYTES: usize = 8;

/// The node and the ceiling of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) node: NodeId,
    /// 0 for none.
    pub(super) ceiling: u64,
}

impl Kept {
    /// What a store keeps; a new node when it keeps none that can be read. Writes nothing.
    ///
    /// # Errors
    /// The store's. [`Error::Io`] without random bytes for a new node.
    pub(super) fn read(store: &Store) -> Result<Self, Error> {
        let Some(map) = store.find_map(MAP)? else { return Self::new() };
        let node = map.get(NODE)?;
        let node = node.and_then(|name| NodeId::new(str::from_utf8(&name).ok()?));
        let ceiling = map.get(CEILING)?;
        let ceiling =
            ceiling.and_then(|bytes| Some(u64::from_be_bytes(bytes[..].try_into().ok()?)));
        match (node.filter(NodeId::is_server), ceiling) {
            (Some(node), Some(ceiling)) => Ok(Self { node, ceiling }),
            // A new node gives no timestamp again either.
            _ => Self::new(),
        }
    }

    fn new() -> Result<Self, Error> {
        let mut bytes = [0; NODE_BYTES];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        let name = format!("~{}", data_encoding::HEXLOWER.encode(&bytes));
        let node = NodeId::new(&name).ok_or_else(|| std::io::Error::other("no name of a node"))?;
        Ok(Self { node, ceiling: 0 })
    }

    /// Puts it into a store. As durable as any commit of it when this returns.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn write(&self, store: &Store) -> Result<(), Error> {
        let map = store.map(MAP)?;
        let mut batch = Batch::new();
        batch.put(&map, NODE, self.node.as_bytes());
        batch.put(&map, CEILING, &self.ceiling.to_be_bytes());
        store.commit(batch)?.wait()
    }
}
