//! The figures of one source file: lines, functions, documented items, unwraps.
//!
//! Counts; what is too many is decided by the suite.

use super::source::{Source, closing_line, has_word};

/// A function and how many lines it has, its signature and closing brace among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its lines.
    pub lines: usize,
    /// The line it begins on, from 1.
    pub line: usize,
}

/// The functions with a body in the production part of a source.
#[must_use]
pub fn functions(source: &Source) -> Vec<Function> {
    let lines: Vec<&str> = source.code.lines().collect();
    let mut found = Vec::new();
    for (number, line) in source.production_code() {
        let Some(name) = function_name(line) else { continue };
        let from = number - 1;
        let body = (from..lines.len()).find(|n| lines[*n].contains('{'));
        let ends = (from..lines.len()).find(|n| lines[*n].trim_end().ends_with(';'));
        if let Some(body) = body
            && ends.is_none_or(|e| e >= body)
        {
            let last = closing_line(&lines, from);
            found.push(Function { name, lines: last - from + 1, line: number });
        }
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let modifiers = ["pub", "const", "async", "unsafe", "default", "extern"];
    let mut words = line.split_whitespace().skip_while(|word| {
        modifiers.contains(word) || word.starts_with("pub(") || word.starts_with('"')
    });
    if words.next() != Some("fn") {
        return None;
    }
    let name = words.next()?;
    Some(name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}

/// The public items of the production part, and for each whether a doc comment stands above it.
#[must_use]
pub fn public_items(source: &Source) -> Vec<(usize, String, bool)> {
    let text: Vec<&str> = source.text.lines().collect();
    let kinds = ["fn", "struct", "enum", "trait", "type", "static", "const"];
    let mut found = Vec::new();
    for (number, line) in source.production_code() {
        let Some(item) = line.trim_start().strip_prefix("pub ") else { continue };
        if item.split_whitespace().next().is_some_and(|w| kinds.contains(&w) || w == "async") {
            found.push((number, item.trim_end().to_owned(), documented(&text, number - 1)));
        }
    }
    found
}

/// Whether the item on line `at`, from 0, has a doc comment above its attributes.
fn documented(text: &[&str], at: usize) -> bool {
    let mut above = at;
    while above > 0 {
        above -= 1;
        let line = text[above].trim();
        let attribute = line.starts_with("#[") || line.starts_with(")]") || line.ends_with(")]");
        if !attribute {
            return line.starts_with("///") || line.starts_with("#[doc");
        }
    }
    false
}

/// The lines of the production part that call `unwrap()` or `expect(…)`.
#[must_use]
pub fn unwraps(source: &Source) -> Vec<usize> {
    source
        .production_code()
        .filter(|(_, line)| line.contains(".unwrap()") || line.contains(".expect("))
        .map(|(number, _)| number)
        .collect()
}

/// The lines of the whole file that use `unsafe`.
#[must_use]
pub fn unsafe_lines(source: &Source) -> Vec<usize> {
    let used = |line: &str| has_word(line, "unsafe") && !line.contains("unsafe_code");
    source.code.lines().zip(1..).filter(|(line, _)| used(line)).map(|(_, number)| number).collect()
}

/// The value below which a share `p` (0 to 1) of the values lies; 0 of none.
#[must_use]
pub fn percentile(mut values: Vec<usize>, p: f64) -> usize {
    values.sort_unstable();
    let at = (values.len() as f64 * p) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{functions, percentile, public_items, unsafe_lines, unwraps};
    use crate::house::source::Source;

    fn source(text: &str) -> Source {
        Source::new("x/src/a.rs", text, false)
    }

    #[test]
    fn functions_are_counted_whole() {
        let text = "trait T {\n    fn a(&self);\n}\npub(crate) async fn b(\n    x: u8,\n) -> u8 {\n    if x > 1 {\n    }\n    x\n}\nfn c() {}\n";
        let found: Vec<_> =
            functions(&source(text)).into_iter().map(|f| (f.name, f.lines)).collect();
        assert_eq!(found, [("b".to_owned(), 7), ("c".to_owned(), 1)]);
    }

    #[test]
    fn an_item_without_a_doc_comment_is_seen() {
        let text = "/// Said.\n#[derive(Debug)]\npub struct A;\n\npub struct B;\npub const fn c() {}\n// plain\npub enum D {}\n";
        let bare: Vec<_> = public_items(&source(text)).into_iter().filter(|i| !i.2).collect();
        assert_eq!(bare.iter().map(|i| i.0).collect::<Vec<_>>(), [5, 6, 8]);
    }

    #[test]
    fn unwraps_count_outside_tests_only() {
        let text = "fn a() {\n    b.unwrap();\n    c.expect(\"why\");\n    d.unwrap_or(1); // .unwrap()\n}\n#[cfg(test)]\nmod tests {\n    fn t() { b.unwrap() }\n}\n";
        assert_eq!(unwraps(&source(text)), [2, 3]);
    }

    #[test]
    fn unsafe_is_found_but_not_its_lint() {
        assert_eq!(
            unsafe_lines(&source("#![forbid(unsafe_code)]\n// unsafe\nunsafe { a() }\n")),
            [3]
        );
    }

    #[test]
    fn percentiles_are_of_the_sorted_values() {
        assert_eq!(percentile(vec![], 0.5), 0);
        assert_eq!(percentile(vec![9, 1, 5], 0.5), 5);
        assert_eq!(percentile((1..=10).collect(), 0.9), 10);
    }
}
