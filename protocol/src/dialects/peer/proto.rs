//! The message of proto/p2p_packet.proto, as the build script generates it.
//!
//! What the wire means and which bytes are taken is said elsewhere in this dialect.
#![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/p2p_packet/_.rs"));
