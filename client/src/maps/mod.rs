//! A local-first client for the `maps` dialect: writes go to the local store and return, and what
//! the server and other clients have is reconciled with them behind that.

// Until the reconciler is driven over them.
#![allow(dead_code, unreachable_pub, unused_imports)]

mod clock;
mod local;
mod machine;
mod replica;
mod status;
mod watch;
