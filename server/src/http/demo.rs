//! `/demo/…`: the whiteboard of `serve --demo`, and the tokens its pages get.
//!
//! Knows the files, which are part of the program, and one claim: the board. The board's notes are the
//! workspace dialect's business.

use std::{net::IpAddr, time::Instant};

use http::{HeaderMap, Method, Request, StatusCode, header, uri::Authority};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use syncline_protocol::dialect::UnixMillis;

use super::{
    answer::{self, Answer, Problem, problem, too_often, with_header, wrong_method},
    now, target,
};
use crate::{
    auth::{self, SigningKey},
    config::Config,
};

/// Where it is; its files are below.
pub(super) const PATH: &str = "/demo";

/// What every workspace of a board begins with: a token for boards opens nothing else.
const WORKSPACE_PREFIX: &str = "demo-";
const BOARD_BYTES_MAX: usize = 64;

/// How long a token lasts.
const TOKEN_LIFETIME_MS: u64 = 12 * 3600 * 1000;
/// Tokens given out per second on average, and at once.
const TOKENS_PER_SECOND: f64 = 10.0;
const TOKENS_AT_ONCE: f64 = 100.0;

/// A file of the page: its name, its type, its bytes.
type File = (&'static str, &'static str, &'static [u8]);

macro_rules! file {
    ($name:literal, $kind:literal) => {
        ($name, $kind, include_bytes!(concat!("../../../examples/whiteboard/", $name)))
    };
}

const FILES: &[File] = &[
    file!("index.html", "text/html; charset=utf-8"),
    file!("style.css", "text/css; charset=utf-8"),
    file!("app.js", "text/javascript; charset=utf-8"),
    file!("board.js", "text/javascript; charset=utf-8"),
    file!("people.js", "text/javascript; charset=utf-8"),
    file!("workspace.js", "text/javascript; charset=utf-8"),
];

/// The page may load its own files and talk to this server; nothing may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a server that shows the demo keeps for it.
#[derive(Debug)]
pub(crate) struct Demo {
    /// Whether only this machine reaches the server.
    local: bool,
    /// What tokens are signed with; `None` where they are made elsewhere.
    key: Option<SigningKey>,
    /// What every token has to claim here.
    claims: Map<String, Value>,
    bucket: Mutex<Bucket>,
}

/// Tokens that may be given out now.
#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Demo {
    /// `None` when the demo is off. The secret must have been made, if it is not configured.
    pub(crate) fn new(config: &Config) -> Option<Self> {
        let secret = auth::signing_secret(&config.auth, &config.storage.dir).ok();
        let mut claims = Map::from_iter([("sub".to_owned(), Value::from("demo"))]);
        if let Some(issuer) = &config.auth.issuer {
            claims.insert("iss".into(), issuer.as_str().into());
        }
        if !config.auth.audience.is_empty() {
            claims.insert("aud".into(), config.auth.audience.clone().into());
        }
        let demo = || Self {
            local: config.http.listen.ip().to_canonical().is_loopback(),
            key: secret.as_deref().map(SigningKey::from_secret),
            claims,
            bucket: Mutex::new(Bucket { tokens: TOKENS_AT_ONCE, at: Instant::now() }),
        };
        config.http.demo.then(demo)
    }

    /// A token for one board, and the end of its time.
    fn grant(&self, board: &str, now: UnixMillis) -> Option<(String, UnixMillis)> {
        let expires = UnixMillis(now.0 + TOKEN_LIFETIME_MS);
        let mut claims = self.claims.clone();
        claims.insert("iat".into(), (now.0 / 1000).into());
        claims.insert("exp".into(), (expires.0 / 1000).into());
        claims.insert("workspaces".into(), json!([format!("{WORKSPACE_PREFIX}{board}")]));
        let token = self.key.as_ref()?.sign(&claims).ok()?;
        Some((token, expires))
    }
}

/// Answers a request whose path is [`PATH`] or below it.
pub(super) fn respond<B>(demo: &Demo, request: &Request<B>) -> Answer {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return wrong_method("this path answers GET and HEAD", "GET, HEAD");
    }
    match request.uri().path().strip_prefix(PATH) {
        Some("") => moved(),
        Some("/") => page(FILES[0]),
        Some("/token") => token(demo, request),
        Some(path) => match FILES.iter().find(|(name, ..)| path.strip_prefix('/') == Some(name)) {
            Some(file) => page(*file),
            None => super::nothing(),
        },
        None => super::nothing(),
    }
}

