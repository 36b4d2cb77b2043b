//! What is to go wrong on the simulated disk, and when.
//!
//! Counts calls; knows nothing of names or bytes.

use std::io;

use rustix::io::Errno;

/// A call of the seam, for counting and failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// `Disk::lock`.
    Lock,
    /// `Disk::list`.
    List,
    /// `Disk::open`.
    Open,
    /// `Disk::create`.
    Create,
    /// `Disk::rename`.
    Rename,
    /// `Disk::remove`.
    Remove,
    /// `Disk::sync_dir`.
    SyncDir,
    /// `File::read_at`.
    Read,
    /// `File::write_at`.
    Write,
    /// `File::sync`.
    Sync,
    /// `File::map`.
    Map,
}

impl Call {
    const COUNT: usize = 11;

    /// Whether it changes what a crash would leave: these are the steps of a workload.
    pub fn is_step(self) -> bool {
        match self {
            Self::Lock | Self::List | Self::Open | Self::Read | Self::Map => false,
            Self::Create | Self::Rename | Self::Remove => true,
            Self::SyncDir | Self::Write | Self::Sync => true,
        }
    }
}

/// A failure to come.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The call that fails.
    pub call: Call,
    /// How many of these calls succeed before, counted from now.
    pub after: u64,
    /// How many fail then.
    pub times: u64,
    /// The error's number: [`Fault::EIO`] or [`Fault::ENOSPC`], for example.
    pub errno: i32,
}

impl Fault {
    /// The device failed.
    pub const EIO: i32 = Errno::IO.raw_os_error();
    /// The disk is full.
    pub const ENOSPC: i32 = Errno::NOSPC.raw_os_error();
}

/// Where the process ends.
#[derive(Clone, Copy, Debug)]
struct Stop {
    steps: u64,
    bytes: usize,
}

/// What a call may do.
pub(super) enum Leave {
    /// All it was asked for, as this step.
    Go(u64),
    /// A write only its first bytes, then the process is gone.
    Part(u64, usize),
    /// It fails.
    Fail(u64, io::Error),
    /// The process is gone.
    Dead,
}

/// The plan and how far it has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    steps: u64,
    calls: [u64; Call::COUNT],
    stop: Option<Stop>,
    is_dead: bool,
    faults: Vec<Fault>,
}

impl Plan {
    /// The plan of the next process: nothing is to go wrong, and its steps are later ones.
    pub(super) fn continued(&self) -> Self {
        Self { steps: self.steps, ..Self::default() }
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    pub(super) fn calls(&self, call: Call) -> u64 {
        self.calls[call as usize]
    }

    pub(super) fn is_dead(&self) -> bool {
        self.is_dead
    }

    pub(super) fn stop_after(&mut self, steps: u64, bytes: usize) {
        self.stop = Some(Stop { steps, bytes });
    }

    pub(super) fn fail(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) fn heal(&mut self) {
        self.faults.clear();
    }

    /// Counts a call and says what may come of it.
    pub(super) fn enter(&mut self, call: Call) -> Leave {
        if self.is_dead {
            return Leave::Dead;
        }
        let mut part = None;
        if call.is_step() {
            if let Some(stop) = self.stop
                && self.steps >= stop.steps
            {
                self.is_dead = true;
                if call != Call::Write || stop.bytes == 0 {
                    return Leave::Dead;
                }
                part = Some(stop.bytes);
            }
            self.steps += 1;
        }
        self.calls[call as usize] += 1;
        match (self.due(call), part) {
            (_, Some(bytes)) => Leave::Part(self.steps, bytes),
            (Some(errno), None) => Leave::Fail(self.steps, io::Error::from_raw_os_error(errno)),
            (None, None) => Leave::Go(self.steps),
        }
    }

    /// The error that is due for this call, if any. Every fault counts the call.
    fn due(&mut self, call: Call) -> Option<i32> {
        let mut errno = None;
        for fault in self.faults.iter_mut().filter(|fault| fault.call == call) {
            if fault.after > 0 {
                fault.after -= 1;
            } else if fault.times > 0 {
                fault.times -= 1;
                errno = errno.or(Some(fault.errno));
            }
        }
        errno
    }
}
