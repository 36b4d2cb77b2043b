//! Habits that a line of text can show or break: openings, reminders, statements without effect.
//!
//! Looks at one source at a time.

use super::{
    ratchet::Finding,
    source::{Source, has_word},
};

/// The rule about habits.
pub const HABIT: &str = "habit";

/// Every habit that a source breaks.
#[must_use]
pub fn judge_source(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    if !source.text.starts_with("//!") {
        let advice = "open with //!: what lives here, and what it must not know";
        found.push(finding(source, "opening", 1, advice));
    }
    for reminder in ["TODO", "FIXME", "XXX", "HACK"] {
        let times = source.comments.lines().filter(|line| has_word(line, reminder)).count();
        if times > 0 {
            found.push(finding(source, reminder, times, "do it now or write an issue"));
        }
    }
    let idle = idle_matches(&source.code);
    if idle > 0 {
        found.push(finding(
            source,
            "matches!",
            idle,
            "a bare matches!(..); checks nothing: assert it",
        ));
    }
    found
}

/// How many statements are a `matches!(…);` whose answer nobody takes.
fn idle_matches(code: &str) -> usize {
    let begins = |at: usize| code[..at].trim_end().ends_with(['{', '}', ';']);
    code.match_indices("matches!(")
        .filter(|(at, what)| begins(*at) && drops(&code[at + what.len()..]))
        .count()
}

/// Whether a semicolon follows the parenthesis that closes the one just opened.
fn drops(rest: &str) -> bool {
    let mut depth = 1;
    for (at, c) in rest.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 {
            return rest[at + 1..].trim_start().starts_with(';');
        }
    }
    false
}

/// How many names a crate's root gives to those who use it.
#[must_use]
pub fn root_names(root: &Source) -> usize {
    let code = root.production_code().fold(String::new(), |text, (_, line)| text + "\n" + line);
    // At the start of a line: an associated function is no name of the root.
    code.split("\npub ").skip(1).map(names_of).sum()
}

/// The names in what follows a `pub`.
fn names_of(item: &str) -> usize {
    let Some(import) = item.strip_prefix("use ") else { return 1 };
    let import = import.split(';').next().unwrap_or("");
    match import.split_once('{') {
        Some((_, group)) => group.split([',', '}', '{']).filter(|n| !n.trim().is_empty()).count(),
        None => 1,
    }
}

fn finding(source: &Source, what: &str, figure: usize, advice: &str) -> Finding {
    let place = format!("{} {what}", source.path);
    Finding { rule: HABIT, place, figure, advice: advice.into() }
}

#[cfg(test)]
mod tests {
    use super::{judge_source, root_names};
    use crate::house::source::Source;

    fn broken(text: &str) -> Vec<String> {
        let found = judge_source(&Source::new("a.rs", text, false));
        found.into_iter().map(|f| f.place).collect()
    }

    #[test]
    fn a_file_says_what_lives_in_it() {
        assert_eq!(broken("use std::fmt;\n"), ["a.rs opening"]);
        assert!(broken("//! A room.\nuse std::fmt;\n").is_empty());
    }

    #[test]
    fn reminders_are_refused_in_comments() {
        let reminder = ["TO", "DO"].concat();
        assert_eq!(
            broken(&format!("//! A.\n// {reminder}: later\n")),
            [format!("a.rs {reminder}")]
        );
        assert!(broken(&format!("//! A.\nlet a = \"{reminder}\";\n")).is_empty());
    }

    #[test]
    fn a_matches_that_nobody_reads_is_refused() {
        assert_eq!(broken("//! A.\nfn f() {\n    matches!(a, Some((1)));\n}\n"), ["a.rs matches!"]);
        assert!(broken("//! A.\nfn f() -> bool {\n    matches!(a, Some(1))\n}\n").is_empty());
        assert!(broken("//! A.\nfn f() {\n    assert!(matches!(a, 1));\n}\n").is_empty());
    }

    #[test]
    fn root_names_are_counted() {
        let root = "mod a;\npub mod b;\npub use a::{C, D as E};\npub use b::F;\npub struct G;\nimpl G {\n    pub fn h() {}\n}\n";
        assert_eq!(root_names(&Source::new("x/src/lib.rs", root, false)), 5);
    }
}
