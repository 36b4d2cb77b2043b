//! One Rust source file, taken apart as far as the house rules need it.
//!
//! Tells code from comments and literals, and production from `#[cfg(test)]` modules. Not a parser:
//! it knows braces and quotes, nothing of types or names.

/// A source file in three layers of the same length, so that a line number means the same in each.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path below the workspace, with `/`.
    pub path: String,
    /// The file as it is.
    pub text: String,
    /// The file with comments and the insides of literals blanked out.
    pub code: String,
    /// The file with everything but comments blanked out.
    pub comments: String,
    /// For each line, whether it is production code: not in a `#[cfg(test)]` module.
    pub production: Vec<bool>,
}

impl Source {
    /// Takes a file apart. `test` says that all of it is test code.
    #[must_use]
    pub fn new(path: &str, text: &str, test: bool) -> Self {
        let (code, comments) = layers(text);
        let mut production = vec![!test; text.lines().count()];
        for (from, to) in test_modules(&code) {
            production[from..=to.min(text.lines().count() - 1)].fill(false);
        }
        Self { path: path.into(), text: text.into(), code, comments, production }
    }

    /// The production lines of the code layer, each with its number from 1.
    pub fn production_code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.pick(&self.code)
    }

    /// The production lines of the file as it is, each with its number from 1.
    pub fn production_text(&self) -> impl Iterator<Item = (usize, &str)> {
        self.pick(&self.text)
    }

    /// Whether all of it is test code.
    #[must_use]
    pub fn all_tests(&self) -> bool {
        !self.production.contains(&true)
    }

    fn pick<'a>(&'a self, layer: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
        let production = &self.production;
        layer.lines().zip(1..).zip(production).filter(|(_, p)| **p).map(|((l, n), _)| (n, l))
    }
}

/// What the scanner stands in.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Code,
    Line,
    Block(u32),
    Quoted,
    Raw(usize),
}

/// The code layer and the comment layer of a file.
fn layers(text: &str) -> (String, String) {
    let chars: Vec<char> = text.chars().collect();
    let (mut code, mut comments) = (String::new(), String::new());
    let (mut state, mut at) = (State::Code, 0);
    while at < chars.len() {
        let (next, width) = step(state, &chars, at);
        for &c in &chars[at..at + width] {
            let comment = matches!(state, State::Line | State::Block(_))
                || matches!(next, State::Line | State::Block(_));
            let character = state == State::Code && next == State::Code && width > 1;
            let literal = character || matches!(state, State::Quoted | State::Raw(_));
            code.push(if c == '\n' || (!comment && !literal) { c } else { ' ' });
            comments.push(if c == '\n' || comment { c } else { ' ' });
        }
        (state, at) = (next, at + width);
    }
    (code, comments)
}

/// The state after the next token, and how many characters that token has.
fn step(state: State, chars: &[char], at: usize) -> (State, usize) {
    let rest = &chars[at..];
    let two = (rest[0], rest.get(1).copied().unwrap_or(' '));
    match state {
        State::Code => step_code(chars, at),
        State::Line => (if rest[0] == '\n' { State::Code } else { state }, 1),
        State::Block(1) if two == ('*', '/') => (State::Code, 2),
        State::Block(n) if two == ('*', '/') => (State::Block(n - 1), 2),
        State::Block(n) if two == ('/', '*') => (State::Block(n + 1), 2),
        State::Quoted if two.0 == '\\' => (state, rest.len().min(2)),
        State::Quoted if two.0 == '"' => (State::Code, 1),
        State::Raw(n) if two.0 == '"' && hashes(&rest[1..]) >= n => (State::Code, 1 + n),
        _ => (state, 1),
    }
}

fn step_code(chars: &[char], at: usize) -> (State, usize) {
    let rest = &chars[at..];
    let word_before = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match (rest[0], rest.get(1).copied().unwrap_or(' ')) {
        ('/', '/') => (State::Line, 2),
        ('/', '*') => (State::Block(1), 2),
        ('"', _) => (State::Quoted, 1),
        ('r', '"' | '#') if !word_before || chars[at - 1] == 'b' => {
            let n = hashes(&rest[1..]);
            let quoted = rest.get(1 + n) == Some(&'"');
            if quoted { (State::Raw(n), 2 + n) } else { (State::Code, 1) }
        }
        ('\'', '\\') => (State::Code, 3 + rest[3..].iter().take_while(|c| **c != '\'').count() + 1),
        ('\'', _) if rest.get(2) == Some(&'\'') => (State::Code, 3),
        _ => (State::Code, 1),
    }
}

fn hashes(rest: &[char]) -> usize {
    rest.iter().take_while(|c| **c == '#').count()
}

/// The lines, from 0 and inclusive, of the modules under a `#[cfg(test)]` or `#[cfg(all(test…`.
fn test_modules(code: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let line = line.trim_start();
        if !line.starts_with("#[cfg(test") && !line.starts_with("#[cfg(all(test") {
            continue;
        }
        let Some(item) = (at + 1..lines.len()).find(|n| !lines[*n].trim().starts_with("#[")) else {
            continue;
        };
        let module = lines[item].split_whitespace().any(|word| word == "mod");
        if module && lines[item].contains('{') {
            found.push((at, closing_line(&lines, item)));
        }
    }
    found
}

/// The line, from 0, on which the braces opened on or after `from` are closed again.
#[must_use]
pub fn closing_line(lines: &[&str], from: usize) -> usize {
    let (mut depth, mut opened) = (0_i32, false);
    for (at, line) in lines.iter().enumerate().skip(from) {
        for c in line.chars() {
            depth += i32::from(c == '{') - i32::from(c == '}');
            opened |= c == '{';
        }
        if opened && depth <= 0 {
            return at;
        }
    }
    lines.len().saturating_sub(1)
}

/// Whether `word` stands in `line` with no letter, digit or underscore beside it.
#[must_use]
pub fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(part)
            && !line[at + word.len()..].chars().next().is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::{Source, has_word};

    #[test]
    fn comments_and_literals_leave_the_code_layer() {
        let text = "let a = \"std::net // no\"; // std::net\nlet b = r#\"x \" y\"#; /* q /* r */ s */ c();\nlet d = '\"'; let e: &'static str = f('\\'');\n";
        let source = Source::new("x.rs", text, false);
        assert!(!source.code.contains("net") && !source.code.contains('q'));
        assert!(source.code.contains("c();") && source.code.contains("&'static str = f("));
        assert!(!Source::new("x.rs", "let a = '{';", false).code.contains('{'));
        assert!(source.comments.contains("// std::net") && source.comments.contains("/* r */ s"));
        assert!(!source.comments.contains("no"));
        assert_eq!(source.code.lines().count(), text.lines().count());
    }

    #[test]
    fn a_test_module_is_not_production() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\nfn c() {}\n";
        let source = Source::new("x.rs", text, false);
        let lines: Vec<usize> = source.production_code().map(|(n, _)| n).collect();
        assert_eq!(lines, [1, 7]);
        assert_eq!(Source::new("x.rs", text, true).production_code().count(), 0);
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("a tree of", "tree") && has_word("tree", "tree"));
        assert!(!has_word("trees", "tree") && !has_word("b_tree", "tree"));
    }
}
