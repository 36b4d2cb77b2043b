//! A device as the suites want it: a client, and everything it was told, in order.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use syncline_client::relay::{
    Changes, Client, Event, InMemory, Secret, Settings, State, Status, WebSocket,
};
use syncline_tests::PATIENCE;
use tokio::{task::JoinHandle, time::timeout};

pub(crate) fn secret() -> Secret {
    Secret::new([0xd0; 32])
}

pub(crate) fn url(address: SocketAddr) -> String {
    format!("ws://{address}/sync")
}

/// The defaults, but for patience: a test does not wait for seconds before it connects again.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.retry_min = Duration::from_millis(20);
    settings.retry_max = Duration::from_millis(200);
    settings
}

/// Awaits what must happen.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited too long: {what}"))
}

/// Runs what blocks while the devices go on: a server's end waits for its peers to take part.
pub(crate) async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// A client and the bodies it has brought, read all the time.
pub(crate) struct Device {
    pub(crate) client: Client,
    bodies: Arc<Mutex<Vec<String>>>,
    reading: JoinHandle<()>,
}

impl Device {
    pub(crate) fn start(address: SocketAddr) -> Self {
        Self::start_with(address, settings(), InMemory)
    }

    pub(crate) fn start_with(address: SocketAddr, settings: Settings, state: impl State) -> Self {
        let transport = WebSocket::new(&url(address)).unwrap();
        let (client, changes) = Client::start(transport, &secret(), settings, state).unwrap();
        let bodies = Arc::default();
        let reading = tokio::spawn(read(changes, Arc::clone(&bodies)));
        Self { client, bodies, reading }
    }

    pub(crate) async fn submit(&self, body: &str) {
        soon("room in the outbox", self.client.submit(body.as_bytes())).await.unwrap();
    }

    pub(crate) async fn saved(&self) {
        soon("everything saved", self.client.saved()).await.unwrap();
    }

    pub(crate) async fn live(&self) {
        let live = |status: &Status| matches!(status, Status::Live { .. });
        soon("live", self.client.status().wait_for(live)).await.unwrap();
    }

    /// What it has brought so far.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    /// What it has brought once there are so many.
    pub(crate) async fn brought(&self, count: usize) -> Vec<String> {
        soon("changes", async {
            while self.bodies().len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        self.bodies()
    }

    /// Ends it; everything it brought counts as handled.
    pub(crate) async fn stop(self) {
        soon("shutdown", self.client.shutdown()).await;
        soon("the last event", self.reading).await.unwrap();
    }
}

async fn read(mut changes: Changes, bodies: Arc<Mutex<Vec<String>>>) {
    while let Some(event) = changes.next().await {
        let Event::Change(change) = event else { panic!("not a change: {event:?}") };
        let body = String::from_utf8(change.body.to_vec()).expect("the tests submit text");
        bodies.lock().unwrap().push(body);
    }
}
