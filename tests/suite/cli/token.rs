//! `syncline token`: tokens that a server takes, and why it would refuse others.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::Stdio,
};

use rustix::{
    process::Signal,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use serde_json::Value;
use syncline_tests::process::{Serving, command};
use tempfile::TempDir;

use crate::{Ran, run};

const SECRET: &str = "a-secret-of-the-house-with-many-letters";

/// A directory with a server's secret in `data`.
fn dir() -> TempDir {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    drop(serving);
    dir
}

fn token(dir: &Path, arguments: &[&str]) -> Ran {
    let data = dir.join("data");
    let more = ["--data-dir", data.to_str().unwrap()];
    run(&[&["token"], arguments, &more].concat(), &[])
}

/// What `token check --json` says of a token, given on standard input.
fn check(dir: &Path, token: &str, more: &[&str]) -> (Option<i32>, Value) {
    let data = dir.join("data");
    let fixed = ["token", "check", "-", "--json", "--data-dir", data.to_str().unwrap()];
    let mut command = command(&[&fixed, more].concat());
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    let ran = Ran::of(&child.wait_with_output().unwrap());
    assert!(!ran.out.contains(token.trim()) && !ran.err.contains(token.trim()));
    (ran.code, ran.out.parse().unwrap_or_else(|_| panic!("no JSON: {ran:?}")))
}

#[test]
fn a_token_that_is_made_is_taken_and_says_who_it_is_for() {
    let dir = dir();
    let flags = ["--sub", "ann", "--tenant", "acme", "--scope", "read write"];
    let more = ["--workspaces", "a,b", "--expires", "1h", "--claims", r#"{"team":7}"#];
    let maps = ["--perm", "todos*:READ,PUT", "--perm", "news:read", "--role", "editor"];
    let peer = ["--room", "team/*", "--room", "notes", "--kind", "data", "--hist"];
    let made = token(dir.path(), &[&["gen"], &flags[..], &more, &maps, &peer].concat());
    assert_eq!((made.code, made.err.as_str()), (Some(0), ""));
    assert_eq!(made.out.lines().count(), 1);
    let (code, told) = check(dir.path(), &made.out, &[]);
    assert_eq!((code, &told["valid"]), (Some(0), &Value::Bool(true)));
    assert_eq!((&told["subject"], &told["tenant"]), (&"ann".into(), &"acme".into()));
    assert_eq!(told["scopes"], serde_json::json!(["read", "write"]));
    assert_eq!(told["workspaces"], serde_json::json!(["a", "b"]));
    let perms =
        serde_json::json!([{"map":"todos*","ops":["READ","PUT"]},{"map":"news","ops":["READ"]}]);
    assert_eq!((&told["perms"], &told["roles"]), (&perms, &serde_json::json!(["editor"])));
    assert!(told["expires_ms"].is_u64() && told["grants_unreadable"] == false);
    assert_eq!(told["room"], serde_json::json!(["team/*", "notes"]));
    let said = ["kind", "pub", "hist", "room_grant_unreadable"].map(|name| &told[name]);
    assert_eq!(said, [&"data".into(), &Value::Bool(true), &Value::Bool(true), &false.into()]);
    let human = token(dir.path(), &["check", made.out.trim()]);
    assert!(human.out.contains(r#"["team/*", "notes"], for data"#), "{}", human.out);
    assert!(human.out.contains("would take") && human.out.contains("ann"), "{}", human.out);
    assert!(human.out.contains("todos*:READ+PUT"), "{}", human.out);
    let odd = token(dir.path(), &["gen", "--perm", "todos:WRITE"]);
    assert!(odd.code == Some(2) && odd.err.contains("READ, PUT and REMOVE"), "{}", odd.err);
    for odd in [&["--hist"][..], &["--room", ""], &["--room", "r", "--kind", "lobby"]] {
        let refused = token(dir.path(), &[&["gen"], odd].concat());
        assert_eq!(refused.code, Some(2), "{}", refused.err);
    }
}

#[test]
fn a_token_that_is_refused_is_refused_with_its_reason() {
    let dir = dir();
    let made = |more: &[&str]| token(dir.path(), &[&["gen"], more].concat()).out;
    let reason = |token: &str, more: &[&str]| {
        let (code, told) = check(dir.path(), token, more);
        assert_eq!((code, &told["valid"]), (Some(1), &Value::Bool(false)));
        told["reason"].as_str().unwrap().to_owned()
    };
    let fine = made(&[]);
    let mut other = fine.trim().to_owned();
    // Not the last letter, of which some bits are none of the signature.
    let last = other.remove(other.len() - 2);
    other.insert(other.len() - 1, if last == 'A' { 'B' } else { 'A' });
    assert_eq!(reason(&other, &[]), "signature");
    assert_eq!(reason(&made(&["--claims", r#"{"exp":1}"#]), &[]), "expired");
    assert_eq!(reason(&made(&["--claims", r#"{"nbf":99999999999}"#]), &[]), "not_yet");
    assert_eq!(reason(&fine, &["--auth-audience", "us"]), "audience");
    assert_eq!(reason(&fine, &["--auth-issuer", "us"]), "issuer");
    assert_eq!(reason(&made(&["--expires", "never"]), &["--auth-require-expiry"]), "no_expiry");
    assert_eq!(
        reason(&made(&["--algorithm", "HS512"]), &["--auth-algorithms", "HS256"]),
        "algorithm"
    );
    assert_eq!(reason("nonsense", &[]), "malformed");
    assert_eq!(reason(&"x".repeat(9 << 10), &[]), "too_long");
    let said = token(dir.path(), &["check", &other]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("signature is wrong") && !said.err.contains(&other), "{}", said.err);
}

#[test]
fn a_secret_can_be_changed_while_tokens_of_the_old_one_count() {
    let dir = TempDir::new().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    fs::write(&old, format!("{SECRET}\n")).unwrap();
    fs::write(&new, format!("{SECRET}-2\n")).unwrap();
    let (old, new) = (old.to_str().unwrap(), new.to_str().unwrap());
    let by = |file: &str| token(dir.path(), &["gen", "--secret-file", file]).out;
    let both = ["--auth-secret-file", new, "--auth-secret-previous-file", old];
    assert_eq!(check(dir.path(), &by(old), &both).0, Some(0));
    assert_eq!(check(dir.path(), &by(new), &both).0, Some(0));
    assert_eq!(check(dir.path(), &by(old), &both[..2]).0, Some(1));
}

#[test]
fn what_is_missing_or_wrong_has_an_exit_code_of_its_own() {
    let dir = TempDir::new().unwrap();
    let absent = token(dir.path(), &["gen"]);
    assert_eq!(absent.code, Some(4), "{}", absent.err);
    assert!(absent.err.contains("SECRET") && absent.err.contains("hint"), "{}", absent.err);
    assert!(!dir.path().join("data").exists(), "a look makes nothing");
    assert_eq!(token(dir.path(), &["check", "x"]).code, Some(4));
    assert_eq!(token(dir.path(), &["check"]).code, Some(2));
    assert_eq!(token(dir.path(), &["gen", "--expires", "soon"]).code, Some(2));
    assert_eq!(token(dir.path(), &["gen", "--key-file", "absent.pem"]).code, Some(4));
    let short = dir.path().join("short");
    fs::write(&short, "short-secret").unwrap();
    let short = token(dir.path(), &["gen", "--secret-file", short.to_str().unwrap()]);
    assert_eq!(short.code, Some(1));
    assert!(!short.err.contains("short-secret"), "{}", short.err);
    let nobody = ["check", "x", "--auth-jwks-url", "http://127.0.0.1:1/keys"];
    assert_eq!(token(dir.path(), &nobody).code, Some(6));
}

#[test]
fn a_server_with_a_bad_key_does_not_start_and_says_which() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("key.pem");
    fs::write(&file, "no key").unwrap();
    let file = file.to_str().unwrap();
    let data = dir.path().join("data");
    let more = ["--listen", "127.0.0.1:0", "--auth-public-key-file", file];
    let serve = run(&[&["serve", "--data-dir", data.to_str().unwrap()], &more[..]].concat(), &[]);
    assert_eq!(serve.code, Some(1));
    assert!(serve.err.contains(file), "{}", serve.err);
    let check = run(&["config", "check", "--auth-public-key-file", file], &[]);
    assert_eq!(check.code, Some(1));
    for secret in ["", "thirty-one-bytes-are-not-enough"] {
        let ran = run(&["serve"], &[("SYNCLINE_AUTH_SECRET", secret)]);
        assert_eq!(ran.code, Some(2));
        assert!(ran.err.contains("auth.secret wants 32"), "{}", ran.err);
    }
}

#[test]
fn the_banner_shows_a_token_to_a_person_and_never_to_a_log() {
    let dir = TempDir::new().unwrap();
    let banner = banner_on_terminal(&dir.path().join("data"));
    let shown = banner.split_whitespace().find(|word| word.starts_with("eyJ")).unwrap();
    let (code, told) = check(dir.path(), shown, &[]);
    assert_eq!((code, &told["subject"]), (Some(0), &"dev".into()), "{told}");
    let everything = serde_json::json!([{ "map": "*", "ops": ["READ", "PUT", "REMOVE"] }]);
    assert!(told["perms"] == everything && banner.contains("everything in all maps"), "{banner}");

    let serving = Serving::start(dir.path(), &[("SYNCLINE_LOG_LEVEL", "trace")]);
    serving.signal(Signal::TERM);
    let (_, output) = serving.ended();
    assert!(!output.contains("eyJ") && output.contains("token gen"), "{output}");
}

/// What a server shows when its standard output is a terminal. It has ended then.
fn banner_on_terminal(data: &Path) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let side = fs::OpenOptions::new().write(true).open(name.to_str().unwrap()).unwrap();
    let mut serve = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
    let mut child = serve.arg(data).stdout(side).stderr(Stdio::null()).spawn().unwrap();
    drop(serve);
    let mut terminal = fs::File::from(terminal);
    let mut shown = String::new();
    // An empty line stands behind its first line and behind its last.
    while shown.matches("\r\n\r\n").count() < 2 {
        let mut bytes = [0; 4096];
        let count = terminal.read(&mut bytes).unwrap();
        shown += &String::from_utf8_lossy(&bytes[..count]);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    shown
}
