//! Whether the sender of an operation gets it back: the one rule, and why it is enough.
//!
//! The original clients overwrite blindly, so the last of what a client set and got must be what the
//! room holds. The room's order is everyone's order, except between a client's own operation and
//! what is on its way to it when it sends it: that arrives later and wins in the client, though the
//! room had it first. So whoever may have something of the key on its way gets its operation back
//! behind it. Knows no message.

use super::{entry::Entry, settings::Heal};
use crate::dialect::{Member, Moment, UnixMillis};

/// Operations older than this were not queued by a client that was away: their stamps mean something
/// else.
const QUEUED_MAX_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// How much a client's clock may be ahead of ours, for an operation to count as queued before the
/// connection was there.
const CLOCK_AHEAD_MAX_MS: u64 = 250;

/// What is known of a session when an operation of it arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// What its peer had of the room.
    pub(super) version: u64,
    /// How many corrections it had.
    pub(super) resends: u64,
    /// Whether the peer may have set the key before it had the opening message, which then took it
    /// out of its copy.
    pub(super) before_opening: bool,
}

/// What of a session does not change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// When its connection began.
    pub(super) connected: UnixMillis,
    /// Whether it answers a ping as soon as it is there, as browsers do.
    pub(super) pongs_at_once: bool,
}

/// What is known at this moment about an operation with this timestamp.
pub(super) fn known(peer: Peer, moment: &Moment, timestamp: i64) -> Known {
    Known {
        version: moment.received.version,
        resends: moment.received.resends,
        before_opening: before_opening(peer, moment, timestamp),
    }
}

fn before_opening(peer: Peer, moment: &Moment, timestamp: i64) -> bool {
    let opening = moment.received.opening;
    if !opening && peer.pongs_at_once {
        return true;
    }
    let connected = peer.connected.0.saturating_sub(CLOCK_AHEAD_MAX_MS);
    let latest = match (opening, moment.opened.0) {
        (true, _) => connected,
        (false, 0) => connected.max(moment.now.0),
        (false, opened) => connected.max(opened),
    };
    let earliest = moment.now.0.saturating_sub(QUEUED_MAX_MS);
    micros(earliest) < timestamp && timestamp <= micros(latest)
}

fn micros(millis: u64) -> i64 {
    i64::try_from(millis.saturating_mul(1000)).unwrap_or(i64::MAX)
}

/// Whether `from` gets the operation back that it sent and the room has taken. `decided` counts the
/// corrections that the room has sent it, `before` is what the key had.
pub(super) fn gives_back(
    heal: Heal,
    from: Member,
    known: Known,
    decided: u64,
    before: Option<&Entry<'_>>,
) -> bool {
    match heal {
        Heal::Never => false,
        Heal::Always => true,
        Heal::WhenNeeded => {
            // Its own, which it was spared: nothing was on its way then, and nothing came since.
            let on_its_way =
                |entry: &Entry<'_>| entry.version > known.version && entry.spared != Some(from);
            known.before_opening || known.resends < decided || before.is_some_and(on_its_way)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Received;

    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    const NOW_MS: u64 = 100 * DAY_MS;

    /// Whether an operation stamped so many milliseconds from the connection counts as made before
    /// the opening, which was written 10 ms after the connection.
    fn counts(opening: bool, opened_ms: u64, pongs_at_once: bool, from_connected_ms: i64) -> bool {
        let connected = UnixMillis(NOW_MS - 1000);
        let received = Received { opening, ..Received::default() };
        let opened = UnixMillis(if opened_ms == 0 { 0 } else { connected.0 + opened_ms });
        let moment = Moment { now: UnixMillis(NOW_MS), opened, received };
        let timestamp = (connected.0 as i64 + from_connected_ms) * 1000;
        known(Peer { connected, pongs_at_once }, &moment, timestamp).before_opening
    }

    #[test]
    fn stamps_up_to_the_opening_count_until_it_is_received() {
        assert!(counts(false, 10, false, 10));
        assert!(!counts(false, 10, false, 11));
        assert!(counts(true, 10, false, -250));
        assert!(!counts(true, 10, false, -249));
    }

    #[test]
    fn every_stamp_up_to_now_counts_until_the_opening_is_written() {
        assert!(counts(false, 0, false, 1000));
        assert!(!counts(false, 0, false, 1001));
    }

    #[test]
    fn stamps_of_another_age_do_not_count() {
        let days = |days: i64| days * DAY_MS as i64;
        assert!(counts(false, 10, false, days(-29)));
        assert!(!counts(false, 10, false, days(-30)));
        assert!(!counts(false, 10, false, -(NOW_MS as i64)));
        assert!(!counts(false, 0, false, days(1)));
    }

    #[test]
    fn whoever_pongs_at_once_cannot_have_the_opening_before_its_pong() {
        assert!(counts(false, 10, true, 900));
        assert!(counts(false, 10, true, days_ago(40)));
        assert!(!counts(true, 10, true, 900));
    }

    fn days_ago(days: i64) -> i64 {
        -days * DAY_MS as i64
    }

    #[test]
    fn what_is_on_its_way_comes_back() {
        let entry = |version, spared| Entry { version, spared, timestamp: 0, value: b"1" };
        let known = Known { version: 5, resends: 2, before_opening: false };
        let me = Member(7);
        let back = |known, decided, before: Option<Entry<'_>>| {
            gives_back(Heal::WhenNeeded, me, known, decided, before.as_ref())
        };
        assert!(!back(known, 2, None));
        assert!(!back(known, 2, Some(entry(5, None))));
        assert!(back(known, 2, Some(entry(6, None))));
        assert!(back(known, 2, Some(entry(6, Some(Member(8))))));
        assert!(!back(known, 2, Some(entry(6, Some(me)))));
        assert!(back(known, 3, None));
        assert!(back(Known { before_opening: true, ..known }, 2, None));
        assert!(gives_back(Heal::Always, me, known, 2, None));
        assert!(!gives_back(Heal::Never, me, known, 9, Some(&entry(6, None))));
    }
}
