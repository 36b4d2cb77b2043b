//! What each part's code may not name: sockets, runtimes, clocks, threads, siblings.
//!
//! Looks at words in code; what a dependency does inside is not seen, so manifests are judged too.

use super::{measure::unsafe_lines, ratchet::Finding, source::Source, source::has_word};

/// The rule about names that a crate must not use.
pub const FORBIDDEN: &str = "forbidden import";
/// The rule about where `unsafe` may stand.
pub const UNSAFE: &str = "unsafe";

/// The paths and words that a part's production code must not contain.
struct Wall {
    /// Paths of the sources behind it begin so.
    part: &'static str,
    /// Paths, looked up as they stand.
    paths: &'static [&'static str],
    /// Whole words.
    words: &'static [&'static str],
    /// What the part is to do instead.
    advice: &'static str,
}

const WALLS: &[Wall] = &[
    Wall {
        part: "protocol/src/",
        paths: &[
            "std::net",
            "std::thread",
            "std::fs",
            "std::process",
            "std::sync::mpsc",
            "std::os",
        ],
        words: &[
            "tokio",
            "hyper",
            "socket2",
            "mio",
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "Instant",
            "SystemTime",
            "syncline_engine",
            "getrandom",
            "rand",
            "spawn",
        ],
        advice: "the protocol has no I/O, clock, thread or engine: take it as an argument",
    },
    Wall {
        part: "engine/src/",
        paths: &["std::net", "std::process::Command"],
        words: &[
            "tokio",
            "hyper",
            "socket2",
            "mio",
            "async",
            "await",
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "SystemTime",
            "syncline_protocol",
            "syncline",
        ],
        advice: "the engine has no network, async runtime or wall clock",
    },
    Wall {
        part: "engine/src/",
        paths: &[],
        words: &["relay", "workspace", "oplog", "dialect", "discovery_key", "websocket"],
        advice: "the engine knows no dialect",
    },
    Wall {
        part: "client/src/",
        paths: &["syncline::"],
        words: &["syncline_tests", "syncline_bench"],
        advice: "the client library does not know the server: only its examples start one",
    },
    Wall {
        part: "server/src/",
        paths: &[],
        words: &["syncline_client", "syncline_tests", "syncline_bench"],
        advice: "the server knows the engine and the protocol, nobody else of us",
    },
];

/// Names behind the walls that must not be there, one finding per file and name.
#[must_use]
pub fn forbidden(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for wall in WALLS.iter().filter(|w| source.path.starts_with(w.part)) {
        let names = wall.paths.iter().chain(wall.words);
        found.extend(names.filter_map(|name| name_in(source, name, wall.advice)));
    }
    found.extend(sibling_dialects(source));
    found.extend(past_sync(source));
    found
}

/// What the engine takes past its module `sync`: schedules around it are not explored.
fn past_sync(source: &Source) -> Vec<Finding> {
    const SYNC: &str = "engine/src/sync.rs";
    if !source.path.starts_with("engine/src/") || source.path == SYNC {
        return Vec::new();
    }
    ["parking_lot", "std::sync::atomic", "std::sync::OnceLock", "std::sync::Mutex", "std::thread"]
        .iter()
        .filter_map(|name| name_in(source, name, "take it from the module `sync`"))
        .collect()
}

fn name_in(source: &Source, name: &str, advice: &str) -> Option<Finding> {
    let uses = source.production_code().filter(|(_, line)| uses(line, name));
    let lines: Vec<usize> = uses.map(|(number, _)| number).collect();
    (!lines.is_empty()).then(|| Finding {
        rule: FORBIDDEN,
        place: format!("{} {name}", source.path),
        figure: lines.len(),
        advice: format!("lines {lines:?}: {advice}"),
    })
}

fn uses(line: &str, name: &str) -> bool {
    match name.strip_suffix("::") {
        Some(root) => line.contains(name) && has_word(line, root),
        None => has_word(line, name),
    }
}

/// A dialect that names another one.
fn sibling_dialects(source: &Source) -> Vec<Finding> {
    let Some((_, below)) = source.path.split_once("protocol/src/dialects/") else {
        return Vec::new();
    };
    let Some((own, _)) = below.split_once('/') else { return Vec::new() };
    ["relay", "workspace", "peer", "oplog", "maps"]
        .iter()
        .filter(|other| **other != own)
        .filter_map(|other| {
            let path = format!("dialects::{other}");
            name_in(source, &path, "a dialect knows the traits and itself, never a sibling")
        })
        .collect()
}

