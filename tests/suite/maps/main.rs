//! The maps dialect, from outside: over real sockets, against the whole server.

mod door;
mod smoke;
