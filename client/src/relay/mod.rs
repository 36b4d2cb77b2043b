//! A client of the `relay` dialect: an end-to-end encrypted document through a blind server.

mod hex;
mod seal;
mod secret;

pub use seal::{Form, OpenError, SealError, Sealer};
pub use secret::{RandomError, Secret};
