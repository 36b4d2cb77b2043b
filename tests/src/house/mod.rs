//! What the house rules are judged with: sources as text, their measures, lists of exceptions.
//!
//! Knows Rust's surface (comments, strings, braces) and the folders of this workspace; nothing of
//! what the code does.

pub mod cycles;
pub mod habits;
pub mod imports;
pub mod manifests;
pub mod measure;
pub mod places;
pub mod ratchet;
pub mod source;
pub mod tables;
pub mod tree;
pub mod words;
