//! Whether a map is what the server has, and what is done when it is not.

use std::time::Duration;

use syncline_protocol::dialects::maps::{
    fingerprint,
    proto::{SyncResponse, sync_response::Status},
};

use super::{
    super::replica::{MapName, Replica},
    Ended, Event, Machine, Now,
    asked::Asked,
    course::{Course, Reading, Repair, Step},
};

impl Machine {
    /// Somebody wants to know that all maps are the server's from now on. What is to be told to
    /// [`Machine::is_proved`].
    pub(crate) fn ask_proof(&mut self, replica: &impl Replica) -> u64 {
        for map in self.courses.keys().cloned().collect::<Vec<_>>() {
            let Some(course) = self.courses.get_mut(&map) else { continue };
            course.prove_behind = self.number;
            if matches!(course.step, Step::Live) {
                self.after_push(replica, &map);
            }
        }
        self.number
    }

    /// Whether a map was proved equal on this connection since [`Machine::ask_proof`], and nothing was
    /// missed since.
    pub(crate) fn is_proved(&self, map: &str, behind: u64) -> bool {
        let equal = |course: &Course| course.equal && course.proved > behind;
        self.is_online() && self.courses.get(map).is_some_and(equal)
    }

    /// Compares the root hashes at the end of a reading. They say something only if nothing was on its
    /// way when it was asked, nor is now, nor was acknowledged meanwhile.
    pub(super) fn prove(
        &mut self,
        replica: &mut impl Replica,
        asked: &Asked,
        response: &SyncResponse,
        now: Now,
    ) -> Result<(), Ended> {
        let map = &asked.map;
        let quiet = asked.quiet && self.is_quiet(replica, map);
        let Some(course) = self.courses.get_mut(map) else { return Ok(()) };
        let comparable = quiet && course.acks == asked.acks;
        let Some(index) = replica.index(map).filter(|_| comparable) else {
            self.prove_later(replica, map, now);
            return Ok(());
        };
        if response.status == Status::InSync as i32
            || *response.root_hash == fingerprint(&index.root())
        {
            return self.equal(replica, asked, now);
        }
        if response.root_hash.len() == 16 {
            self.differs(replica, map, response.count, now);
        } else {
            self.live(map, now);
        }
        Ok(())
    }

    /// A map is proved to be what the server has.
    pub(super) fn equal(
        &mut self,
        replica: &mut impl Replica,
        asked: &Asked,
        now: Now,
    ) -> Result<(), Ended> {
        let map = &asked.map;
        let Some(course) = self.courses.get_mut(map) else { return Ok(()) };
        course.proved = asked.number;
        let is_new = course.proved > course.prove_behind;
        (course.repairs, course.resets, course.prove_at) = (0, 0, None);
        course.waits.reset();
        course.retries.reset();
        course.proofs.reset();
        if std::mem::take(&mut course.in_memory) {
            replica.confirm(map)?;
        }
        if !std::mem::replace(&mut course.equal, true) {
            self.tell(Event::Equal(map.clone()));
        }
        if is_new {
            self.live(map, now);
        } else {
            self.after_push(replica, map);
        }
        Ok(())
    }

    /// Writes are on their way: the comparison comes when they have arrived.
    fn prove_later(&mut self, replica: &impl Replica, map: &MapName, now: Now) {
        let random = self.chance.next();
        let Some(course) = self.courses.get_mut(map) else { return };
        course.prove_at = Some(now.at + course.proofs.after(Duration::ZERO, random));
        if replica.rejected(map, 1).is_empty() {
            self.live(map, now);
        } else {
            self.after_push(replica, map);
        }
    }

    /// A map is not what the server has: each repair finds out in another way where.
    pub(super) fn differs(&mut self, replica: &impl Replica, map: &MapName, theirs: u64, now: Now) {
        let peer = self.link.peer();
        let (ranges, cursors) = peer.map_or((false, false), |peer| (peer.ranges, peer.cursors));
        let Some(course) = self.courses.get_mut(map) else { return };
        course.equal = false;
        let ways = [
            (ranges && !course.without_ranges).then_some(Way::Ranges),
            Some(Way::Buckets),
            (cursors && !course.without_cursor).then_some(Way::All),
        ];
        let way = ways.into_iter().flatten().nth(course.repairs as usize);
        course.repairs += 1;
        match way {
            Some(Way::Ranges) => self.go(map, Step::Repair(Repair::Ranges(Box::default()))),
            Some(Way::Buckets) => {
                let walk = self.walk(replica, map, theirs);
                self.go(map, Step::Repair(Repair::Buckets(Box::new(walk))));
            }
            Some(Way::All) => {
                course.reading = None;
                self.go(map, Step::Pull(Reading::All));
            }
            None => self.unequal(map, now),
        }
    }

    /// Repairs have brought nothing: the next ones come after a long wait.
    pub(super) fn unequal(&mut self, map: &MapName, now: Now) {
        if let Some(course) = self.courses.get_mut(map) {
            course.repairs = 0;
        }
        self.tell(Event::Unequal(map.clone()));
        self.wait_long(map, now);
    }
}

/// How two replicas that differ are made equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Ranges,
    Buckets,
    All,
}
