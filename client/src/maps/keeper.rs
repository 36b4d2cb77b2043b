//! The task that makes writes durable soon after they are made, and ends lives when they are over.
//! Knows time; nothing of the network.

use std::{sync::Arc, time::Duration};

use syncline_engine::Store;
use tokio::{task::spawn_blocking, time::sleep};

use super::{core::Core, shared::Shared};
use crate::waiting::or_never;

/// The wall clock may be set meanwhile: it is asked again after this.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// Runs until the client is to end. What is written meanwhile is made durable together.
pub(super) async fn keep(shared: Arc<Shared>, store: Store) {
    let mut stop = std::pin::pin!(shared.task.stop_asked());
    loop {
        let expires = async {
            or_never(shared.expire().map(|wait| sleep(wait.min(SLEEP_MAX)))).await;
        };
        tokio::select! {
            () = &mut stop => return,
            () = shared.something_written() => {}
            () = expires => continue,
        }
        if shared.look(Core::has_fresh) && !make_durable(&shared, &store).await {
            return;
        }
    }
}

/// Waits for what is written so far. False when the store has failed: then it takes nothing more.
async fn make_durable(shared: &Shared, store: &Store) -> bool {
    if let Some(position) = shared.unsynced() {
        let store = store.clone();
        // A runtime that shuts down does not wait for its blocking tasks.
        match spawn_blocking(move || store.wait(position)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                shared.state_failed(&error.into());
                return false;
            }
            Err(_) => return false,
        }
    }
    shared.made_durable();
    true
}
