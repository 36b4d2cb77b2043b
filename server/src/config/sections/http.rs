//! What can be set in `[http]`, and its defaults. Values only.

use std::net::SocketAddr;

/// Where the server listens.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HttpConfig {
    /// The address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Event loops, one thread each; 0 for one per core.
    pub shards: usize,
    /// Origins whose pages may open a WebSocket, compared whole; none for all.
    pub origins: Vec<String>,
    /// Whether the whiteboard is shown at `/demo/`, with a token for whoever opens it.
    pub demo: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            shards: 0,
            origins: Vec::new(),
            demo: false,
        }
    }
}
