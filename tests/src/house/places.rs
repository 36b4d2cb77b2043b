//! What prose says lies where, and whether it does; and places that no committed file may name.
//!
//! Reads Markdown as text: links and words in backticks.

use std::path::{Component, Path, PathBuf};

/// Top-level folders: a word in backticks that begins with one of them is a place.
const FOLDERS: &[&str] = &[
    "engine/",
    "protocol/",
    "server/",
    "client/",
    "bench/",
    "tests/",
    "docs/",
    "data/",
    "examples/",
    ".ci/",
];

/// The places of this workspace that a Markdown file at `path` names, below the workspace's root.
#[must_use]
pub fn named(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for quoted in text.split('`').skip(1).step_by(2) {
        let words = quoted.split_whitespace().map(clean);
        found.extend(words.filter(|w| FOLDERS.iter().any(|f| w.starts_with(f)) && !is_pattern(w)));
    }
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    for link in text.split("](").skip(1) {
        let target = clean(link.split([')', ' ']).next().unwrap_or(""));
        if !target.is_empty() && !target.contains(':') && !is_pattern(&target) {
            found.push(normal(&folder.join(target)));
        }
    }
    found
}

/// The rows of a page of faults that no test shows: each row names a suite's file in backticks, and
/// behind it tests of that file. `suites` are paths and texts.
#[must_use]
pub fn tests_missing(page: &str, suites: &[(String, String)]) -> Vec<String> {
    let mut missing = Vec::new();
    let heads = ["|---", "| what comes |", "| what happens |", "| # |"];
    let is_row = |line: &&str| line.starts_with('|') && !heads.iter().any(|h| line.starts_with(h));
    for row in page.lines().filter(is_row) {
        let shown = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap_or_default();
        let (mut file, mut tests) = ("", 0);
        for name in shown.split('`').skip(1).step_by(2) {
            if name.ends_with(".rs") {
                file = name;
                continue;
            }
            let test = format!("#[test]\nfn {name}()");
            let holds = |(path, text): &(String, String)| {
                path.rsplit('/').next() == Some(file) && text.contains(&test)
            };
            tests += 1;
            if !suites.iter().any(holds) {
                missing.push(format!("{file} {name}"));
            }
        }
        if tests == 0 {
            missing.push(row.to_owned());
        }
    }
    missing
}

/// The numbered faults, E1 to E`last`, that the page does not tell exactly once: as a row of a table,
/// or, while nothing shows them, as a point that begins with the number.
#[must_use]
pub fn faults_missing(page: &str, last: usize) -> Vec<String> {
    let times = |number: &str| {
        let (row, point) = (format!("| {number} |"), format!("* {number}:"));
        page.lines().filter(|line| line.starts_with(&row) || line.starts_with(&point)).count()
    };
    let numbers = (1..=last).map(|number| format!("E{number}"));
    let wrong = numbers.map(|number| (times(&number), number)).filter(|(times, _)| *times != 1);
    wrong.map(|(times, number)| format!("{number} is told {times} times")).collect()
}

/// A place without what may follow it: an anchor, a line number, a full stop.
fn clean(word: &str) -> String {
    let word = word.split('#').next().unwrap_or("");
    let word = match word.split_once(".rs:") {
        Some((file, _)) => format!("{file}.rs"),
        None => word.to_owned(),
    };
    word.trim_end_matches([',', '.', ';', ')']).to_owned()
}

fn is_pattern(word: &str) -> bool {
    word.contains(['*', '<', '{', '$', '…'])
}

fn normal(path: &Path) -> String {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(name) => parts.push(name),
            _ => {}
        }
    }
    parts.to_string_lossy().replace('\\', "/")
}

/// The lines, from 1, that name a place of one machine: a home folder or a work folder.
#[must_use]
pub fn machine_places(text: &str) -> Vec<usize> {
    // Written in parts, so that this file does not name them itself.
    let roots = ["/ro\u{6f}t/", "/w\u{6f}rk/", "/h\u{6f}me/", "/Us\u{65}rs/", "C:\\Us\u{65}rs"];
    let own = |line: &str| roots.iter().any(|r| begins_path(line, r));
    text.lines().zip(1..).filter(|(line, _)| own(line)).map(|(_, number)| number).collect()
}

/// Whether `root` stands in the line where a path begins, and not inside a longer one.
fn begins_path(line: &str, root: &str) -> bool {
    line.match_indices(root).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || "_-.}/".contains(c))
    })
}

/// The hosts of the URLs in a text.
#[must_use]
pub fn hosts(text: &str) -> Vec<String> {
    let end = |c: char| c == '/' || c == '"' || c == '\'' || c.is_whitespace() || c == ')';
    text.split("://").skip(1).filter_map(|rest| rest.split(end).next()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{faults_missing, hosts, machine_places, named, tests_missing};

    #[test]
    fn links_and_backticks_name_places() {
        let text = "See [the format](format.md#frames), `engine/src/lib.rs`, `cargo run -p x`,\n`data/*.json` and [up](../README.md), [out](https://example.org/a).";
        let found = named("docs/architecture.md", text);
        assert_eq!(found, ["engine/src/lib.rs", "docs/format.md", "README.md"]);
    }

    #[test]
    fn a_machine_place_is_seen_but_not_inside_another_path() {
        let home = format!("/h{}me/", 'o');
        assert_eq!(machine_places(&format!("a\ncd {home}me/x\n")), [2]);
        assert!(machine_places(&format!("https://example.org{home}page")).is_empty());
    }

    #[test]
    fn a_fault_without_a_test_is_seen() {
        let suites =
            [("tests/suite/a/b.rs".into(), "#[test]\nfn shown() {\n}\nfn not() {}\n".into())];
        let page = |shown: &str| {
            format!("| what comes | x | y |\n|---|---|---|\n| a `x` | b | {shown} |\n")
        };
        assert!(tests_missing(&page("`b.rs` `shown`"), &suites).is_empty());
        assert_eq!(tests_missing(&page("`b.rs` `not`"), &suites), ["b.rs not"]);
        assert_eq!(tests_missing(&page("`c.rs` `shown`"), &suites), ["c.rs shown"]);
        assert_eq!(tests_missing(&page("nothing"), &suites).len(), 1);
    }

    #[test]
    fn a_numbered_fault_is_told_once() {
        let page = "| E1 | torn | `b.rs` `shown` |\n* E2: not yet\n* E3: not yet\n| E3 | x | y |\n";
        assert_eq!(faults_missing(page, 2), [""; 0]);
        assert_eq!(faults_missing(page, 4), ["E3 is told 2 times", "E4 is told 0 times"]);
    }

    #[test]
    fn hosts_are_found() {
        assert_eq!(
            hosts("a = \"registry+https://github.com/x\" http://a.b:1\n"),
            ["github.com", "a.b:1"]
        );
    }
}
