//! What waits for one connection of a relay in memory, and its bounds. Knows no room.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use syncline_protocol::dialect;
use tokio::sync::mpsc;

use crate::transport::{ConnectionError, Message, Received};

/// What comes down, and the bytes of it that count.
type Down = (Result<Received, ConnectionError>, Option<usize>);

/// The side of who writes. Clones are of the same queue.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    down: mpsc::UnboundedSender<Down>,
    load: Arc<Load>,
    most: dialect::Queue,
}

/// What waits.
#[derive(Debug, Default)]
struct Load {
    frames: AtomicUsize,
    bytes: AtomicUsize,
    /// Something did not fit: nothing may follow it.
    is_over: AtomicBool,
}

/// The side of who reads.
#[derive(Debug)]
pub(super) struct Reader {
    down: mpsc::UnboundedReceiver<Down>,
    load: Arc<Load>,
}

/// A queue with these bounds, inclusive, or none.
pub(super) fn queue(most: Option<dialect::Queue>) -> (Queue, Reader) {
    let most = most.unwrap_or(dialect::Queue { frames_max: usize::MAX, bytes_max: usize::MAX });
    let (down, receiver) = mpsc::unbounded_channel();
    let load = Arc::<Load>::default();
    (Queue { down, load: load.clone(), most }, Reader { down: receiver, load })
}

impl Queue {
    /// Adds a message, if there is room for it. False when there is none, from then on for all. To be called
    /// by one at a time.
    pub(super) fn offer(&self, message: Message) -> bool {
        let bytes = match &message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
        };
        // Whoever reads meanwhile only makes more room.
        let fits = self.load.frames.load(SeqCst) < self.most.frames_max
            && self.load.bytes.load(SeqCst).saturating_add(bytes) <= self.most.bytes_max;
        if !fits || self.load.is_over.load(SeqCst) {
            self.load.is_over.store(true, SeqCst);
            return false;
        }
        self.load.frames.fetch_add(1, SeqCst);
        self.load.bytes.fetch_add(bytes, SeqCst);
        self.send((Ok(Received::Message(message)), Some(bytes)));
        true
    }

    /// Adds a message that does not count.
    pub(super) fn push(&self, message: Message) {
        self.send((Ok(Received::Message(message)), None));
    }

    pub(super) fn heartbeat(&self) {
        self.send((Ok(Received::Heartbeat), None));
    }

    /// The connection is over, behind what waits.
    pub(super) fn end(&self, error: ConnectionError) {
        self.send((Err(error), None));
    }

    fn send(&self, down: Down) {
        // Nobody may read any more.
        let _ = self.down.send(down);
    }
}

impl Reader {
    pub(super) async fn next(&mut self) -> Result<Received, ConnectionError> {
        let gone = (Err(ConnectionError::Closed { code: None }), None);
        let (down, counted) = self.down.recv().await.unwrap_or(gone);
        if let Some(bytes) = counted {
            self.load.frames.fetch_sub(1, SeqCst);
            self.load.bytes.fetch_sub(bytes, SeqCst);
        }
        down
    }
}
