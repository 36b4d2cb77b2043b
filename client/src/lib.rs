//! Rust clients for the sync dialects of Syncline.
//!
//! One module per dialect. Nothing here knows how the server is built; the clients meet it only
//! through its wire, which `syncline-protocol` describes.
#![forbid(unsafe_code)]

pub mod relay;
