//! One client's way to the server in memory, with what goes wrong on it: refusals, delays, cuts,
//! and connections that the server still hears after the client has lost them.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use syncline_client::workspace::{ConnectionError, Message, Received, Receiver, Sender, Transport};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::fake::{Down, FakeServer};

#[derive(Default)]
struct Faults {
    refuse: Option<ConnectionError>,
    delay: Duration,
    /// What is under way when the connection is cut still arrives.
    late: bool,
    silent: bool,
    attempts: usize,
    pings: usize,
    connections: Vec<Wires>,
}

struct Wires {
    at: usize,
    down: mpsc::UnboundedSender<(Instant, Down)>,
    cut: bool,
}

/// One client's way to the server.
#[derive(Clone)]
pub(crate) struct Link {
    server: FakeServer,
    faults: Arc<Mutex<Faults>>,
}

impl Link {
    pub(crate) fn new(server: FakeServer) -> Self {
        Self { server, faults: Arc::default() }
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap()
    }

    pub(crate) fn delay(&self) -> Duration {
        self.faults().delay
    }

    /// What is sent from now on takes so long, in both directions.
    pub(crate) fn take(&self, delay: Duration) {
        self.faults().delay = delay;
    }

    /// Answers attempts to connect with this error, or no more.
    pub(crate) fn refuse(&self, error: Option<ConnectionError>) {
        self.faults().refuse = error;
    }

    /// Whether the server still hears what was under way when a connection is cut.
    pub(crate) fn arrive_late(&self, late: bool) {
        self.faults().late = late;
    }

    /// Pings are not answered.
    pub(crate) fn fall_silent(&self) {
        self.faults().silent = true;
    }

    pub(crate) fn attempts(&self) -> usize {
        self.faults().attempts
    }

    pub(crate) fn pings(&self) -> usize {
        self.faults().pings
    }

    /// Breaks the connection, if there is one.
    pub(crate) fn cut(&self) {
        self.end(Some(1006));
    }

    /// Ends the connection, if there is one, with a close code of the server.
    pub(crate) fn end(&self, code: Option<u16>) {
        let mut faults = self.faults();
        let late = faults.late;
        for wires in faults.connections.iter_mut().filter(|wires| !wires.cut) {
            wires.cut = true;
            let _ = wires.down.send((Instant::now(), Err(ConnectionError::Closed { code })));
            if !late {
                self.server.forget(wires.at);
            }
        }
    }
}

pub(crate) struct UpEnd {
    link: Link,
    up: mpsc::UnboundedSender<(Instant, String)>,
    at: usize,
}

pub(crate) struct DownEnd {
    down: mpsc::UnboundedReceiver<(Instant, Down)>,
    next: Option<(Instant, Down)>,
}

impl Transport for Link {
    type Sender = UpEnd;
    type Receiver = DownEnd;

    async fn connect(
        &self,
        subprotocol: Option<&'static str>,
        _: usize,
    ) -> Result<(UpEnd, DownEnd), ConnectionError> {
        assert_eq!(subprotocol, None);
        self.faults().attempts += 1;
        if let Some(error) = self.faults().refuse.clone() {
            return Err(error);
        }
        let (down, receiver) = mpsc::unbounded_channel();
        let (at, crashes) = self.server.accept(self.clone(), down.clone());
        self.faults().connections.push(Wires { at, down, cut: false });
        let (up, mut sent) = mpsc::unbounded_channel::<(Instant, String)>();
        let server = self.server.clone();
        tokio::spawn(async move {
            while let Some((at_time, text)) = sent.recv().await {
                sleep_until(at_time).await;
                server.receive(at, crashes, &text);
            }
            server.forget(at);
        });
        Ok((UpEnd { link: self.clone(), up, at }, DownEnd { down: receiver, next: None }))
    }
}

impl Sender for UpEnd {
    async fn send(&mut self, message: Message) -> Result<(), ConnectionError> {
        let Message::Text(text) = message else { panic!("clients send text") };
        let _ = self.up.send((Instant::now() + self.link.delay(), text));
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ConnectionError> {
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), ConnectionError> {
        let mut faults = self.link.faults();
        faults.pings += 1;
        if !faults.silent {
            let wires = faults.connections.iter().find(|wires| wires.at == self.at).unwrap();
            let _ = wires.down.send((Instant::now(), Ok(Received::Heartbeat)));
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<(), ConnectionError> {
        Ok(())
    }
}

impl Receiver for DownEnd {
    async fn receive(&mut self) -> Down {
        if self.next.is_none() {
            let gone = (Instant::now(), Err(ConnectionError::Closed { code: None }));
            self.next = Some(self.down.recv().await.unwrap_or(gone));
        }
        if let Some((at, _)) = &self.next {
            sleep_until(*at).await;
        }
        self.next.take().expect("it was just there").1
    }
}
