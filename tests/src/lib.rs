//! What the black-box suites share: servers to talk to, raw sockets, the house rules' measures.
//!
//! Nothing here knows the insides of a part: servers are reached over sockets, sources as text.

pub mod house;
