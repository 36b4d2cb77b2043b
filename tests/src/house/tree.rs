//! The workspace's files: which crates there are, their manifests and sources.
//!
//! Reads folders; judges nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::source::Source;

/// One package of the workspace.
#[derive(Debug, Clone)]
pub struct Crate {
    /// Its folder's name, such as `engine`.
    pub folder: String,
    /// Its manifest, parsed.
    pub manifest: toml::Table,
    /// Its sources, in the order of their paths.
    pub sources: Vec<Source>,
}

/// The workspace's root folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a package lies in a folder").into()
}

/// Every member of the workspace.
///
/// # Panics
/// When a manifest or a source cannot be read.
#[must_use]
pub fn crates() -> Vec<Crate> {
    let workspace = manifest(&root());
    let members = workspace["workspace"]["members"].as_array().expect("a list of members");
    members.iter().map(|m| load(m.as_str().expect("a member is a folder's name"))).collect()
}

/// Every file below a folder of the workspace whose name ends like one of `endings`, without build
/// outputs; paths below the workspace.
#[must_use]
pub fn files(folder: &str, endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let built = name == "target" && folder.join("Cargo.toml").exists();
            if path.is_dir() && !built && !name.starts_with(".git") {
                folders.push(path);
            } else if endings.iter().any(|e| name.ends_with(e)) {
                let below = path.strip_prefix(root()).expect("found below the root");
                found.push(below.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

/// The text of a file of the workspace.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Whether a path below a crate's folder holds nothing but tests, benches or examples.
#[must_use]
pub fn is_test_path(path: &str) -> bool {
    let folders = ["tests", "benches", "examples", "fuzz", "suite"];
    let name = path.rsplit('/').next().unwrap_or(path);
    path.split('/').any(|part| folders.contains(&part))
        || ["test.rs", "tests.rs"].contains(&name)
        || name.ends_with("_test.rs")
        || name.ends_with("_tests.rs")
}

fn load(folder: &str) -> Crate {
    // A workspace of its own inside a package is no part of it.
    let manifests = files(folder, &["Cargo.toml"]);
    let inner: Vec<&str> = manifests
        .iter()
        .filter_map(|path| path.strip_suffix("Cargo.toml"))
        .filter(|path| path.trim_end_matches('/') != folder)
        .collect();
    let sources = files(folder, &[".rs"])
        .iter()
        .filter(|path| !inner.iter().any(|i| path.starts_with(i)))
        .map(|path| {
            let below = path.strip_prefix(&format!("{folder}/")).expect("below its crate");
            Source::new(path, &read(path), is_test_path(below))
        })
        .collect();
    Crate { folder: folder.into(), manifest: manifest(&root().join(folder)), sources }
}

fn manifest(folder: &Path) -> toml::Table {
    let path = folder.join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{crates, is_test_path};

    #[test]
    fn every_member_has_sources() {
        let crates = crates();
        assert!(crates.iter().any(|c| c.folder == "engine"));
        for member in crates {
            assert!(!member.sources.is_empty(), "{} has no source", member.folder);
        }
    }

    #[test]
    fn suites_and_examples_are_tests() {
        assert!(is_test_path("suite/relay/main.rs") && is_test_path("examples/quickstart.rs"));
        assert!(is_test_path("src/segment/tests.rs"));
        assert!(!is_test_path("src/contest.rs") && !is_test_path("src/contests.rs"));
    }
}
