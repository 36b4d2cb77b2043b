//! Requests for what is lacking, claims and comparisons: of others, and one's own.

use std::collections::BTreeMap;

use super::{
    Event, Participant, Why,
    answers::{Answering, HEADER_BYTES},
    halt::Step,
};
use crate::{
    dialects::peer::{
        access::Permission,
        id::{PeerId, RequestId},
        now::Now,
        packet::{Kind, Packet},
        rows::{self, VersionVector},
        store::Store,
        sync::{
            Ask, Check, Clocks, Do, Heard, Repair, TableDigest, check::ALGORITHM,
            requester::LATE_MAX,
        },
    },
    set_hash::Totals,
};

impl<S: Store> Participant<S> {
    /// Somebody asks for what it lacks.
    pub(super) fn asked(&mut self, packet: &Packet, payload: &[u8], now: Now) -> Step {
        if !self.may_read(&packet.sender.canonical()) {
            self.disown(packet, now);
            let is_unfounded = self.access.is_bootstrap();
            return Err(if is_unfounded { Why::Unfounded } else { Why::Forbidden }.into());
        }
        // What cannot be read asks for everything, as an empty clock does.
        let clock = VersionVector::from_json(payload).unwrap_or_default();
        if packet.is_version_1() {
            // It says the newest that it has, not up to where it has all: nothing is forgotten for it.
            self.saw(&packet.sender, &VersionVector::default(), now)?;
        } else {
            self.saw(&packet.sender, &clock, now)?;
        }
        let has_newer = !clock.covers_all(self.replica.frontier());
        let heard = self.election.requested(
            &packet.request,
            &packet.sender,
            (clock, has_newer),
            now,
            &mut *self.random,
        );
        if heard == Heard::Full { Err(Why::TooOften.into()) } else { Ok(()) }
    }

    /// Somebody says what it knows: deletions that it does not know are not forgotten here.
    fn saw(&mut self, who: &PeerId, knows: &VersionVector, now: Now) -> Step {
        let adjusted = self.time.adjusted(now);
        self.replica.saw(&mut self.store, &who.canonical(), knows, adjusted)?;
        Ok(())
    }

    /// Somebody answers a request: one's own, or one that others need not answer then.
    pub(super) fn claimed(&mut self, packet: &Packet, now: Now) -> Step {
        if !self.may_answer(&packet.sender.canonical()) {
            return Err(Why::Forbidden.into());
        }
        self.election.claimed(&packet.request, &packet.sender, now);
        self.requester.claimed(&packet.request, &packet.sender, now);
        Ok(())
    }

    /// Claims and answers what is due.
    pub(super) fn hold_elections(&mut self, now: Now) {
        for what in self.election.due(now) {
            match what {
                Do::Claim { request, .. } => {
                    let packet = self.packet(Kind::SyncClaim, &request);
                    self.send_around(packet, &[], now);
                }
                Do::Answer { request, requester, clock } => {
                    if !self.replica.frontier().covers_all(&clock) {
                        self.requester.want_newer(now);
                    }
                    let rows = self.replica.answer(&clock);
                    self.begin_answer(Answering::new(Some(requester), request, rows, now));
                }
            }
        }
    }

    /// Asks for what is lacking, if it is time.
    pub(super) fn ask_for_rows(&mut self, now: Now) {
        let Some(Ask { request, to, is_full }) = self.requester.due(now, &mut *self.random) else {
            return;
        };
        // Who is not known as a member may be a new one: it is asked for all, and told nothing by that.
        let is_stranger = to.as_ref().is_some_and(|to| !self.may_read(&to.canonical()));
        let clock = match is_full || is_stranger {
            true => VersionVector::default().to_json(),
            false => self.replica.frontier_within(self.room_in_frame()).to_json(),
        };
        if clock == b"{}" {
            // As many as may be answered late, and this one.
            self.asked_for_all.truncate(LATE_MAX);
            self.asked_for_all.push_front(request.clone());
        }
        let packet = self.packet(Kind::SyncReq, &request);
        match to {
            Some(peer) => self.send_to(&peer, packet, &clock, now),
            None => self.send_around(packet, &clock, now),
        };
    }

    /// Whether a request asked for all, which is told once.
    pub(super) fn was_asked_for_all(&mut self, request: &RequestId) -> bool {
        let at = self.asked_for_all.iter().position(|all| all == request);
        at.and_then(|at| self.asked_for_all.remove(at)).is_some()
    }

    /// Bytes of a payload that is not cut into pieces, at most.
    pub(super) fn room_in_frame(&self) -> usize {
        self.frame_bytes_max.saturating_sub(HEADER_BYTES)
    }

