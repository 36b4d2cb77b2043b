//! An answer with operations on its way into the machine, piece by piece: whatever arrived before
//! the connection broke is kept. Knows the scanner and the machine's steps; nothing of sockets.

use super::{
    core::Core,
    error::SyncError,
    machine::Came,
    op,
    settings::Settings,
    wire::{Head, Scanner},
};

/// The longest generation key that is taken, in bytes.
const GENERATION_BYTES_MAX: usize = 1 << 10;

/// What an answer is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// What is your dataset?
    Bootstrap,
    /// What is behind this serverSeq?
    Pull(u64),
}

/// An answer that is not whole yet.
#[derive(Debug)]
pub(super) struct Reading {
    question: Question,
    /// The epoch in which this is an answer.
    epoch: u64,
    scanner: Scanner,
    /// Whether it is known which dataset this is of.
    begun: bool,
    /// Operations that the machine does not have yet.
    held: Vec<Came>,
    held_bytes: usize,
    held_bytes_max: usize,
}

impl Reading {
    pub(super) fn new(question: Question, epoch: u64, settings: &Settings) -> Self {
        Self {
            question,
            epoch,
            scanner: Scanner::new(settings.snapshot_bytes_max, settings.op_bytes_max),
            begun: false,
            held: Vec::new(),
            held_bytes: 0,
            // Beside what one piece brings: only an answer whose key comes last gets near to it.
            held_bytes_max: settings.snapshot_bytes_max.saturating_add(settings.op_bytes_max),
        }
    }

    /// Parses the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<(), SyncError> {
        self.scanner.feed(piece)?;
        for json in self.scanner.take_ops() {
            self.held_bytes = self.held_bytes.saturating_add(json.len());
            self.held.push(read_op(json)?);
        }
        if self.held_bytes > self.held_bytes_max {
            return Err(SyncError::TooLarge("operations before their generation key"));
        }
        Ok(())
    }

    /// Hands over what is whole. False when this is no answer any more.
    pub(super) fn take_in(&mut self, core: &mut Core) -> Result<bool, SyncError> {
        if core.epoch() != self.epoch {
            return Ok(false);
        }
        if !self.begun
            && let Some(head) = self.scanner.head().and_then(|head| Head::read(&head))
            && (head.snapshot.is_some() || self.question != Question::Bootstrap)
        {
            self.begin(head, core)?;
        }
        if self.begun && !self.held.is_empty() {
            self.held_bytes = 0;
            core.came(std::mem::take(&mut self.held))?;
        }
        Ok(true)
    }

    /// The answer has ended.
    pub(super) fn end(mut self, core: &mut Core) -> Result<(), SyncError> {
        if core.epoch() != self.epoch {
            return Ok(());
        }
        let around = std::mem::replace(&mut self.scanner, Scanner::new(0, 0)).into_around();
        let head = read_head(&around)?;
        let server_seq =
            head.server_seq.ok_or(SyncError::Violation("an answer without serverSeq"))?;
        if !self.begun {
            self.begin(head, core)?;
        }
        core.came(self.held)?;
        let since = match self.question {
            Question::Bootstrap => 0,
            Question::Pull(since) => since,
        };
        core.caught_up(since, server_seq)
    }

    fn begin(&mut self, head: Head, core: &mut Core) -> Result<(), SyncError> {
        let head = check(head)?;
        core.answered();
        match self.question {
            Question::Bootstrap => core.bootstrapped(head)?,
            Question::Pull(_) => core.migrated(&head.dataset_generation_key)?,
        }
        (self.begun, self.epoch) = (true, core.epoch());
        Ok(())
    }
}

fn read_op(json: Vec<u8>) -> Result<Came, SyncError> {
    let unreadable = SyncError::Violation("an operation that is none");
    let Ok((actor, clock, Some(server_seq))) = op::decode_name(&json) else {
        return Err(unreadable);
    };
    Ok(Came { actor, clock, server_seq, json: json.into() })
}

/// Reads what stands around the operations of an answer.
pub(super) fn read_head(around: &[u8]) -> Result<Head, SyncError> {
    check(Head::read(around).ok_or(SyncError::Violation("an answer of another service"))?)
}

fn check(head: Head) -> Result<Head, SyncError> {
    let fits = head.dataset_generation_key.len() <= GENERATION_BYTES_MAX;
    if fits { Ok(head) } else { Err(SyncError::TooLarge("a generation key")) }
}
