//! One's own writes on their way to all: sent once, in order, also those that were made offline.

use super::{Participant, answers::Answering, halt::Step, marks};
use crate::dialects::peer::{
    kind::RoomKind,
    now::Now,
    rows::{Changes, Hlc, Row, VersionVector},
    store::{Store, StoreFailed},
};

/// What was sent to all.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Up to here; kept in the store.
    published: Option<Hlc>,
    is_wanted: bool,
}

impl Live {
    pub(super) fn open(store: &dyn Store) -> Result<Self, StoreFailed> {
        Ok(Self { published: marks::published(store)?, is_wanted: false })
    }

    /// Something may be to be sent.
    pub(super) fn want(&mut self) {
        self.is_wanted = true;
    }
}

impl<S: Store> Participant<S> {
    /// Whether anybody would read what is sent to all now.
    fn is_heard(&self) -> bool {
        let has_key = self.session.is_some() || self.sealing_key().is_some();
        self.is_connected && (has_key || !self.readers().is_empty())
    }

    /// What was just written is sent at once, if all before it was.
    pub(super) fn publish_written(&mut self, changes: &Changes, now: Now) -> Step {
        let follows = changes
            .meta
            .as_ref()
            .is_some_and(|meta| meta.prev.get(self.replica.node()) == self.live.published.as_ref());
        let bytes: usize = changes.rows.iter().map(Row::json_bytes).sum();
        let fits = bytes <= self.settings.limits.stream_bytes_max;
        if !follows || !fits || !self.is_heard() {
            self.live.want();
            return Ok(());
        }
        let request = self.new_request();
        self.send_changes(None, &request, changes, now);
        self.set_published()
    }

    fn set_published(&mut self) -> Step {
        let Some(upto) = self.replica.frontier().get(self.replica.node()).cloned() else {
            return Ok(());
        };
        marks::set_published(&mut self.store, &upto)?;
        self.live.published = Some(upto);
        Ok(())
    }

    /// Sends what was not sent to all yet, if anybody can be reached.
    pub(super) fn publish(&mut self, now: Now) -> Step {
        if !self.live.is_wanted || self.kind != RoomKind::Data || !self.is_heard() {
            return Ok(());
        }
        self.live.is_wanted = false;
        let node = self.replica.node();
        let newest = self.replica.frontier().get(node);
        if newest.is_none() || newest <= self.live.published.as_ref() {
            return Ok(());
        }
        let others = self.replica.frontier().iter().filter(|hlc| hlc.node != *node).cloned();
        let clock: VersionVector = others.chain(self.live.published.clone()).collect();
        let request = self.new_request();
        let answering = Answering::new(None, request, self.replica.answer(&clock), now);
        self.begin_answer(answering);
        self.set_published()
    }
}
