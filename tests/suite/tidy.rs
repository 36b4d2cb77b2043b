//! The measures of the house, file by file and crate by crate, and what no file may hold.

use syncline_tests::house::{
    cycles::largest_cycle,
    habits::{self, HABIT},
    measure::{functions, percentile, public_items, unwraps},
    places,
    ratchet::Finding,
    source::Source,
    tree::{Crate, crates, files, read},
    words::{foreign, is_on_wire},
};

use crate::{exceptions, hold};

const FILE_LINES_MEDIAN_MAX: usize = 150;
const FILE_LINES_P90_MAX: usize = 300;
const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_P90_MAX: usize = 30;
const FUNCTION_LINES_MAX: usize = 70;
const UNWRAPS_PER_1000_LINES_MAX: usize = 2;
/// However small a crate is, it may have so many.
const UNWRAPS_MIN: usize = 3;
const ROOT_NAMES_MAX: usize = 20;
/// The faults of the engine's disk are numbered up to this.
const ENGINE_FAULTS: usize = 43;
/// A median of fewer files says nothing.
const FILES_FOR_A_MEDIAN: usize = 12;

const FILE_LINES: &str = "file lines";
const FUNCTION_LINES: &str = "function lines";
const CYCLES: &str = "module cycle";
const DOCUMENTED: &str = "documented";
const UNWRAPS: &str = "unwrap and expect";
const ROOT_NAMES: &str = "root names";
const WORDS: &str = "words";
const PLACES: &str = "places";
const FAULTS: &str = "faults";
const HOSTS: &str = "hosts";

fn finding(rule: &'static str, place: &str, figure: usize, advice: impl Into<String>) -> Finding {
    Finding { rule, place: place.into(), figure, advice: advice.into() }
}

/// Adds a finding when `figure` is above `most`.
fn bound(found: &mut Vec<Finding>, rule: &'static str, place: &str, figure: usize, most: usize) {
    if figure > most {
        found.push(finding(rule, place, figure, format!("at most {most}")));
    }
}

fn production_lines(source: &Source) -> usize {
    source.production_code().count()
}

#[test]
fn files_are_short() {
    let mut found = Vec::new();
    for Crate { folder, sources, .. } in &crates() {
        for source in sources {
            let all = source.text.lines().count();
            let lines = if source.all_tests() { all } else { production_lines(source) };
            bound(&mut found, FILE_LINES, &source.path, lines, FILE_LINES_MAX);
            bound(
                &mut found,
                FILE_LINES,
                &format!("{} with tests", source.path),
                all,
                2 * FILE_LINES_MAX,
            );
        }
        let sizes: Vec<usize> = sources.iter().map(production_lines).filter(|n| *n > 0).collect();
        if sizes.len() >= FILES_FOR_A_MEDIAN {
            let (median, p90) = (percentile(sizes.clone(), 0.5), percentile(sizes, 0.9));
            bound(
                &mut found,
                FILE_LINES,
                &format!("{folder} median"),
                median,
                FILE_LINES_MEDIAN_MAX,
            );
            bound(&mut found, FILE_LINES, &format!("{folder} p90"), p90, FILE_LINES_P90_MAX);
        }
    }
    hold(&[FILE_LINES], &found);
}

#[test]
fn functions_are_short() {
    let mut found = Vec::new();
    for Crate { folder, sources, .. } in &crates() {
        let mut sizes = Vec::new();
        for source in sources {
            for function in functions(source) {
                let place = format!("{} fn {}", source.path, function.name);
                bound(&mut found, FUNCTION_LINES, &place, function.lines, FUNCTION_LINES_MAX);
                sizes.push(function.lines);
            }
        }
        let p90 = percentile(sizes, 0.9);
        bound(&mut found, FUNCTION_LINES, &format!("{folder} p90"), p90, FUNCTION_LINES_P90_MAX);
    }
    hold(&[FUNCTION_LINES], &found);
}

#[test]
fn modules_do_not_go_in_circles() {
    let mut found = Vec::new();
    for Crate { folder, sources, .. } in &crates() {
        let circle = largest_cycle(sources);
        if !circle.is_empty() {
            found.push(finding(CYCLES, folder, circle.len(), circle.join(", ")));
        }
    }
    hold(&[CYCLES], &found);
}

#[test]
fn public_items_are_documented() {
    let mut found = Vec::new();
    for source in crates().iter().flat_map(|c| &c.sources) {
        for (line, item, documented) in public_items(source) {
            if !documented {
                found.push(finding(
                    DOCUMENTED,
                    &format!("{} {item}", source.path),
                    line,
                    "say what it is",
                ));
            }
        }
    }
    hold(&[DOCUMENTED], &found);
}

#[test]
fn production_code_does_not_unwrap() {
    let mut found = Vec::new();
    // The helpers of the suites fail a test by panicking: that is their job.
    for Crate { folder, sources, .. } in crates().iter().filter(|c| !c.folder.starts_with("tests"))
    {
        let lines: usize = sources.iter().map(production_lines).sum();
        let most = (lines * UNWRAPS_PER_1000_LINES_MAX).div_ceil(1000).max(UNWRAPS_MIN);
        for source in sources {
            let bare = source.production_code().filter(|(_, l)| l.contains(".unwrap()")).count();
            bound(&mut found, UNWRAPS, &format!("{} .unwrap()", source.path), bare, 0);
        }
        let times = sources.iter().map(|s| unwraps(s).len()).sum();
        bound(&mut found, UNWRAPS, folder, times, most);
    }
    hold(&[UNWRAPS], &found);
}

