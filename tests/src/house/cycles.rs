//! Which top-level modules of a crate name which others, and whether they go in circles.
//!
//! Reads `crate::`, `super::` and the root's re-exports; knows no types.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

type Graph = BTreeMap<String, BTreeSet<String>>;

/// The largest set of top-level modules that reach each other, sorted; empty when there is none.
/// `sources` are one crate's, with paths that begin with its folder.
#[must_use]
pub fn largest_cycle(sources: &[Source]) -> Vec<String> {
    let graph = edges(sources);
    let reach: BTreeMap<&String, BTreeSet<String>> =
        graph.keys().map(|module| (module, reachable(&graph, module))).collect();
    let together = |a: &String, b: &String| reach[a].contains(b) && reach[b].contains(a);
    graph
        .keys()
        .map(|a| graph.keys().filter(|b| together(a, b)).cloned().collect::<Vec<_>>())
        .filter(|circle| circle.len() > 1)
        .max_by_key(Vec::len)
        .unwrap_or_default()
}

fn reachable(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&String> = graph[from].iter().collect();
    while let Some(module) = open.pop() {
        if found.insert(module.clone()) {
            open.extend(&graph[module]);
        }
    }
    found
}

/// Which module names which: every top-level module is a key.
fn edges(sources: &[Source]) -> Graph {
    let mut graph = Graph::new();
    let modules: Vec<Vec<String>> = sources.iter().map(|s| module_path(&s.path)).collect();
    for path in &modules {
        if let Some(top) = path.first() {
            graph.entry(top.clone()).or_default();
        }
    }
    let exports = root_exports(sources);
    for (source, path) in sources.iter().zip(&modules) {
        let Some(top) = path.first() else { continue };
        for name in named(&production(source), path.len()) {
            let module = if graph.contains_key(&name) { Some(&name) } else { exports.get(&name) };
            if let Some(module) = module.filter(|m| *m != top && graph.contains_key(*m)) {
                graph.get_mut(top).expect("every module is a key").insert(module.clone());
            }
        }
    }
    graph
}

/// The module a file of a crate is: empty for a root file and for what lies outside `src`.
fn module_path(path: &str) -> Vec<String> {
    let Some((_, below)) = path.split_once("/src/") else { return Vec::new() };
    let below = below.strip_suffix(".rs").unwrap_or(below);
    let mut parts: Vec<String> = below.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|p| p == "mod") {
        parts.pop();
    }
    let root = parts.first().is_some_and(|p| ["lib", "main", "bin"].contains(&p.as_str()));
    if root { Vec::new() } else { parts }
}

fn production(source: &Source) -> String {
    source.production_code().fold(String::new(), |text, (_, line)| text + line + "\n")
}

/// The names that stand right below the crate's root in a module `depth` levels down.
fn named(code: &str, depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    for prefix in ["crate::".to_owned(), "super::".repeat(depth)] {
        for (at, _) in code.match_indices(&prefix) {
            if !code[..at].ends_with("::") {
                found.extend(first_names(&code[at + prefix.len()..]));
            }
        }
    }
    found
}

/// The first names of a path or of a braced group of paths.
fn first_names(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let (mut found, mut depth, mut fresh) = (Vec::new(), 0, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && !c.is_whitespace() => {
                found.push(word(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The names that the crate's root exports, each with the top-level module it comes from.
#[must_use]
pub fn root_exports(sources: &[Source]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let Some(root) = sources.iter().find(|s| s.path.ends_with("/src/lib.rs")) else { return found };
    let code = production(root);
    for statement in code.split(';') {
        let Some((_, path)) = statement.rsplit_once("use ") else { continue };
        let path = path.trim();
        let path = path.strip_prefix("crate::").or(path.strip_prefix("self::")).unwrap_or(path);
        let Some((module, names)) = path.split_once("::") else { continue };
        for name in names.split(|c: char| !c.is_alphanumeric() && c != '_') {
            if !name.is_empty() {
                found.insert(name.to_owned(), module.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::largest_cycle;
    use crate::house::source::Source;

    fn circle(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(p, t)| Source::new(&format!("x/src/{p}"), t, false)).collect();
        largest_cycle(&sources)
    }

    #[test]
    fn one_way_is_no_circle() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use b::B;"),
            ("a.rs", "use crate::{b::B, io};"),
            ("b/mod.rs", "use std::fmt; // crate::a"),
            ("b/inner.rs", "use super::other;\n#[cfg(test)]\nmod tests {\n use crate::a::A;\n}\n"),
        ];
        assert!(circle(&files).is_empty());
    }

    #[test]
    fn circles_are_found_through_groups_parents_and_reexports() {
        let through_group =
            [("a.rs", "use crate::{\n  x::{c},\n  b::B};"), ("b.rs", "use super::a::A;")];
        assert_eq!(circle(&through_group), ["a", "b"]);
        let through_root = [
            ("lib.rs", "mod a; mod b; pub use b::{B, C};"),
            ("a.rs", "use crate::C;"),
            ("b/mod.rs", "mod inner;"),
            ("b/inner.rs", "use super::super::a::A;"),
        ];
        assert_eq!(circle(&through_root), ["a", "b"]);
    }
}
