//! How a stranger who has a code becomes a member: shown in an invite room, redeemed in a data room.
//!
//! The joiner lives in the invite room. The host lives in the data room, whose rows it checks the code
//! against and where the other hosts hear of it; the invite room only carries question and answer.

mod claims;
mod code;
mod grants;
mod group;
mod host;
mod joiner;
mod locks;
mod refusals;
mod request;
mod tries;

pub use code::{CODE_BYTES_MAX, is_same_code, new_code};
pub use grants::{GRANT_MINUTES, GRANTS_MAX, Grants};
pub use group::Group;
pub use host::{Asked, CLAIMS_MAX, Decision, Host, Redeem};
pub use joiner::{Ask, JOIN_TIMEOUT, Joiner, Outcome, RETRY_AFTER};
pub use locks::{FAILURES_MAX, IDENTITIES_MAX, LOCK_FOR};
pub use refusals::{REFUSAL, REFUSALS_MAX, Refusal, Refusals};
pub use request::{ClaimKey, RequestKey, Shown};
pub use tries::{Permit, Tries};
