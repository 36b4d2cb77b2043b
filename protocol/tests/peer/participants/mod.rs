//! Participants together: what each check of the dossier asks of the machine.

mod basics;
mod cuts;
mod deletions;
mod doubts;
mod elections;
mod founding;
mod gaps;
mod invites;
mod keys;
mod ladder;
mod member;
mod pieces;
mod restarts;
mod rights;
pub(crate) mod rogue;
mod signatures;
mod vault;
pub(crate) mod world;
