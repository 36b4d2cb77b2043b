//! Rows: their order, their JSON, and the replica against a plain model, gaps, power cuts and all.

mod answers;
mod any;
mod bounds;
mod digests;
mod gaps;
mod json;
mod laws;
mod model;
mod sweeps;
