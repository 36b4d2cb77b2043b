//! Sessions against a coordinator in memory, as their clients see them.

mod anew;
mod auth;
mod envelopes;
mod expiry;
mod follows;
mod lags;
mod limits;
mod once;
mod order;
mod random;
mod reads;
mod versions;
mod world;
mod writes;
