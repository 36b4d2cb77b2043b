//! What threads do in one schedule, and what must hold in each.

mod commits;
mod creates;
mod logs;
mod maps;
mod poison;
mod world;

use super::engine;
