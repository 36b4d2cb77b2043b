//! The rooms of a coordinator in memory: asked, watched, dropped and made anew.
//!
//! Knows no session but by its number.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::disk::{Changes, Disk, Noted};
use crate::{
    dialect::{
        Collections as _, Dialect as _, Member, Notices, Room as _, Unanswered, UnixMillis,
        memory::{Effect, Memory, Seen},
    },
    dialects::maps::{Answer, Change, Command, Maps, Room, Window},
};

/// What a room is answered with, or why it is not.
pub(super) type Outcome = Result<Answer, Unanswered>;

/// What came of one command.
pub(super) struct Applied {
    /// The answer, and whether it does not wait for the device.
    pub(super) answer: Option<(Outcome, bool)>,
    pub(super) changes: Changes,
    pub(super) notices: Vec<Change>,
}

/// One room: what it keeps, who watches it, and the changes that are being gathered.
#[derive(Default)]
struct Kept {
    disk: Disk,
    room: Option<Room>,
    watchers: BTreeSet<u64>,
    gathered: Vec<Change>,
    next_window: u64,
    broken: Option<Unanswered>,
    delay_ms: u64,
}

/// All rooms, by their names.
pub(super) struct Rooms {
    maps: Maps,
    rooms: BTreeMap<String, Kept>,
}

impl Rooms {
    pub(super) fn new(maps: Maps) -> Self {
        Self { maps, rooms: BTreeMap::new() }
    }

    fn kept(&mut self, name: &str) -> &mut Kept {
        if !self.rooms.contains_key(name) {
            self.rooms.insert(name.into(), Kept::default());
        }
        self.rooms.get_mut(name).unwrap_or_else(|| unreachable!("it was just put there"))
    }

    /// Asks a room, which is made of what it keeps if it is not in memory.
    pub(super) fn ask(
        &mut self,
        name: &str,
        from: Member,
        command: Command,
        now: UnixMillis,
    ) -> Applied {
        let maps = self.maps;
        let kept = self.kept(name);
        let nothing = |why| Applied {
            answer: Some((Err(why), false)),
            changes: Changes::default(),
            notices: Vec::new(),
        };
        if let Some(why) = kept.broken {
            return nothing(why);
        }
        let memory = &mut kept.disk.memory;
        let room = match kept.room.as_mut() {
            Some(room) => room,
            None => match open(maps, name, memory) {
                Ok(room) => kept.room.insert(room),
                Err(why) => return nothing(why),
            },
        };
        let mut seen = Seen::default();
        let mut noted = Noted { memory, changes: Changes::default() };
        if room.apply(from, command, now, &mut noted, &mut seen).is_err() {
            return nothing(Unanswered::Unreadable);
        }
        let mut applied = Applied { answer: None, changes: noted.changes, notices: Vec::new() };
        for effect in seen.0 {
            match effect {
                Effect::Answer(answer) => applied.answer = Some((Ok(answer), false)),
                Effect::AnswerEarly(answer) => applied.answer = Some((Ok(answer), true)),
                Effect::Notify(change) => applied.notices.push(change),
                Effect::Refuse { .. } => {
                    applied.answer = Some((Err(Unanswered::RoomFull), false));
                }
                _ => {}
            }
        }
        applied
    }

    /// What every room in memory wants to do by itself.
    pub(super) fn due(&self, now: UnixMillis) -> Vec<(String, Command)> {
        let due =
            |(name, kept): (&String, &Kept)| Some((name.clone(), kept.room.as_ref()?.due(now)?));
        self.rooms.iter().filter_map(due).collect()
    }

    /// What a command changed has come to the device.
    pub(super) fn sync(&mut self, name: &str, changes: Changes) {
        self.kept(name).disk.sync(changes);
    }

    /// Gathers what became visible; when a window is to be made of it, unless one is to be made already.
    pub(super) fn gather(&mut self, name: &str, notices: Vec<Change>, now: u64) -> Option<u64> {
        let kept = self.kept(name);
        let waits = !kept.gathered.is_empty();
        kept.gathered.extend(notices);
        (!waits && !kept.gathered.is_empty()).then(|| kept.next_window.max(now))
    }

    /// What was gathered, and who is told.
    pub(super) fn window(&mut self, name: &str, now: u64) -> Option<(Notices<Window>, Vec<u64>)> {
        let maps = self.maps;
        let kept = self.kept(name);
        kept.next_window = now + maps.window().as_millis() as u64;
        let window = maps.gather(name, std::mem::take(&mut kept.gathered))?;
        let watchers = kept.watchers.iter().copied().collect();
        Some((Notices { room: Arc::from(name), window }, watchers))
    }

    pub(super) fn watch(&mut self, name: &str, session: u64) {
        self.kept(name).watchers.insert(session);
    }

    pub(super) fn unwatch(&mut self, name: &str, session: u64) {
        self.kept(name).watchers.remove(&session);
    }

    /// How many watch a room.
    pub(super) fn watchers(&self, name: &str) -> usize {
        self.rooms.get(name).map_or(0, |kept| kept.watchers.len())
    }

    /// A session is gone.
    pub(super) fn forget(&mut self, session: u64) {
        for kept in self.rooms.values_mut() {
            kept.watchers.remove(&session);
        }
    }

    /// Drops all rooms; with a cut, also what has not come to the device.
    pub(super) fn drop_all(&mut self, cut: bool) {
        for kept in self.rooms.values_mut() {
            if cut {
                kept.disk.cut();
            } else {
                kept.disk.sync_all();
            }
            kept.room = None;
            kept.watchers.clear();
            kept.gathered.clear();
            kept.next_window = 0;
        }
    }

    /// From now on a room answers nothing but this, or everything again.
    pub(super) fn break_room(&mut self, name: &str, why: Option<Unanswered>) {
        self.kept(name).broken = why;
    }

    /// From now on what is asked of a room comes to it so much later.
    pub(super) fn delay(&mut self, name: &str, delay_ms: u64) {
        self.kept(name).delay_ms = delay_ms;
    }

    pub(super) fn delay_ms(&self, name: &str) -> u64 {
        self.rooms.get(name).map_or(0, |kept| kept.delay_ms)
    }

    /// What a room has on the device.
    pub(super) fn device(&self, name: &str) -> Option<&Memory> {
        self.rooms.get(name).map(|kept| kept.disk.device())
    }
}

fn open(maps: Maps, name: &str, memory: &Memory) -> Result<Room, Unanswered> {
    let mut room = maps.room(name);
    let prepared = maps
        .prepare(name, &mut |map, each| memory.entries(map, |key, value| each(key, value)))
        .map_err(|_| Unanswered::Unreadable)?;
    if let Some(prepared) = prepared {
        room.take_prepared(prepared);
    }
    Ok(room)
}
