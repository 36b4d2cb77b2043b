//! The task that does what is due in a room, makes it durable, and releases what rests on it.
//! Knows time; nothing of the network.

use std::sync::Arc;

use syncline_engine::{Map, Store};
use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep_until},
};

use super::shared::Shared;
use crate::waiting::or_never;

/// How often the device is waited for before what is applied meanwhile is waited for under the lock.
const TRIES_MAX: usize = 8;

/// Where it is kept how far the packets of the server have come.
pub(super) struct Since {
    pub(super) map: Map,
}

/// The key of the number.
const SINCE: &[u8] = b"since_seq";

impl Since {
    pub(super) fn open(store: &Store, room: &str) -> Result<Self, syncline_engine::Error> {
        Ok(Self { map: store.map(&format!("peer/{room}/relay"))? })
    }

    pub(super) fn read(&self) -> Result<u64, syncline_engine::Error> {
        let value = self.map.get(SINCE)?;
        Ok(value.and_then(|value| Some(u64::from_le_bytes((*value).try_into().ok()?))).unwrap_or(0))
    }

    fn write(&self, store: &Store, seq: u64) {
        let mut batch = syncline_engine::Batch::new();
        batch.put(&self.map, SINCE, &seq.to_le_bytes());
        // Lost, it only makes the server send again what is here.
        if let Err(error) = store.commit(batch) {
            tracing::warn!(%error, "how far a room has come was not kept");
        }
    }
}

/// Runs until the room is closed and `driver` has ended, which has its connection.
pub(super) async fn keep(shared: Arc<Shared>, store: Store, since: Since, driver: JoinHandle<()>) {
    let ending = shared.ending();
    run(shared, store, since, driver).await;
    // Now nothing of the store is held here.
    drop(ending);
}

async fn run(shared: Arc<Shared>, store: Store, since: Since, driver: JoinHandle<()>) {
    let mut stop = std::pin::pin!(shared.task.stop_asked());
    loop {
        let next = shared.due();
        if let Some(seq) = release(&shared, &store).await {
            since.write(&store, seq);
        }
        // What was released may have given it something to do at once.
        if next.is_some_and(|next| next <= Instant::now()) {
            tokio::task::yield_now().await;
            continue;
        }
        tokio::select! {
            () = &mut stop => break,
            () = shared.something_to_do() => {}
            () = or_never(next.map(sleep_until)) => {}
        }
    }
    // A panic of it was told where it happened.
    let _ = driver.await;
    // What was written last is kept, though nobody is told.
    let _ = release(&shared, &store).await;
}

async fn release(shared: &Arc<Shared>, store: &Store) -> Option<u64> {
    for _ in 0..TRIES_MAX {
        match shared.release(false) {
            Ok(caught_up) => return caught_up,
            Err(position) => {
                let store = store.clone();
                // A failure is found again by the room itself.
                let _ = spawn_blocking(move || store.wait(position)).await;
            }
        }
        if store.health().is_err() {
            break;
        }
    }
    let shared = shared.clone();
    spawn_blocking(move || shared.release(true)).await.ok()?.ok()?
}
