//! The engine as it is: every scenario holds in every schedule tried.

use syncline_engine_explored as engine;

#[path = "scenarios/mod.rs"]
mod scenarios;
