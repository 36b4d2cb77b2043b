//! The engine from outside: models, crashes, damage. One module per question; knows the engine's
//! public API and the simulated disk, never a server.

mod backup;
mod compacted;
mod compaction;
mod crash;
mod crowd;
mod damage;
mod io_faults;
mod kernel;
mod midway;
mod panics;
mod property;
mod read_only;
mod recovery;
mod revenants;
mod salvage;
mod seeded;
mod shrunk;
mod sizes;
mod slow;
mod snapshot;
mod snapshot_faults;
mod snapshot_writers;
mod strangers;
mod threads;
mod torn;
mod upkeep;
mod verify;
mod world;