/// The page's files are named relative to the slash.
fn moved() -> Answer {
    with_header(answer::empty(StatusCode::PERMANENT_REDIRECT), header::LOCATION, "/demo/")
}

fn page((_, kind, bytes): File) -> Answer {
    let page = answer::answer(StatusCode::OK, kind, bytes);
    with_header(page, header::CONTENT_SECURITY_POLICY, POLICY)
}

fn token<B>(demo: &Demo, request: &Request<B>) -> Answer {
    if demo.local && !names_this_machine(request.headers()) {
        // Else a page of any site whose name leads here could ask like our own.
        return problem(Problem::Forbidden, "ask by the name localhost or a loopback address");
    }
    let board = match target::parameter(request.uri().query(), "board") {
        Ok(Some(board)) if is_board(&board) => board,
        _ => return problem(Problem::BadRequest, "board is 1 to 64 of a to z, 0 to 9 and hyphens"),
    };
    if !demo.bucket.lock().take(Instant::now()) {
        return too_often("too many tokens were asked for just now");
    }
    let now = now();
    match demo.grant(&board, now) {
        Some((token, expires)) => {
            let body = json!({ "token": token, "expires": expires.0, "now": now.0 });
            answer::json(StatusCode::OK, body.to_string())
        }
        None => problem(Problem::Forbidden, "this server checks tokens and cannot make them"),
    }
}

/// Whether the request was sent to a name that always means the machine it was sent on.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_matches(['[', ']']);
    let address = name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
    address || name == "localhost" || name.ends_with(".localhost")
}

fn is_board(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=BOARD_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain)
}

impl Bucket {
    fn take(&mut self, now: Instant) -> bool {
        let gained = now.duration_since(self.at).as_secs_f64() * TOKENS_PER_SECOND;
        self.at = now;
        self.tokens = (self.tokens + gained).min(TOKENS_AT_ONCE);
        let has = self.tokens >= 1.0;
        if has {
            self.tokens -= 1.0;
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn tokens_are_bounded_and_come_back_with_time() {
        let start = Instant::now();
        let mut bucket = Bucket { tokens: 2.0, at: start };
        assert!(bucket.take(start) && bucket.take(start) && !bucket.take(start));
        assert!(bucket.take(start + Duration::from_secs(1)));
        let later = start + Duration::from_secs(3600);
        let taken = (0..1000).filter(|_| bucket.take(later)).count();
        assert_eq!(taken as f64, TOKENS_AT_ONCE);
    }

    #[test]
    fn only_this_machine_is_this_machine() {
        let named = |host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, http::HeaderValue::from_static(host));
            names_this_machine(&headers)
        };
        assert!(named("localhost:8080") && named("127.0.0.1") && named("[::1]:80"));
        assert!(named("board.localhost") && named("127.9.9.9:1"));
        assert!(
            !named("rebound.example") && !named("10.0.0.1:8080") && !named("localhost.example")
        );
        assert!(!names_this_machine(&HeaderMap::new()));
    }

    #[test]
    fn a_board_has_a_plain_name() {
        assert!(is_board("welcome") && is_board("a-1"));
        assert!(!is_board("") && !is_board("A") && !is_board("a/b") && !is_board(&"a".repeat(65)));
    }

    fn is_file(name: &str) -> bool {
        [".js", ".css"].iter().any(|ending| name.ends_with(ending)) && !name.contains([' ', '\n'])
    }

    #[test]
    fn everything_the_page_names_is_there() {
        let texts = FILES.iter().map(|(_, _, bytes)| str::from_utf8(bytes).unwrap());
        let quoted = texts.flat_map(|text| text.split('"'));
        let named: Vec<&str> =
            quoted.map(|name| name.trim_start_matches("./")).filter(|n| is_file(n)).collect();
        assert_eq!(named.len(), 5, "{named:?}");
        for name in named {
            assert!(FILES.iter().any(|(file, ..)| *file == name), "{name}");
        }
    }
}
