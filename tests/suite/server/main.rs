//! The server's edges: HTTP, WebSocket framing, deadlines, signals, sudden death. Knows bytes and
//! exit codes; nothing of the server's insides.

mod admin;
mod auth;
mod death;
mod demo;
mod flood;
mod frames;
mod load;
mod probes;
mod requests;
mod scarcity;
mod shutdown;
mod start;
mod tokens;
mod unfinished;
mod upgrade;
