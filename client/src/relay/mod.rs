//! A client of the `relay` dialect: an end-to-end encrypted document through a blind server.

mod change_id;
mod hex;
mod machine;
mod seal;
mod secret;

pub use change_id::{ChangeId, Origin};
pub use machine::{Handled, Kept, Seen};
pub use seal::{Form, OpenError, SealError, Sealer};
pub use secret::{RandomError, Secret};
