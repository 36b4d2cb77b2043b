//! A room with an original client in it, which speaks version 1: what it can do, and what it cannot.

mod attacks;
mod client;
mod keys;
mod living;
mod room;
mod wire;
