//! Which package may depend on which, as the manifests say it.
//!
//! Knows the names of our packages and of those that would bring in what a part must not have.

use super::{ratchet::Finding, tree::Crate};

/// The rule about dependencies.
pub const DEPENDENCY: &str = "dependency";

/// Which of our packages a folder's package may depend on: for its code, and for tests and examples.
const OURS: &[(&str, &[&str], &[&str])] = &[
    ("engine", &[], &[]),
    // Itself, with a feature that only its tests are built with.
    ("protocol", &[], &["syncline-protocol"]),
    ("server", &["syncline-engine", "syncline-protocol"], &[]),
    ("client", &["syncline-engine", "syncline-protocol"], &["syncline"]),
    ("bench", &["syncline", "syncline-client", "syncline-engine", "syncline-protocol"], &[]),
    ("tests", &["syncline", "syncline-client", "syncline-engine", "syncline-protocol"], &[]),
    ("tests/corpora", &["syncline", "syncline-engine", "syncline-protocol"], &[]),
    (
        "tests/schedules",
        &[],
        &["syncline-engine", "syncline-engine-explored", "syncline-engine-seeded"],
    ),
    ("tests/schedules/engine", &["syncline-schedules"], &[]),
    ("tests/schedules/seeded", &["syncline-schedules"], &[]),
];

/// Packages that bring a network, a runtime or C code where there must be none.
const OUTSIDERS: &[(&str, &[&str])] = &[
    (
        "engine",
        &["tokio", "hyper", "mio", "socket2", "async-std", "smol", "tungstenite", "rusqlite"],
    ),
    ("protocol", &["tokio", "hyper", "mio", "socket2", "rustix", "getrandom", "rand", "tracing"]),
];

/// What is off for users unless they ask for it: no package of ours does, but for tests.
const ASKED_FOR: &[&str] = &["legacy-cohrtz"];

/// Dependencies that the architecture has no place for.
#[must_use]
pub fn judge_crate(member: &Crate) -> Vec<Finding> {
    let rule = OURS.iter().find(|(folder, _, _)| *folder == member.folder);
    let Some((_, code, tests)) = rule else {
        return vec![finding(member, "package", "the architecture names no such package")];
    };
    let mut found = Vec::new();
    for (table, allowed) in [
        ("dependencies", code.to_vec()),
        ("build-dependencies", Vec::new()),
        ("dev-dependencies", [*code, *tests].concat()),
    ] {
        for name in names(&member.manifest, table) {
            let ours = name == "syncline" || name.starts_with("syncline-");
            if ours && !allowed.contains(&name.as_str()) {
                found.push(finding(member, &format!("{table} {name}"), "dependencies run one way"));
            }
            let outside =
                OUTSIDERS.iter().any(|(f, n)| *f == member.folder && n.contains(&name.as_str()));
            if outside && table == "dependencies" {
                found.push(finding(
                    member,
                    &format!("{table} {name}"),
                    "this part must not have it",
                ));
            }
        }
    }
    for feature in ASKED_FOR.iter().filter(|feature| is_on(&member.manifest, feature)) {
        let what = format!("feature {feature}");
        found.push(finding(member, &what, "users ask for it themselves"));
    }
    found
}

/// Whether a feature is on by default, or in what a package's code depends on.
fn is_on(manifest: &toml::Table, feature: &str) -> bool {
    let has = |list: Option<&toml::Value>| {
        let list = list.and_then(toml::Value::as_array).into_iter().flatten();
        list.filter_map(toml::Value::as_str).any(|name| name.rsplit('/').next() == Some(feature))
    };
    let by_default = manifest.get("features").and_then(|features| features.get("default"));
    let tables = ["dependencies", "build-dependencies"];
    let dependencies = tables.iter().filter_map(|table| manifest.get(*table)?.as_table());
    has(by_default)
        || dependencies.flat_map(toml::Table::values).any(|one| has(one.get("features")))
}

/// The names in a dependency table, those of every target among them.
fn names(manifest: &toml::Table, table: &str) -> Vec<String> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let tables =
        targets.into_iter().flat_map(toml::Table::values).filter_map(toml::Value::as_table);
    tables
        .chain([manifest])
        .filter_map(|t| t.get(table).and_then(toml::Value::as_table))
        .flat_map(|t| t.keys().cloned())
        .collect()
}

fn finding(member: &Crate, what: &str, advice: &str) -> Finding {
    let place = format!("{}/Cargo.toml {what}", member.folder);
    Finding { rule: DEPENDENCY, place, figure: 1, advice: advice.into() }
}

#[cfg(test)]
mod tests {
    use super::judge_crate;
    use crate::house::tree::Crate;

    fn found(folder: &str, manifest: &str) -> usize {
        let manifest = manifest.parse().unwrap();
        judge_crate(&Crate { folder: folder.into(), manifest, sources: Vec::new() }).len()
    }

    #[test]
    fn engine_and_protocol_know_nobody() {
        assert_eq!(found("engine", "[dependencies]\nbytes = '1'\n"), 0);
        assert_eq!(found("engine", "[dependencies]\nsyncline-protocol = '1'\ntokio = '1'\n"), 2);
        assert_eq!(found("protocol", "[dependencies.syncline-engine]\nversion = '1'\n"), 1);
        assert_eq!(found("engine", "[target.'cfg(unix)'.dependencies]\ntokio = '1'\n"), 1);
    }

    #[test]
    fn what_users_ask_for_is_on_in_tests_only() {
        let with =
            |table| format!("[{table}]\nsyncline-protocol = {{ features = ['legacy-cohrtz'] }}\n");
        assert_eq!(found("protocol", &with("dev-dependencies")), 0);
        assert_eq!(found("client", &with("dependencies")), 1);
        assert_eq!(
            found("client", "[features]\ndefault = ['syncline-protocol/legacy-cohrtz']\n"),
            1
        );
        assert_eq!(
            found("client", "[features]\nlegacy-cohrtz = ['syncline-protocol/legacy-cohrtz']\n"),
            0
        );
    }

    #[test]
    fn the_client_meets_the_server_in_examples_only() {
        assert_eq!(found("client", "[dev-dependencies]\nsyncline = '1'\n"), 0);
        assert_eq!(found("client", "[dependencies]\nsyncline = '1'\n"), 1);
    }

    #[test]
    fn nobody_knows_the_tests_and_a_new_package_needs_a_place() {
        assert_eq!(found("bench", "[dev-dependencies]\nsyncline-tests = '1'\n"), 1);
        assert_eq!(found("common", "[dependencies]\n"), 1);
    }
}
