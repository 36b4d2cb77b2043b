//! The `maps` dialect: maps of opaque values, written offline and merged by the last writer's clock.

pub mod proto;
