//! Who may change groups, roles and members: judged row by row, before anything is merged.
//!
//! Knows rows and names; no packet, no store and no clock.

mod author;
mod document;
mod guard;
mod permissions;
mod roles;
mod settings;

pub use author::{Signed, sign, signed_bytes, verify};
pub use guard::{Verdict, Why, is_guarded, judge};
pub use permissions::{Permission, Permissions};
pub use roles::{Access, Founding, ROLES_PER_MEMBER_MAX, Standing};
pub use settings::{GroupSettings, INVITES_MAX, Invite};
