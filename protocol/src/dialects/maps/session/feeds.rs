//! How a client is told of changes: as they come, or, when it was not told of some, by asking the map.
//!
//! What it wrote itself is left out, and the cursor goes on with the next of another's. Whoever cannot be
//! told now, because it has much left to take, because its token has ended or because an answer is in the
//! way, is behind from then on: the map is asked for what it was not told, until it is at the end again. So
//! there is no gap, and nothing is kept for it meanwhile.

use bytes::Bytes;

use super::{Asked, Session, say::Failure};
use crate::{
    dialect::{Act, Notices},
    dialects::maps::{
        command::{Answer, Command, Fed, Feed},
        cursor::Cursor,
        settings::Limits,
        window::{Change, Window, batch},
        wire,
    },
};

/// What a client is told.
struct Told<'a> {
    map: &'a str,
    changes: Vec<&'a Change>,
    /// Where it is when it has taken them.
    last: Cursor,
    /// Where it was before.
    prev: Cursor,
}

impl Session {
    pub(super) fn notice(&mut self, notices: &Notices<Window>, keeps_up: bool) {
        let Notices { room, window } = notices;
        self.watches.set_slow(!keeps_up);
        let may_tell = keeps_up && !self.has_expired();
        let Some(watch) = self.watches.changed(room, may_tell) else { return self.feed_one() };
        let Some(prev) = watch.sent else { return };
        let page_bytes_max = self.settings.limits.page_bytes_max;
        let fits = window.shared.len() <= page_bytes_max;
        let (all, number) = (watch.follows_all(), self.number);
        let wanted = |change: &&Change| {
            change.cursor.seq > prev.seq
                && change.origin != number
                && (all || watch.follows(change.key()))
        };
        if fits && !self.old && all && window.changes.iter().all(|change| wanted(&change)) {
            watch.sent = Some(window.last);
            return self.send(window.message(room, prev));
        }
        let changes: Vec<_> = window.changes.iter().filter(wanted).collect();
        if !changes.is_empty() {
            watch.sent = Some(window.last);
        }
        let told = Told { map: room, changes, last: window.last, prev };
        told.messages(self.old, &self.settings.limits, |message| {
            self.acts.push(Act::Send(message));
        });
    }

    /// Asks a map for what a client was not told, if it can be told now.
    pub(super) fn feed_one(&mut self) {
        if self.closing || self.has_expired() {
            return;
        }
        let Some((map, after, key_prefix)) = self.watches.next_behind() else { return };
        let Limits { page_ops_max: ops_max, page_bytes_max: bytes_max, .. } = self.settings.limits;
        let feed = Feed { after, key_prefix, ops_max, bytes_max };
        self.ask(&map.clone(), Command::Feed(feed), Asked::Feed { map });
    }

    /// What a map says to that.
    pub(super) fn fed(&mut self, map: &str, outcome: Result<Answer, Failure>) {
        let Ok(Answer::Fed(Fed { changes, position, more, reset })) = outcome else {
            return self.watches.not_fed(map);
        };
        let may_tell = !self.has_expired();
        let Some(watch) = self.watches.fed(map, may_tell) else { return };
        let Some(prev) = watch.sent else { return };
        let wanted = |change: &&Change| change.cursor.seq > prev.seq && watch.follows(change.key());
        let changes: Vec<_> = changes.iter().filter(wanted).collect();
        // Told from there it sees the gap, and pulls.
        if reset || !changes.is_empty() {
            watch.sent = Some(position);
        }
        let bytes = changes.iter().map(|change| change.bytes()).sum();
        let told = Told { map, changes, last: position, prev };
        told.messages(self.old, &self.settings.limits, |message| {
            self.acts.push(Act::Send(message));
        });
        let most = self.limits().queue_bytes_max;
        self.watches.fed_up_to(map, position, more && !reset, bytes, most);
    }
}

impl Told<'_> {
    /// The messages that carry it: to a client of version 0 one for each change, to others one for as many
    /// as a page may have.
    fn messages(self, old: bool, limits: &Limits, mut each: impl FnMut(Bytes)) {
        let Self { map, changes, last, prev } = self;
        if old {
            return changes.iter().for_each(|change| each(wire::encode_op_alone(&change.op())));
        }
        let (mut rest, mut prev) = (&*changes, prev);
        while let Some((piece, others)) = cut(rest, limits) {
            let at = match (others, piece) {
                ([], _) | (_, []) => last,
                (_, [.., change]) => change.cursor,
            };
            let body = batch(piece.iter().copied(), &at.to_bytes(map));
            each(wire::encode_batch(&body, &prev.to_bytes(map)));
            (rest, prev) = (others, at);
        }
    }
}

/// As many changes as fit into one message, at least one, and the rest; none of none.
fn cut<'a, 'b>(
    changes: &'a [&'b Change],
    limits: &Limits,
) -> Option<(&'a [&'b Change], &'a [&'b Change])> {
    let mut bytes = 0;
    let fits = changes.iter().take(limits.page_ops_max).take_while(|change| {
        bytes += change.bytes();
        bytes <= limits.page_bytes_max
    });
    let count = fits.count().max(1);
    (!changes.is_empty()).then(|| changes.split_at(count))
}
