//! The whiteboard of `syncline serve --demo`, used as people use it: in a real browser.
//!
//! Where there is no browser the tests say so and end; see `tests/src/browser/mod.rs`.

mod board;
