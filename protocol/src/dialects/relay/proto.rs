//! The messages of proto/relay.proto, as the build script generates them.
//!
//! Private: what the wire means and which bytes are taken is said in [`super::binary`].
#![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/relay/_.rs"));
