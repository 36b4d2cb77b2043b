//! Group commit, watermarks and indexes under an explorer of schedules: the engine's own sources on the
//! simulated disk, thousands of schedules each, chosen by a seed, and on request all with few preemptions.

#![allow(clippy::duplicate_mod, reason = "the scenarios run on two builds of the engine")]

mod explore;
mod images;
mod seeded;
mod sound;
