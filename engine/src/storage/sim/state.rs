//! The simulated machine: the directory, its files, the space left and the plan of faults.
//!
//! Carries each call out or fails it; what a call means to the seam's traits is told in `disk`.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, ErrorKind},
    ops::Range,
};

use super::{
    chance::Chance,
    content::Content,
    fate::Fate,
    names::{FileId, Names},
    plan::{Call, Fault, Leave, Plan},
};

/// Which syncs succeed without doing anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lie {
    /// None: the disk is honest.
    #[default]
    None,
    /// Those of files.
    Files,
    /// Those of the directory.
    Names,
}

/// What takes space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charge {
    /// A file's length, when it is created or grows: writes inside it always have room.
    #[default]
    Length,
    /// Every byte written, as on a file system that copies on write; creating is free.
    Writes,
}

#[derive(Clone, Debug)]
pub(super) struct State {
    chance: Chance,
    names: Names,
    files: Vec<Content>,
    plan: Plan,
    /// Bytes that can still be taken; without it there is always room.
    space: Option<u64>,
    charge: Charge,
    lie: Lie,
}

impl State {
    pub(super) fn new(seed: u64, files: BTreeMap<String, Vec<u8>>) -> Self {
        let names = files.keys().cloned().zip(0..).collect();
        Self {
            chance: Chance::new(seed),
            names: Names::on_device(names),
            files: files.into_values().map(Content::on_device).collect(),
            plan: Plan::default(),
            space: None,
            charge: Charge::default(),
            lie: Lie::default(),
        }
    }

    pub(super) fn plan(&mut self) -> &mut Plan {
        &mut self.plan
    }

    pub(super) fn lie(&mut self, lie: Lie) {
        self.lie = lie;
    }

    pub(super) fn limit_space(&mut self, bytes: Option<u64>, charge: Charge) {
        self.space = bytes;
        self.charge = charge;
    }

