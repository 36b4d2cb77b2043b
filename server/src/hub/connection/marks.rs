//! How far a connection that gets an opening message has come: written, and received.
//!
//! Only such connections have these marks; all others cost nothing here.

use std::rc::Rc;

use bytes::Bytes;
use syncline_protocol::dialect::{Dialect, Moment, Queue, Received, UnixMillis};

use crate::ws::ping_frame;

use super::{
    super::{follow::Follow, frames::message_head, relayed::Whole},
    Connection,
    receipt::Receipt,
    waiting::Waiting,
};

/// The marks of one connection.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// When the opening message was written to the socket; 0 before that.
    opened: UnixMillis,
    /// Bytes to be written up to the end of the opening message.
    unwritten: usize,
    /// What the peer was told before the opening message, which must come first; the newest only.
    told: Option<Bytes>,
    /// What the peer has received, if the dialect wants to know.
    receipt: Option<Receipt>,
    /// What waits of what was relayed.
    waiting: Waiting,
}

impl<D: Dialect> Connection<D> {
    /// Begins to keep marks: an opening message is asked for.
    pub(in crate::hub) fn expect_opening(&self) {
        let receipt = self.hub.dialect().tracks_receipt().then(Receipt::default);
        *self.marks.borrow_mut() = Some(Box::new(Marks { receipt, ..Marks::default() }));
    }

    /// Queues the opening message, which says all up to `version`, and goes on as `opened`.
    pub(in crate::hub) fn open_with(self: &Rc<Self>, message: Bytes, version: u64, opened: Follow) {
        let mut follow = self.follow();
        if !self.is_open() || !matches!(&*follow, Follow::Opening) {
            return;
        }
        *follow = opened;
        drop(follow);
        self.send(message_head(self.framing(), message.len()));
        self.send(message);
        if let Some(marks) = &mut *self.marks.borrow_mut() {
            marks.unwritten = self.queued_bytes();
        }
        let told = self.marks.borrow_mut().as_mut().and_then(|marks| marks.told.take());
        told.into_iter().for_each(|told| self.send(told));
        self.note_sent(|receipt| receipt.opened(version));
    }

    /// Queues relayed frames. False, and nothing queued, when more would wait than may: the peer does
    /// not take them in time.
    pub(in crate::hub) fn send_relayed(
        self: &Rc<Self>,
        piece: Bytes,
        frames: u32,
        whole: Whole,
    ) -> bool {
        if !self.is_open() {
            return true;
        }
        if !self.may_wait(&piece, frames) {
            // The socket may take some by now.
            if self.flush().is_err() {
                return true;
            }
            if self.queued_bytes() > 0 && !self.may_wait(&piece, frames) {
                return false;
            }
        }
        let bytes = piece.len();
        match whole {
            Whole::Yes => self.send(piece),
            Whole::No => self.send_part(piece),
        }
        self.note_relayed(bytes, frames);
        true
    }

    /// As [`Connection::send_relayed`] from the connection's own task, for what was held within the same
    /// bounds.
    pub(in crate::hub) fn send_held(&self, piece: Bytes, frames: u32) {
        if self.is_open() {
            let bytes = piece.len();
            self.send_from_task(piece);
            self.note_relayed(bytes, frames);
        }
    }

    fn may_wait(&self, piece: &Bytes, frames: u32) -> bool {
        let marks = self.marks.borrow();
        let (before, bytes) = marks.as_ref().map_or((0, 0), |marks| marks.waiting.load());
        let Queue { frames_max, bytes_max } = self.hub.queue;
        before + frames as usize <= frames_max && bytes + piece.len() <= bytes_max
    }

    fn note_relayed(&self, bytes: usize, frames: u32) {
        let queued = self.queued_bytes();
        if let Some(marks) = &mut *self.marks.borrow_mut() {
            marks.waiting.push(bytes, frames, queued);
        }
    }

    /// Tells the peer something about its message at once, but nothing before its opening message.
    pub(in crate::hub) fn tell_from_task(&self, frames: Bytes) {
        if !matches!(&*self.follow(), Follow::Opening) {
            return self.send_from_task(frames);
        }
        if let Some(marks) = &mut *self.marks.borrow_mut() {
            marks.told = Some(frames);
        }
    }

    /// What the session is told with a message of its peer.
    pub(in crate::hub) fn moment(&self, now: UnixMillis) -> Moment {
        match &*self.marks.borrow() {
            Some(marks) => {
                let received =
                    marks.receipt.as_ref().map_or(Received::default(), Receipt::received);
                Moment { now, opened: marks.opened, received }
            }
            None => Moment { now, ..Moment::default() },
        }
    }

    /// Everything of the room up to `version` was queued or needed not to be, in a release.
    pub(in crate::hub) fn note_released(self: &Rc<Self>, version: u64, something: bool) {
        self.note_sent(|receipt| receipt.advance(version, something));
    }

    /// Resends that nothing has to be sent for.
    pub(in crate::hub) fn note_needless(self: &Rc<Self>, resends: u64) {
        self.note_sent(|receipt| receipt.resent(resends, false));
    }

    /// The connection was fed by its own task; up to `version` if that was all.
    pub(in crate::hub) fn note_fed(&self, something: bool, version: Option<u64>, resends: u64) {
        self.note_from_task(|receipt| {
            receipt.resent(resends, something);
            if let Some(version) = version {
                receipt.advance(version, something);
            }
        });
    }

    /// A pong came.
    pub(in crate::hub) fn pong(&self, payload: &[u8]) {
        self.note_from_task(|receipt| receipt.pong(payload));
    }

    /// The payload of a ping that only asks for a sign of life. A peer may answer the newest ping
    /// alone (RFC 6455, section 5.5.3): so it repeats the one that waits for its pong.
    pub(super) fn keep_alive(&self) -> Bytes {
        let marks = self.marks.borrow();
        let receipt = marks.as_ref().and_then(|marks| marks.receipt.as_ref());
        let payload = receipt.and_then(Receipt::outstanding);
        ping_frame(payload.as_ref().map_or(&[], |payload| &payload[..]))
    }

    /// Bytes were written to the socket.
    pub(super) fn note_written(&self, bytes: usize) {
        let mut marks = self.marks.borrow_mut();
        let Some(marks) = &mut *marks else { return };
        if D::WRITES_BEHIND {
            marks.waiting.advance(bytes);
        }
        if marks.unwritten > 0 {
            marks.unwritten = marks.unwritten.saturating_sub(bytes);
            if marks.unwritten == 0 {
                self.hub.read_clock();
                marks.opened = self.hub.now();
            }
        }
    }

    fn note_sent(self: &Rc<Self>, note: impl FnOnce(&mut Receipt)) {
        if let Some(ping) = self.note(note) {
            self.send(ping);
        }
    }

    fn note_from_task(&self, note: impl FnOnce(&mut Receipt)) {
        if let Some(ping) = self.note(note)
            && self.is_open()
        {
            self.send_from_task(ping);
        }
    }

    /// Notes something, and makes the ping that is due then.
    fn note(&self, note: impl FnOnce(&mut Receipt)) -> Option<Bytes> {
        let mut marks = self.marks.borrow_mut();
        let receipt = marks.as_mut()?.receipt.as_mut()?;
        note(receipt);
        receipt.ping().map(|payload| ping_frame(&payload))
    }
}
