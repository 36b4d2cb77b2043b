//! The engine with mistakes that a test can switch on: copied from `engine/src` and changed by the build
//! script, which lists them.

#![allow(clippy::all, reason = "the engine is judged where it lies")]

include!(concat!(env!("OUT_DIR"), "/engine/lib.rs"));

/// The mistakes.
pub mod seeds {
    use std::cell::Cell;

    include!(concat!(env!("OUT_DIR"), "/seeds.rs"));

    thread_local! {
        static PLANTED: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    /// Switches a mistake on, for this thread of the system, on which all threads of an explorer run.
    ///
    /// # Panics
    /// When the engine's sources have no place for it any more.
    pub fn plant(name: &str) {
        let (name, has_place) = *ALL.iter().find(|(known, _)| *known == name).expect("a mistake");
        assert!(
            has_place,
            "{name}: the engine has changed: change tests/schedules/seeded/build.rs"
        );
        PLANTED.set(Some(name));
    }

    pub(crate) fn is_planted(name: &str) -> bool {
        PLANTED.get() == Some(name)
    }
}