    /// Tells the others what is here, if it is time.
    pub(super) fn compare(&mut self, now: Now) {
        if !self.consistency.due(now) {
            return;
        }
        let mut own = self.own_check();
        let room = self.room_in_frame();
        if own.encode().len() > room {
            own.clock.clear();
            if own.encode().len() > room {
                own.tables.clear();
            }
            // Who is told of fewer nodes asks for nothing because of the others.
            let left = room.saturating_sub(own.encode().len() + r#","vc":"#.len());
            own.clock = clock_of(&self.replica.frontier_within(left));
        }
        let check = own.encode();
        let request = self.new_request();
        let packet = self.packet(Kind::ConsistencyCheck, &request);
        self.send_abroad(packet, &check, now);
    }

    fn own_check(&self) -> Check {
        let digest = self.replica.digest();
        let hex = |hash: &[u8; 32]| data_encoding::HEXLOWER.encode(hash);
        // Tables that are kept and empty are said, too: what is not said is not kept.
        let kept = rows::BUILT_IN.iter().copied();
        let kept = kept.chain(self.settings.tables.iter().map(String::as_str));
        let mut tables: BTreeMap<_, _> =
            kept.map(|name| (name.to_owned(), empty_table())).collect();
        tables.extend(digest.tables.iter().map(|(name, table)| {
            (name.to_string(), TableDigest { count: table.live, hash: hex(&table.hash) })
        }));
        Check {
            version: 2,
            count: digest.live,
            records: digest.records,
            hash: hex(&digest.hash),
            algorithm: ALGORITHM.to_owned(),
            clock: clock_of(self.replica.frontier()),
            tables,
        }
    }

    /// Somebody tells what it has. Who has the group's key in use is heard also when no row here says that it
    /// is a member: the row may be what is lacking here.
    pub(super) fn told(&mut self, packet: &Packet, payload: &[u8], now: Now) -> Step {
        let by = &packet.sender;
        let has_key = packet.key_epoch > 0 && self.ring.epoch() == Some(packet.key_epoch);
        if !has_key && !self.may_answer(&by.canonical()) {
            return Err(Why::Forbidden.into());
        }
        if has_key && self.access.allows(&by.canonical(), Permission::ManageRoles) {
            // Who said that this one is no member may not have had its row yet.
            self.is_disowned = false;
        }
        let check = Check::parse(payload).map_err(|_| Why::BadPayload)?;
        if !check.is_comparable() {
            return Ok(());
        }
        let clock = serde_json::to_vec(&check.clock).unwrap_or_default();
        let theirs = VersionVector::from_json(&clock).map_err(|_| Why::BadPayload)?;
        self.saw(by, &theirs, now)?;
        let ours = self.replica.frontier();
        let clocks = match (ours.covers_all(&theirs), theirs.covers_all(ours)) {
            (true, true) => Clocks::Equal,
            (true, false) => Clocks::Ahead,
            (false, _) => Clocks::Behind,
        };
        let is_same = self.is_same(&check);
        let mut others: Vec<_> = self.people.reachable().collect();
        // Of those who manage the group also rows are taken whose author can no longer be verified.
        let manages = |who| self.access.allows(who, Permission::ManageRoles);
        others.sort_by_key(|(_, person)| !manages(&person.canonical));
        let others: Vec<PeerId> = others.into_iter().map(|(peer, _)| peer.clone()).collect();
        match self.consistency.told(by, (is_same, clocks), others.iter(), now) {
            Some(Repair::Newer(peer)) => self.requester.behind(&peer, now),
            Some(Repair::Full(peer)) => {
                self.tell(Event::Diverged { peer: by.clone() });
                self.requester.want_full(&peer);
            }
            None => {}
        }
        Ok(())
    }

    /// Whether the tables that both have are the same.
    fn is_same(&self, check: &Check) -> bool {
        let own = self.own_check();
        if own.hash == check.hash {
            return true;
        }
        let agrees = |(name, table): (&String, &TableDigest)| match own.tables.get(name) {
            Some(own) => own == table,
            None => !self.replica.keeps(name) || *table == empty_table(),
        };
        check.tables.iter().all(agrees)
    }
}

/// A clock as a comparison tells it.
fn clock_of(frontier: &VersionVector) -> BTreeMap<String, String> {
    frontier.iter().map(|hlc| (hlc.node.as_str().to_owned(), hlc.to_string())).collect()
}

/// The digest of a table without rows.
fn empty_table() -> TableDigest {
    let hash = data_encoding::HEXLOWER.encode(&Totals::default().digest());
    TableDigest { count: 0, hash }
}
