//! The messages of proto/coordinator.proto, as the build script generates them.
//!
//! What the wire means and which bytes are taken is said elsewhere in this dialect.
#![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/coordinator/_.rs"));
