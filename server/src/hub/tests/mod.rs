//! What the hub promises to dialects, shown with a small dialect of its own over real sockets.
//!
//! Knows the hub from inside where a moment has to be caught that no peer can see.

mod asks;
mod behind;
mod calls;
mod client;
mod failures;
mod keeping;
mod leaving;
mod lobby;
mod opening;
mod order;
mod preparing;
mod probe;
mod receipt;
mod relaying;
mod session;
mod slowness;
mod times;
mod watching;
mod world;
