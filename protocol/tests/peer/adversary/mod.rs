//! A member that lies, and strangers: whole participants under attack. Each attack is refused, what it may
//! take of memory is bounded, and the honest ones still become equal.

mod floods;
mod forgeries;
mod griefing;
mod joining;
mod lies;
mod outsiders;
mod pretenders;
mod rights;
mod rows;
mod siege;
