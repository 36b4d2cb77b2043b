//! What is kept of rooms that nobody visits: now and then each is asked to drop what is old.
//!
//! One room at a time and not many a second, so that nobody else notices.

use std::{rc::Rc, sync::Arc, time::Duration};

use syncline_protocol::dialects::peer::{
    Peer,
    relay::{Answer, Command},
};
use tokio::time::sleep;

use crate::{
    http::Shared,
    hub::{CallFailed, Hub},
};

/// From the start to the first time: whoever was connected comes back first.
const FIRST: Duration = Duration::from_secs(60);
/// Between the end of one time and the begin of the next.
const INTERVAL: Duration = Duration::from_secs(60 * 60);
/// Between two rooms.
const REST: Duration = Duration::from_millis(5);

/// Sweeps for as long as the shard lives. One shard does it for all.
pub(in crate::http) async fn sweep(hub: Rc<Hub<Peer>>, shared: Arc<Shared>) {
    let help = "Stored packets dropped from rooms that nobody had to visit for it";
    let dropped = shared.metrics.counter("syncline_peer_packets_swept_total", Vec::new(), help);
    sleep(FIRST).await;
    loop {
        for room in hub.rooms_with_log() {
            match hub.call(&room, Command::Sweep, 0).await {
                Ok(Answer::Swept { dropped: packets, .. }) => dropped.increment(packets),
                Ok(_) => {}
                Err(CallFailed::Stopped) => return,
                Err(error) => tracing::warn!(%error, "a peer room cannot be swept"),
            }
            sleep(REST).await;
        }
        sleep(INTERVAL).await;
    }
}
