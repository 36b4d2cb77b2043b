//! A local-first client for the `maps` dialect: writes go to the local store and return, and what
//! the server and other clients have is reconciled with them behind that.

// Until the client over the engine uses it.
#[allow(dead_code)]
mod replica;
