//! Dependencies run one way; the engine has no dialect, the protocol no I/O, `unsafe` one file.

use syncline_tests::house::{
    imports::{FORBIDDEN, UNSAFE, forbidden, unsafe_places},
    manifests::{DEPENDENCY, judge_crate},
    tree::crates,
};

use crate::hold;

/// The one file of a crate that may hold `unsafe`: the disk's memory maps, and the peer whose opening is unsafe.
const UNSAFE_FILES: &[(&str, &str)] =
    &[("engine", "src/storage/real.rs"), ("bench", "peers/src/engines/lmdb.rs")];

#[test]
fn dependencies_run_one_way() {
    let findings: Vec<_> = crates().iter().flat_map(judge_crate).collect();
    hold(&[DEPENDENCY], &findings);
}

#[test]
fn no_part_names_what_it_must_not_know() {
    let crates = crates();
    let sources = crates.iter().flat_map(|c| &c.sources);
    let findings: Vec<_> = sources.flat_map(forbidden).collect();
    hold(&[FORBIDDEN], &findings);
}

#[test]
fn unsafe_stands_in_one_file_with_its_reason() {
    let crates = crates();
    let findings: Vec<_> = crates
        .iter()
        .flat_map(|c| {
            let allowed = UNSAFE_FILES.iter().find(|(folder, _)| *folder == c.folder);
            unsafe_places(&c.folder, allowed.map(|(_, file)| *file), &c.sources)
        })
        .collect();
    hold(&[UNSAFE], &findings);
}
