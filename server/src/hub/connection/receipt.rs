//! What was sent to a peer, and what it is known to have received: told by the pongs to our pings.
//!
//! Frames reach a peer in order, so the answer to a ping speaks for all that was queued before it.
//! Knows no sockets and no rooms.

use syncline_protocol::dialect::Received;

/// A ping's payload.
pub(super) type Payload = [u8; 8];

/// The marks of one connection.
#[derive(Debug, Default)]
pub(super) struct Receipt {
    sent: Received,
    received: Received,
    /// What had been sent when the ping that is not answered yet was queued, and its number.
    pinged: Option<(u64, Received)>,
    /// Something was sent behind the last ping.
    owed: bool,
    pings: u64,
}

impl Receipt {
    pub(super) fn received(&self) -> Received {
        self.received
    }

    /// The opening message was queued. It says all up to `version`, which is taken as received.
    pub(super) fn opened(&mut self, version: u64) {
        (self.sent.opening, self.sent.version) = (true, version);
        self.received.version = version;
        self.owed = true;
    }

    /// All up to `version` was queued, or needed not to be; `something` of it was.
    pub(super) fn advance(&mut self, version: u64, something: bool) {
        self.sent.version = version;
        self.note(something);
    }

    /// So many resends were taken care of, by queueing `something` or because nothing is needed.
    pub(super) fn resent(&mut self, resends: u64, something: bool) {
        self.sent.resends += resends;
        self.note(something);
    }

    fn note(&mut self, something: bool) {
        self.owed |= something;
        self.settle();
    }

    /// Nothing is on its way: what was passed over without sending anything is as good as received.
    fn settle(&mut self) {
        if self.pinged.is_none() && !self.owed {
            self.received = self.sent;
        }
    }

    /// The payload of the ping that is to be queued now, if one is needed and none is on its way.
    pub(super) fn ping(&mut self) -> Option<Payload> {
        if !self.owed || self.pinged.is_some() {
            return None;
        }
        self.owed = false;
        self.pings += 1;
        self.pinged = Some((self.pings, self.sent));
        self.outstanding()
    }

    /// The payload of the ping that waits for its pong.
    pub(super) fn outstanding(&self) -> Option<Payload> {
        self.pinged.map(|(number, _)| number.to_be_bytes())
    }

    /// A pong came. One that answers none of our pings says nothing.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        if let Some((number, sent)) = self.pinged
            && payload == number.to_be_bytes()
        {
            self.pinged = None;
            self.received = sent;
            self.settle();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(version: u64, resends: u64) -> Received {
        Received { opening: true, version, resends }
    }

    #[test]
    fn marks_move_with_pongs_and_in_order() {
        let mut receipt = Receipt::default();
        receipt.opened(10);
        assert_eq!(receipt.received(), Received { opening: false, version: 10, resends: 0 });
        let first = receipt.ping().unwrap();
        receipt.advance(11, true);
        receipt.resent(1, true);
        assert_eq!(receipt.ping(), None, "one at a time");
        receipt.pong(b"");
        receipt.pong(&7_u64.to_be_bytes());
        assert!(!receipt.received().opening, "those were not ours");
        receipt.pong(&first);
        assert_eq!(receipt.received(), received(10, 0));
        let second = receipt.ping().unwrap();
        assert_ne!(first, second);
        receipt.pong(&first);
        assert_eq!(receipt.received(), received(10, 0), "an old pong says nothing new");
        receipt.pong(&second);
        assert_eq!(receipt.received(), received(11, 1));
        assert_eq!(receipt.ping(), None);
    }

    #[test]
    fn what_needs_no_frame_needs_no_ping() {
        let mut receipt = Receipt::default();
        receipt.opened(10);
        receipt.advance(11, false);
        assert_eq!(receipt.received().version, 10, "the opening is still owed");
        let ping = receipt.ping().unwrap();
        receipt.advance(12, false);
        receipt.pong(&ping);
        assert_eq!(receipt.received(), received(12, 0), "nothing was sent behind the ping");
        receipt.advance(13, false);
        receipt.resent(2, false);
        assert_eq!((receipt.received(), receipt.ping()), (received(13, 2), None));
    }
}
