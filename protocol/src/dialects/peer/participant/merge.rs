//! Rows of others: reassembled, judged one by one on what was here before, merged.

use super::{
    Event, Participant, Why, answers::part_of, halt::Step, ladder::Rung, legacy::forget_meta, marks,
};
use crate::dialects::peer::{
    access::{self, Founding, Permission, Signed, Standing, Verdict, is_guarded},
    chunks::Place,
    id::{CanonicalId, PeerId},
    keys::{Pin, Pins},
    now::Now,
    packet::Packet,
    rows::{Changes, Merged, Refused, Row},
    store::Store,
};

impl<S: Store> Participant<S> {
    /// A piece of a stream came, verified and opened.
    pub(super) fn chunk(
        &mut self,
        packet: &Packet,
        pin: &Pin,
        (piece, rung): (&[u8], Rung),
        now: Now,
    ) -> Step {
        let (request, is_last) = match self.is_answer_of_version_1(packet, rung) {
            Some(request) => (request, true),
            None => part_of(&packet.request),
        };
        if self.may_answer(&packet.sender.canonical()) {
            self.requester.progress(&request, &packet.sender, now);
        }
        let is_whole = packet.is_version_1();
        let place = Place {
            index: if is_whole { 0 } else { packet.chunk_index },
            count: packet.chunk_count,
            is_last: is_whole || packet.is_last_chunk,
            uncompressed_size: packet.uncompressed_size,
            epoch: packet.key_epoch,
        };
        let whole = self.reassembly.take(&pin.keys.sign, &packet.request, place, piece, now);
        let Some(json) = whole.map_err(|_| Why::BadPieces)? else { return Ok(()) };
        let mut changes = Changes::from_json(&json).map_err(|_| Why::BadPayload)?;
        if packet.is_version_1() {
            forget_meta(&mut changes);
        }
        self.merge(&packet.sender, changes, packet.is_version_1(), now)?;
        // A new member's own row may have come with its answer. Others answer nothing.
        let may_answer = self.may_answer(&packet.sender.canonical());
        if is_last && may_answer && self.requester.answered(&request, &packet.sender) {
            let is_all = self.was_asked_for_all(&request);
            self.answered(&packet.sender, is_all)?;
        }
        Ok(())
    }

    fn merge(&mut self, sender: &PeerId, mut changes: Changes, is_old: bool, now: Now) -> Step {
        let by = sender.canonical();
        if !self.is_believed(&by, &changes) || self.comes_too_early(&changes, &by)? {
            changes.meta = None;
        }
        let (room, access, pins) = (&self.room, &self.access, &self.pins);
        let own = (self.me.canonical(), self.keys.public().sign);
        let mut refused: Vec<(String, String, Why)> = Vec::new();
        // The first rows are those of an owner who signed them, or of the host that is expected: a packet
        // of version 1 alone shows neither.
        let founds_nothing = is_old && access.is_bootstrap() && !self.founds(&by);
        let mut judge = |row: &mut Row, local: Option<&Row>| {
            if !is_guarded(&row.table) {
                // Nobody is judged by it, and to check it takes as long as to merge many rows.
                row.author = None;
            } else if founds_nothing {
                refused.push((row.table.to_string(), row.id.clone(), Why::Unfounded));
                return false;
            }
            let signed = signer(room, row, &own, pins);
            match access::judge(access, &by, row, local, signed.as_ref()) {
                Verdict::Accept => {
                    if signed.is_none() {
                        row.author = None;
                    }
                    true
                }
                Verdict::Unchanged => false,
                Verdict::Reject(why) => {
                    refused.push((row.table.to_string(), row.id.clone(), why_of(why)));
                    false
                }
            }
        };
        let adjusted = self.time.adjusted(now);
        let merged = self.replica.merge(&mut self.store, changes, adjusted, &mut judge)?;
        self.told_refused(sender, refused, &merged);
        self.took(merged, &by, now)
    }

    /// Whether the first rows of the group are taken from somebody, whatever is in them.
    fn founds(&self, by: &CanonicalId) -> bool {
        match self.access.founding() {
            Founding::Anyone => true,
            Founding::By(founder) => founder == by,
            Founding::Signed => false,
        }
    }

    /// Whether somebody is believed that all is in what it sends, up to where it says: else it is asked for
    /// again.
    fn is_believed(&self, by: &CanonicalId, changes: &Changes) -> bool {
        if !self.access.is_bootstrap() {
            return self.may_read(by);
        }
        self.founds(by) || !changes.rows.iter().any(|row| is_guarded(&row.table))
    }

