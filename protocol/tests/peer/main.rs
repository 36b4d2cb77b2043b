//! The peer dialect, through what it offers to others.

mod access;
mod adversary;
mod crypto;
mod dice;
mod invites;
mod legacy;
mod participants;
mod relay;
mod rows;
mod simulation;
mod sync;
