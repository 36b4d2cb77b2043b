//! One round of rewriting: copy what is live of the victims, make it durable, switch the indexes.
//!
//! Whatever fails before the switch leaves the store as it was, but for a file that is removed.

use super::{
    cold::Cold,
    copy::{Copied, Copy},
    moves::Victims,
};
use crate::{
    error::Error,
    format::header::{COLD, segment_name},
    kept::Maintenance,
    shared::Shared,
};

/// Slots that compaction leaves to history.
const SLOTS_LEFT: usize = 64;

/// What became of the victims.
struct Switched {
    /// Bytes of frames that were moved; `None` when nothing was live.
    bytes: Option<u64>,
    /// Whether nothing in them is live now.
    is_whole: bool,
    /// Whether frames were copied and no index wanted one of them.
    in_vain: bool,
}

impl Shared {
    /// Rewrites the segments in these slots, whose frames are then dead. Returns the bytes of frames
    /// that were moved.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a live frame that is damaged: its segment is left as it is from then on.
    /// [`Error::Full`], [`Error::Io`], [`Error::Closed`], [`Error::Poisoned`]. [`Error::Rejected`] when
    /// the store has too many segments.
    pub(crate) fn rewrite(
        &self,
        files: &mut Maintenance,
        slots: &[u16],
        is_urgent: bool,
    ) -> Result<u64, Error> {
        let victims: Victims = slots
            .iter()
            .filter_map(|slot| Some((*slot, self.frames.segments.at(*slot).ok()?.keep())))
            .collect();
        let (number, slot) = (files.next_cold, self.frames.segments.take_slot(SLOTS_LEFT));
        let Some(slot) = slot else {
            return Err(Error::rejected("no slot is left for a cold segment: use larger segments"));
        };
        files.next_cold += 1;
        let rate = (!is_urgent).then_some(self.options.compaction_bytes_per_second);
        let begin = || Cold::create(self, number, slot, rate);
        let copied = Copy::new(self, &victims, &begin).all();
        let done = copied.and_then(|copied| self.switch(copied, &victims));
        match &done {
            // Either all of it was replaced just now, or the indexes hold what cannot be, which only a
            // forged file brings about: trying it again and again would never end.
            Ok(Switched { in_vain: true, .. }) => {
                files.damaged.extend(victims.values().map(|victim| victim.id()));
            }
            Ok(Switched { is_whole: true, .. }) => {
                files.emptied.extend(victims.values().map(|victim| victim.id()));
            }
            _ => {}
        }
        match done {
            Ok(Switched { bytes: Some(bytes), .. }) => return Ok(bytes),
            Ok(_) => {}
            Err(_) => {
                // If it stays, the next opening removes it: no snapshot lists it.
                let _ = self.disk.remove(&segment_name(COLD | number));
            }
        }
        self.frames.segments.give_slot(slot);
        if let Err(Error::Corrupt { segment, .. }) = &done {
            files.damaged.insert(*segment);
        }
        done.map(|_| 0)
    }

    /// Points the indexes to what was copied, once that is durable.
    fn switch(&self, copied: Copied<'_>, victims: &Victims) -> Result<Switched, Error> {
        let (mut is_whole, mut bytes, mut in_vain) = (copied.is_whole, None, false);
        if let Some(cold) = copied.cold {
            bytes = Some(cold.frame_bytes());
            let segment = cold.finish()?;
            for moves in &copied.moves {
                is_whole &= moves.switch(self, victims, &segment);
            }
            in_vain = segment.live_bytes() == 0;
        }
        if is_whole {
            // What is still counted could not be read when it was let go of.
            victims.values().for_each(|victim| victim.set_live(0));
        }
        Ok(Switched { bytes, is_whole, in_vain })
    }
}
