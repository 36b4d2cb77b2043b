//! The answers to pushes: what is settled, what is sent again, what follows for its map.

use std::{collections::BTreeMap, time::Duration};

use syncline_protocol::dialects::maps::proto::{Ack, ErrorCode};

use super::{
    super::replica::{How, MapName, Replica, Settled},
    Ended, Machine, Now,
    batch::{Batch, Sent},
    course::Step,
    verdict::{Verdict, verdicts},
};

/// Writes that are stamped anew at once.
const AHEAD_MAX: usize = 4096;
/// Records that the server does not take from this client, and that are not offered again.
const UNWELCOME_MAX: usize = 1 << 16;

impl Machine {
    /// The server has acknowledged something.
    pub(super) fn acked(
        &mut self,
        replica: &mut impl Replica,
        batch: Batch,
        in_time: bool,
        ack: &Ack,
        now: Now,
    ) -> Result<(), Ended> {
        self.server_time(replica, &ack.server_time, now);
        let verdicts = verdicts(ack, batch.sent.len())
            .map_err(|_| Ended::Violation("an acknowledgement of what was not sent"))?;
        if in_time {
            self.landed(&batch);
        }
        let later = verdicts.iter().any(|v| matches!(v, Verdict::Later | Verdict::Ahead));
        let kept = if ack.durable { How::Durable } else { How::InMemory };
        let mut settled: BTreeMap<MapName, Vec<Settled>> = BTreeMap::new();
        for (sent, verdict) in batch.sent.iter().zip(&verdicts) {
            let how = match verdict {
                Verdict::Kept => kept,
                Verdict::Refused(code) if !sent.heals => How::Rejected(*code),
                verdict => {
                    self.not_taken(replica, sent, *verdict)?;
                    continue;
                }
            };
            let Sent { map, path, hlc, .. } = sent.clone();
            settled.entry(map).or_default().push(Settled { path, hlc, how });
        }
        for (map, settled) in settled {
            replica.settle(&map, &settled)?;
            // Where everything was refused the server had nothing to keep, and waited for no disk.
            if settled.iter().any(|settled| settled.how == kept) {
                self.settled(replica, &map, kept, in_time)?;
            }
        }
        if later {
            self.pause(replica, Duration::ZERO, now);
        } else if in_time {
            self.pushes.retries.reset();
            self.pushes.size.grow();
        }
        for map in batch.maps() {
            self.after_ack(replica, &map, now);
        }
        Ok(())
    }

    /// A push is not under way any more.
    pub(super) fn landed(&mut self, batch: &Batch) {
        for sent in &batch.sent {
            if let Some(course) = self.courses.get_mut(&sent.map) {
                course.flying = course.flying.saturating_sub(1);
                course.healing = course.healing.saturating_sub(usize::from(sent.heals));
            }
        }
        for map in batch.maps() {
            if let Some(course) = self.courses.get_mut(&map) {
                course.acks += 1;
            }
        }
    }

    /// One operation was not taken, or was one that heals.
    fn not_taken(
        &mut self,
        replica: &mut impl Replica,
        sent: &Sent,
        verdict: Verdict,
    ) -> Result<(), Ended> {
        let Some(course) = self.courses.get_mut(&sent.map) else { return Ok(()) };
        match verdict {
            // The server has forgotten it as removed; so does this end.
            Verdict::Refused(code @ ErrorCode::BeyondGc) => {
                // It may be a write that the server has had in memory alone.
                let Sent { map, path, hlc, .. } = sent.clone();
                replica.settle(&map, &[Settled { path, hlc, how: How::Rejected(code) }])?;
                replica.forget(&map, &[path])?;
            }
            Verdict::Refused(_) | Verdict::Ahead if sent.heals => {
                if course.unwelcome.len() < UNWELCOME_MAX {
                    course.unwelcome.insert(sent.path);
                }
            }
            Verdict::Kept | Verdict::Refused(_) => {}
            Verdict::Ahead | Verdict::Later => {
                if sent.heals {
                    course.wanted.push_back(sent.path);
                } else if verdict == Verdict::Ahead && self.pushes.ahead.len() < AHEAD_MAX {
                    let write = (sent.map.clone(), sent.path, sent.hlc.clone());
                    self.pushes.ahead.push(write);
                }
                self.pushes.again.insert(sent.map.clone());
            }
        }
        Ok(())
    }

    fn settled(
        &mut self,
        replica: &mut impl Replica,
        map: &MapName,
        kept: How,
        in_time: bool,
    ) -> Result<(), Ended> {
        let Some(course) = self.courses.get_mut(map) else { return Ok(()) };
        match kept {
            // What was acknowledged before it in memory lies before it at the server.
            How::Durable if course.in_memory && in_time => {
                course.in_memory = false;
                replica.confirm(map)?;
            }
            How::InMemory => course.in_memory = true,
            How::Durable | How::Rejected(_) => {}
        }
        Ok(())
    }

    fn after_ack(&mut self, replica: &impl Replica, map: &MapName, now: Now) {
        self.advance(replica, map);
        let Some(course) = self.courses.get(map) else { return };
        let proof = course.in_memory || course.prove_at.is_some();
        let may = course.prove_at.is_none_or(|at| at <= now.at);
        if matches!(course.step, Step::Live) {
            let quiet = self.is_quiet(replica, map);
            if !replica.rejected(map, 1).is_empty() || (proof && may && quiet) {
                self.after_push(replica, map);
            }
        }
        if self.courses.get(map).is_some_and(|course| !course.wanted.is_empty()) {
            self.dirty(map);
            self.pushes.urgent = true;
        }
    }
}