/// `unsafe` outside the one file of its crate that may have it, and blocks without SAFETY beside.
#[must_use]
pub fn unsafe_places(folder: &str, allowed: Option<&str>, sources: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in sources {
        let lines = unsafe_lines(source);
        if lines.is_empty() {
            continue;
        }
        let below = source.path.strip_prefix(&format!("{folder}/")).unwrap_or(&source.path);
        if allowed != Some(below) {
            found.push(finding_unsafe(
                source,
                lines.len(),
                "unsafe lives in one named file per crate",
            ));
        }
        let text: Vec<&str> = source.text.lines().collect();
        let said = |at: usize| text[at.saturating_sub(7)..at].iter().any(|l| is_reason(l));
        let bare = lines.iter().filter(|at| !said(**at)).count();
        if bare > 0 {
            found.push(finding_unsafe(source, bare, "say SAFETY: above the block"));
        }
    }
    found
}

fn is_reason(line: &str) -> bool {
    line.contains("SAFETY:") || line.contains("# Safety")
}

fn finding_unsafe(source: &Source, figure: usize, advice: &str) -> Finding {
    Finding { rule: UNSAFE, place: source.path.clone(), figure, advice: advice.into() }
}

#[cfg(test)]
mod tests {
    use super::{forbidden, unsafe_places};
    use crate::house::source::Source;

    fn found(path: &str, text: &str) -> usize {
        forbidden(&Source::new(path, text, false)).len()
    }

    #[test]
    fn the_protocol_reads_no_clock_and_opens_no_socket() {
        let path = "protocol/src/a.rs";
        assert_eq!(found(path, "use std::net::TcpStream;\n"), 2);
        assert_eq!(found(path, "let now = Instant::now();\n"), 1);
        assert_eq!(found(path, "std::thread::yield_now();\n"), 1);
        assert_eq!(found(path, "// Instant\nlet s = \"tokio\";\n"), 0);
        assert_eq!(found("server/src/a.rs", "let now = Instant::now();\n"), 0);
    }

    #[test]
    fn the_engine_knows_no_network_and_no_dialect() {
        assert_eq!(found("engine/src/a.rs", "async fn a() {}\nstruct relay;\n"), 2);
        assert_eq!(
            found("engine/src/a.rs", "fn a() {}\n#[cfg(test)]\nmod t {\n use tokio;\n}\n"),
            0
        );
    }

    #[test]
    fn the_engine_takes_locks_and_atomics_from_one_module() {
        assert_eq!(found("engine/src/a.rs", "use parking_lot::Mutex;\nstd::thread::park();\n"), 2);
        assert_eq!(found("engine/src/sync.rs", "use parking_lot::Mutex;\n"), 0);
    }

    #[test]
    fn the_client_does_not_know_the_server() {
        assert_eq!(found("client/src/a.rs", "use syncline::Server;\n"), 1);
        assert_eq!(found("client/src/a.rs", "use syncline_engine::Store;\n"), 0);
    }

    #[test]
    fn dialects_are_strangers() {
        let text = "use crate::dialects::maps::Hlc;\n";
        assert_eq!(found("protocol/src/dialects/relay/room.rs", text), 1);
        assert_eq!(found("protocol/src/dialects/maps/room.rs", text), 0);
        assert_eq!(found("protocol/src/dialects/mod.rs", text), 0);
    }

    #[test]
    fn unsafe_has_one_file_and_a_reason() {
        let bare = [Source::new("engine/src/a.rs", "fn f() {\n    unsafe { g() }\n}\n", false)];
        assert_eq!(unsafe_places("engine", None, &bare).len(), 2);
        assert_eq!(unsafe_places("engine", Some("src/a.rs"), &bare).len(), 1);
        let said =
            [Source::new("engine/src/a.rs", "// SAFETY: g is fine\nunsafe { g() }\n", false)];
        assert!(unsafe_places("engine", Some("src/a.rs"), &said).is_empty());
    }
}