#[test]
fn roots_export_few_names() {
    let mut found = Vec::new();
    for Crate { folder, sources, .. } in &crates() {
        let Some(root) = sources.iter().find(|s| s.path.ends_with("/src/lib.rs")) else { continue };
        if ["engine", "protocol"].contains(&folder.as_str()) {
            bound(&mut found, ROOT_NAMES, folder, habits::root_names(root), ROOT_NAMES_MAX);
        }
    }
    hold(&[ROOT_NAMES], &found);
}

#[test]
fn files_keep_the_habits() {
    let found: Vec<_> =
        crates().iter().flat_map(|c| &c.sources).flat_map(habits::judge_source).collect();
    hold(&[HABIT], &found);
}

#[test]
fn our_words_are_used() {
    let mut texts: Vec<(String, String)> = Vec::new();
    for path in files("", &[".md"]) {
        // Line by line: prose names the dialect whose words it uses.
        let text = read(&path);
        texts.extend(text.lines().map(|line| (format!("{path}: {line}"), line.to_owned())));
    }
    // The yardsticks speak of other systems, in the words of those.
    for source in crates().iter().filter(|c| c.folder != "bench").flat_map(|c| &c.sources) {
        let words = format!("{}\n{}", source.code, source.comments);
        texts.push((source.path.clone(), words));
    }
    let mut found = Vec::new();
    for (path, text) in &texts {
        for (theirs, ours, times) in foreign(text) {
            if is_on_wire(theirs, path) {
                continue;
            }
            found.push(finding(
                WORDS,
                &format!("{path} {theirs}"),
                times,
                format!("we say {ours}"),
            ));
        }
    }
    hold(&[WORDS], &found);
}

#[test]
fn prose_names_only_what_exists() {
    let root = syncline_tests::house::tree::root();
    let mut found = Vec::new();
    for path in files("", &[".md"]) {
        for place in places::named(&path, &read(&path)) {
            if !root.join(&place).exists() {
                found.push(finding(
                    PLACES,
                    &format!("{path} {place}"),
                    1,
                    "there is no such place",
                ));
            }
        }
    }
    hold(&[PLACES], &found);
}

#[test]
fn every_fault_is_shown_by_a_test_that_exists() {
    let paths = ["tests/suite", "engine/tests", "protocol/tests", "server/src/hub/tests"]
        .map(|folder| files(folder, &[".rs"]))
        .concat();
    let tests: Vec<(String, String)> =
        paths.into_iter().map(|path| (path.clone(), read(&path))).collect();
    let mut found = Vec::new();
    let page = read("docs/faults.md");
    for missing in places::tests_missing(&page, &tests) {
        found.push(finding(FAULTS, &missing, 1, "there is no such test"));
    }
    for missing in places::faults_missing(&page, ENGINE_FAULTS) {
        found.push(finding(
            FAULTS,
            &missing,
            1,
            "one row for each, or a point in what is not shown",
        ));
    }
    hold(&[FAULTS], &found);
}

#[test]
fn the_last_step_of_a_change_is_the_command_of_the_readme() {
    let (script, readme) = (read(".ci/run"), read("README.md"));
    let last = script.trim_end().lines().next_back().and_then(|line| line.strip_prefix("step "));
    let command = last.expect("the last line is a step");
    assert_eq!(command, "cargo test --workspace");
    assert!(
        readme.lines().any(|line| line.starts_with(command)),
        "the README does not say {command}"
    );
}

#[test]
fn golden_files_say_where_they_come_from() {
    let described: Vec<String> = files("data/golden", &["README.md"]);
    let folders: Vec<&str> = described.iter().filter_map(|p| p.strip_suffix("README.md")).collect();
    for file in files("data/golden", &[""]) {
        assert!(folders.iter().any(|f| file.starts_with(f)), "no README tells of {file}");
    }
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    let mut found = Vec::new();
    for path in files("", &[".rs", ".md", ".toml", ".lock", ".json", ".proto", ".ci/run"]) {
        let lines = places::machine_places(&read(&path));
        if !lines.is_empty() {
            let advice = format!("lines {lines:?}: a place of one machine");
            found.push(finding(HOSTS, &path, lines.len(), advice));
        }
        let settings = [".toml", ".lock", ".ci/run"].iter().any(|e| path.ends_with(e));
        for host in if settings { places::hosts(&read(&path)) } else { Vec::new() } {
            if host != "github.com" {
                found.push(finding(
                    HOSTS,
                    &format!("{path} {host}"),
                    1,
                    "packages come from the usual place",
                ));
            }
        }
    }
    hold(&[HOSTS], &found);
}

#[test]
fn exceptions_name_a_rule_that_is_kept() {
    let rules = [
        FILE_LINES,
        FUNCTION_LINES,
        CYCLES,
        DOCUMENTED,
        UNWRAPS,
        ROOT_NAMES,
        WORDS,
        PLACES,
        HOSTS,
        FAULTS,
        HABIT,
        "dependency",
        "forbidden import",
        "unsafe",
    ];
    for exception in exceptions::ALL {
        assert!(rules.contains(&exception.rule), "no rule is called {:?}", exception.rule);
    }
}
