//! Group commit, watermarks and indexes under an explorer of schedules: the engine's own sources on the
//! simulated disk, thousands of schedules each, chosen by a seed, and on request all with few preemptions.

mod explore;
mod images;
mod sound;
