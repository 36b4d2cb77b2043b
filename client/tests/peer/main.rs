//! Peers through the public interface of the client: over a relay in memory, and over a real server.

mod cuts;
mod example;
mod group;
mod identity;
mod invites;
mod server;
mod slow;
mod world;
