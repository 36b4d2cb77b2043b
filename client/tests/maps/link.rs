//! One client's way to the coordinator in memory, with what goes wrong on it.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use syncline_client::maps::{ConnectionError, Message, Received, Receiver, Sender, Transport};
use tokio::sync::mpsc;

use super::fake::FakeServer;

type Down = Result<Received, ConnectionError>;

#[derive(Default)]
struct State {
    refuse: Option<ConnectionError>,
    attempts: usize,
    /// The connection, if there is one: its number at the server, and the way down.
    current: Option<(usize, mpsc::UnboundedSender<Down>)>,
}

/// One client's way to the server.
#[derive(Clone)]
pub(crate) struct Link {
    server: FakeServer,
    state: Arc<Mutex<State>>,
}

impl Link {
    pub(crate) fn new(server: FakeServer) -> Self {
        Self { server, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Answers attempts to connect with this error, or no more.
    pub(crate) fn refuse(&self, error: Option<ConnectionError>) {
        self.state().refuse = error;
    }

    pub(crate) fn attempts(&self) -> usize {
        self.state().attempts
    }

    /// Breaks the connection, if there is one.
    pub(crate) fn cut(&self) {
        self.end(None);
    }

    /// Ends the connection, if there is one, with a close code.
    pub(crate) fn end(&self, code: Option<u16>) {
        if let Some((at, down)) = self.state().current.take() {
            self.server.forget(at);
            let _ = down.send(Err(ConnectionError::Closed { code }));
        }
    }
}

pub(crate) struct UpEnd {
    server: FakeServer,
    at: usize,
}

pub(crate) struct DownEnd(mpsc::UnboundedReceiver<Down>);

impl Transport for Link {
    type Sender = UpEnd;
    type Receiver = DownEnd;

    async fn connect(
        &self,
        subprotocol: Option<&'static str>,
        _: usize,
    ) -> Result<(UpEnd, DownEnd), ConnectionError> {
        assert_eq!(subprotocol, None);
        let mut state = self.state();
        state.attempts += 1;
        if let Some(error) = state.refuse.clone() {
            return Err(error);
        }
        let (down, receiver) = mpsc::unbounded_channel();
        let at = self.server.accept(self.clone(), down.clone());
        state.current = Some((at, down));
        Ok((UpEnd { server: self.server.clone(), at }, DownEnd(receiver)))
    }
}

impl Sender for UpEnd {
    async fn send(&mut self, message: Message) -> Result<(), ConnectionError> {
        let Message::Binary(bytes) = message else { panic!("clients send binary messages") };
        self.server.receive(self.at, bytes);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ConnectionError> {
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), ConnectionError> {
        self.server.pong(self.at);
        Ok(())
    }

    async fn close(&mut self) -> Result<(), ConnectionError> {
        self.server.forget(self.at);
        Ok(())
    }
}

impl Receiver for DownEnd {
    async fn receive(&mut self) -> Down {
        self.0.recv().await.unwrap_or(Err(ConnectionError::Closed { code: None }))
    }
}

pub(crate) fn binary(bytes: Vec<u8>) -> Down {
    Ok(Received::Message(Message::Binary(Bytes::from(bytes))))
}
