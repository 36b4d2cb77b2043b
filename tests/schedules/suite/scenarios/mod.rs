//! What threads do in one schedule, and what must hold in each.

pub(crate) mod commits;
pub(crate) mod creates;
pub(crate) mod logs;
pub(crate) mod maps;
pub(crate) mod poison;
pub(crate) mod upkeep;
mod world;

use super::engine;