    /// Whether something of the group comes that is refused now, and may be right when all is here that its
    /// founder has.
    fn comes_too_early(&self, changes: &Changes, by: &CanonicalId) -> Step<bool> {
        let is_open = self.awaits_host() || self.access.is_bootstrap();
        if self.access.is_founder(by) || !is_open {
            return Ok(false);
        }
        let own = (self.me.canonical(), self.keys.public().sign);
        for row in changes.rows.iter().filter(|row| is_guarded(&row.table)) {
            let local = self.replica.get(&self.store, &row.table, &row.id)?;
            let signed = signer(&self.room, row, &own, &self.pins);
            let verdict = access::judge(&self.access, by, row, local.as_ref(), signed.as_ref());
            if matches!(verdict, Verdict::Reject(_)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn told_refused(
        &mut self,
        sender: &PeerId,
        mut refused: Vec<(String, String, Why)>,
        merged: &Merged,
    ) {
        for row in &merged.unmerged {
            let why = match row.why {
                Refused::Denied => continue,
                Refused::Ahead => Why::FutureRow,
                Refused::UnknownTable | Refused::TooManyTables => Why::UnknownTable,
                _ => Why::BadRow,
            };
            let table = row.table.as_ref().map(ToString::to_string).unwrap_or_default();
            refused.push((table, row.id.clone().unwrap_or_default(), why));
        }
        for (table, id, why) in refused {
            self.drops.count(why);
            self.tell(Event::Rejected { sender: sender.clone(), table, id, why });
        }
    }

    /// Whether a new group key is for this participant to make when this one took a member out.
    fn must_rotate_for(&self, by: &CanonicalId) -> bool {
        let me = self.me.canonical();
        self.access.may_share_keys(&me) && !self.access.may_share_keys(by)
    }

    fn took(&mut self, merged: Merged, by: &CanonicalId, now: Now) -> Step {
        let was_bootstrap = self.access.is_bootstrap();
        for row in merged.changed {
            self.access.applied(&row);
            if row.deleted && row.table == "members" {
                self.group.removed(&row);
                if self.must_rotate_for(by) {
                    self.want_rotation()?;
                }
                let me = self.me.canonical();
                if CanonicalId::of(&row.id) == me && self.access.standing(&me) == Standing::Removed
                {
                    self.tell(Event::Removed);
                }
            }
            self.tell(Event::Changed { table: row.table.to_string(), id: row.id });
            self.consistency.changed(now);
        }
        if merged.gap {
            self.requester.gap(now);
        }
        if was_bootstrap && !self.access.is_bootstrap() {
            self.doubt_group_key(now)?;
            // Others' keys and rows may be taken now that were not before.
            self.requester.want_newer(now);
        }
        Ok(())
    }

    /// An answer to what was asked is here in whole; `is_all`: everything was asked for, not only what is newer
    /// than what is here.
    fn answered(&mut self, by: &PeerId, is_all: bool) -> Step {
        self.is_synced = true;
        self.tell(Event::Synced { with: by.clone() });
        if self.access.allows(&by.canonical(), Permission::ManageRoles) {
            self.is_disowned = false;
        }
        if !self.access.is_founder(&by.canonical()) || self.access.is_bootstrap() {
            return Ok(());
        }
        // What was refused before the host showed its group seems to be here, and only all of it has that.
        if !is_all {
            if !std::mem::replace(&mut self.was_host_asked, true) {
                self.requester.want_full(by);
            }
        } else if !self.access.owners().is_empty() {
            // Of an answer in parts the one may be lost that says who owns the group: all is refused without it.
            marks::set_founded(&mut self.store)?;
            self.access.close_founding();
        }
        Ok(())
    }
}

/// Who has signed a row, when its key is known.
fn signer(room: &str, row: &Row, own: &(CanonicalId, [u8; 32]), pins: &Pins) -> Option<Signed> {
    access::verify(room, row, |by| match *by == own.0 {
        true => Some(own.1),
        false => pins.find(by).map(|pin| pin.keys.sign),
    })
}

fn why_of(why: access::Why) -> Why {
    match why {
        access::Why::Unfounded => Why::Unfounded,
        access::Why::Removed => Why::Removed,
        _ => Why::Forbidden,
    }
}
