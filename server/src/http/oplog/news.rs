//! Who waits for something new in a dataset, on whatever shard, and is told.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::watch;

/// Those who wait, by room. A room is in it as long as somebody waits for it.
#[derive(Debug, Default)]
pub(crate) struct News {
    rooms: Mutex<HashMap<String, watch::Sender<()>>>,
    waiting: AtomicUsize,
}

/// Somebody who waits for news of one room. Sees all that is told after it was made.
#[derive(Debug)]
pub(super) struct Waiting {
    news: Arc<News>,
    room: String,
    told: watch::Receiver<()>,
}

impl News {
    /// Begins to wait. What is asked of the room afterwards shows what was told before.
    pub(super) fn wait_for(self: &Arc<Self>, room: &str) -> Waiting {
        // Before the room is asked: who changes it afterwards must see that somebody waits.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut rooms = self.rooms.lock();
        let sender = rooms.entry_ref(room).or_insert_with(|| watch::Sender::new(()));
        Waiting { news: self.clone(), room: room.into(), told: sender.subscribe() }
    }

    /// Tells everyone who waits for this room.
    pub(super) fn tell(&self, room: &str) {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        if let Some(sender) = self.rooms.lock().get(room) {
            sender.send_replace(());
        }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Waiting {
    /// Ends when there is news that was not waited for yet.
    pub(super) async fn told(&mut self) {
        // The sender stays in its room as long as somebody waits.
        let _ = self.told.changed().await;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut rooms = self.news.rooms.lock();
        // This one still counts.
        if rooms.get(&self.room).is_some_and(|sender| sender.receiver_count() <= 1) {
            rooms.remove(&self.room);
        }
        self.news.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    fn is_told(waiting: &mut Waiting) -> bool {
        pin!(waiting.told()).poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn who_waits_is_told_of_its_own_room_only() {
        let news = Arc::new(News::default());
        news.tell("a");
        let (mut a, mut b) = (news.wait_for("a"), news.wait_for("b"));
        let mut another = news.wait_for("a");
        assert!(!is_told(&mut a) && !is_told(&mut b));
        news.tell("a");
        news.tell("a");
        assert!(is_told(&mut a) && is_told(&mut another) && !is_told(&mut b));
        assert!(!is_told(&mut a), "twice is once");
        drop((a, another));
        assert_eq!((news.rooms.lock().len(), news.waiting()), (1, 1));
        drop(b);
        assert_eq!((news.rooms.lock().len(), news.waiting()), (0, 0));
    }
}