    pub(super) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.names
            .iter()
            .map(|(name, id)| (name.clone(), self.files[id].cached().to_vec()))
            .collect()
    }

    /// The files that are left when all that was not synced is lost.
    pub(super) fn on_device(&self) -> BTreeMap<String, Vec<u8>> {
        let names = self.names.after_cut(&Fate::LOSE_ALL).into_iter();
        names.map(|(name, id)| (name, self.files[id].after_cut(&Fate::LOSE_ALL))).collect()
    }

    pub(super) fn make_unreadable(&mut self, name: &str, range: Range<u64>) -> io::Result<()> {
        let id = self.find(name)?;
        self.files[id].make_unreadable(range);
        Ok(())
    }

    /// The machine as a new process finds it: the page cache is as it was.
    pub(super) fn after_kill(&self) -> Self {
        let mut state = self.clone();
        state.plan = self.plan.continued();
        state
    }

    /// The machine as it starts after a power cut.
    pub(super) fn after_power_cut(&self, seed: u64) -> Self {
        let steps: BTreeSet<u64> =
            self.files.iter().flat_map(Content::steps).chain(self.names.steps()).collect();
        let fate = Fate::new(seed, &steps.into_iter().collect::<Vec<_>>());
        Self {
            chance: Chance::new(seed),
            names: Names::on_device(self.names.after_cut(&fate)),
            files: self.files.iter().map(|file| file.cut(&fate)).collect(),
            plan: self.plan.continued(),
            ..self.clone()
        }
    }

    /// Counts a call that goes wholly or not at all; its step, or the error it is to have.
    pub(super) fn enter(&mut self, call: Call) -> io::Result<u64> {
        match self.plan.enter(call) {
            Leave::Go(step) => Ok(step),
            Leave::Fail(_, error) => Err(error),
            Leave::Part(..) | Leave::Dead => Err(dead()),
        }
    }

    pub(super) fn list(&mut self) -> io::Result<Vec<String>> {
        self.enter(Call::List)?;
        Ok(self.names.iter().map(|(name, _)| name.clone()).collect())
    }

    fn find(&self, name: &str) -> io::Result<FileId> {
        self.names.file(name).ok_or_else(|| ErrorKind::NotFound.into())
    }

    pub(super) fn open(&mut self, name: &str) -> io::Result<FileId> {
        self.enter(Call::Open)?;
        self.find(name)
    }

    pub(super) fn create(&mut self, name: &str, bytes: usize) -> io::Result<FileId> {
        let step = self.enter(Call::Create)?;
        if self.names.file(name).is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        if self.charge == Charge::Length {
            // All or nothing: a file without its space does not stay.
            if self.space.is_some_and(|space| space < bytes as u64) {
                return Err(io::Error::from_raw_os_error(Fault::ENOSPC));
            }
            self.take(bytes);
        }
        self.files.push(Content::zeros(step, bytes));
        let id = self.files.len() - 1;
        self.names.change(step, None, Some((name, id)));
        Ok(id)
    }

    /// Takes this much space, or what there is when that is less.
    fn take(&mut self, bytes: usize) -> usize {
        let Some(space) = &mut self.space else { return bytes };
        let taken = usize::try_from(*space).unwrap_or(usize::MAX).min(bytes);
        *space -= taken as u64;
        taken
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let step = self.enter(Call::Rename)?;
        let id = self.find(from)?;
        let gone = self.names.file(to);
        self.names.change(step, Some(from), Some((to, id)));
        self.give_back(gone);
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> io::Result<()> {
        let step = self.enter(Call::Remove)?;
        let id = self.find(name)?;
        self.names.change(step, Some(name), None);
        self.give_back(Some(id));
        Ok(())
    }

    fn give_back(&mut self, id: Option<FileId>) {
        if let (Some(id), Some(space)) = (id, &mut self.space) {
            *space += self.files[id].cached().len() as u64;
        }
    }

    pub(super) fn sync_dir(&mut self) -> io::Result<()> {
        match self.enter(Call::SyncDir) {
            Ok(_) if self.lie == Lie::Names => Ok(()),
            Ok(_) => {
                self.names.sync();
                Ok(())
            }
            Err(error) => {
                if !self.plan.is_dead() {
                    self.names.fail_sync();
                }
                Err(error)
            }
        }
    }

    pub(super) fn bytes(&self, id: FileId) -> io::Result<u64> {
        match self.plan.is_dead() {
            true => Err(dead()),
            false => Ok(self.files[id].cached().len() as u64),
        }
    }

    pub(super) fn read(&mut self, id: FileId, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.enter(Call::Read)?;
        self.files[id].read(buffer, offset)
    }

    pub(super) fn map(&mut self, id: FileId) -> io::Result<Vec<u8>> {
        self.enter(Call::Map)?;
        self.files[id].read_all()
    }

    pub(super) fn write(&mut self, id: FileId, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(|_| ErrorKind::FileTooLarge)?;
        let (step, allowed, outcome) = match self.plan.enter(Call::Write) {
            Leave::Go(step) => (step, bytes.len(), Ok(())),
            Leave::Part(step, part) => (step, part.min(bytes.len()), Err(dead())),
            // A write that fails may have got some way.
            Leave::Fail(step, error) => (step, self.chance.index(bytes.len() + 1), Err(error)),
            Leave::Dead => return Err(dead()),
        };
        let room = self.room_for(id, offset, allowed);
        self.files[id].write(step, &bytes[..room], offset);
        if outcome.is_ok() && room < bytes.len() {
            return Err(io::Error::from_raw_os_error(Fault::ENOSPC));
        }
        outcome
    }

    /// Takes the space for a write; tells how many of its bytes have some.
    fn room_for(&mut self, id: FileId, offset: usize, bytes: usize) -> usize {
        match self.charge {
            Charge::Writes => self.take(bytes),
            Charge::Length => {
                let inside = self.files[id].cached().len().saturating_sub(offset).min(bytes);
                inside + self.take(bytes - inside)
            }
        }
    }

    pub(super) fn sync(&mut self, id: FileId) -> io::Result<()> {
        match self.enter(Call::Sync) {
            Ok(_) if self.lie == Lie::Files => Ok(()),
            // As on the real disk: nobody will find these bytes again.
            Ok(_) if !self.names.has_file(id) => Err(ErrorKind::NotFound.into()),
            Ok(_) => {
                self.files[id].sync();
                Ok(())
            }
            Err(error) => {
                if !self.plan.is_dead() {
                    self.files[id].fail_sync(&mut self.chance);
                }
                Err(error)
            }
        }
    }
}

fn dead() -> io::Error {
    io::Error::other("the simulated process has ended")
}
