//! Two of the example's lists against a real server: they work without it, and converge with it.

#[allow(dead_code, unreachable_pub)]
#[path = "../../examples/todo.rs"]
mod example;

use std::path::Path;

use example::{Asked, checklist::screen::Screen, run};
use syncline::{Config, Server};
use tokio::sync::mpsc;

/// Runs a command as a person would; what it prints, or the error.
async fn todo(dir: &Path, server: (&str, &str), words: &str) -> String {
    typed(dir, server, words, &[]).await
}

async fn typed(dir: &Path, (url, token): (&str, &str), words: &str, lines: &[&str]) -> String {
    let env = |name: &str| match name {
        "TODO_DIR" => Some(dir.to_str().unwrap().to_owned()),
        "TODO_SERVER" => Some(url.to_owned()),
        "SYNCLINE_TOKEN" => Some(token.to_owned()),
        _ => None,
    };
    let words = words.split_whitespace().map(str::to_owned);
    let asked = Asked::parse(words, env).unwrap();
    let mut screen = Screen { out: Vec::new(), colour: false };
    let (sender, receiver) = mpsc::channel(16);
    for line in lines {
        sender.try_send((*line).to_owned()).unwrap();
    }
    drop(sender);
    match run(asked, receiver, &mut screen).await {
        Ok(()) => String::from_utf8(screen.out).unwrap(),
        Err(error) => format!("todo: {error}"),
    }
}

fn start(dir: &Path) -> (Server, String, String) {
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.storage.dir = dir.join("server");
    config.maps.value_bytes_max = 100;
    let server = Server::start(config).unwrap();
    let (url, token) = (format!("ws://{}", server.address()), server.development_token().unwrap());
    (server, url, token)
}

#[tokio::test]
async fn two_lists_work_offline_and_converge() {
    let dir = tempfile::tempdir().unwrap();
    let (phone, laptop) = (dir.path().join("phone"), dir.path().join("laptop"));
    // Nobody listens at this port.
    let nowhere = ("ws://127.0.0.1:9", "token");
    let said = todo(&phone, nowhere, "add buy milk").await;
    assert!(said.starts_with("added: buy milk\n○ offline: 1 changed here"), "{said}");
    todo(&phone, nowhere, "add call the plumber").await;
    todo(&laptop, nowhere, "add water the plants").await;
    let said = todo(&phone, nowhere, "done milk").await;
    assert!(said.starts_with("done: buy milk\n○ offline: 2 changed"), "{said}");

    let (server, url, token) = start(dir.path());
    let there = (&*url, &*token);
    assert!(todo(&phone, there, "list").await.ends_with("● saved\n"));
    let said = typed(&laptop, there, "watch --wait 9", &["list", "quit"]).await;
    assert!(said.contains("water the plants"), "{said}");
    let expected = "  1 ✓ buy milk\n  2 · call the plumber\n  3 · water the plants\n    2 of 3 to do\n● saved\n";
    assert_eq!(todo(&laptop, there, "list").await, expected);
    assert_eq!(todo(&phone, there, "").await, expected);
    assert_eq!(todo(&laptop, there, "rm 2").await, "removed: call the plumber\n● saved\n");
    let expected = "  1 ✓ buy milk\n  2 · water the plants\n    1 of 2 to do\n● saved\n";
    assert_eq!(todo(&phone, there, "list").await, expected);
    tokio::task::spawn_blocking(move || server.shutdown()).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_wrong_is_said_clearly() {
    let dir = tempfile::tempdir().unwrap();
    let (server, url, token) = start(dir.path());
    let list = dir.path().join("list");
    let denied = todo(&list, (&url, "no token"), "add a").await;
    assert!(denied.contains("○ denied: ") && denied.contains("SYNCLINE_TOKEN"), "{denied}");
    let long = format!("add {}", "x".repeat(100));
    let refused = todo(&dir.path().join("other"), (&url, &token), &long).await;
    assert!(refused.contains("does not take this"), "{refused}");
    let nowhere = ("ws://127.0.0.1:9", "");
    todo(&list, nowhere, "add ab").await;
    for (words, expected) in [
        ("done 7", "todo: there is no task 7"),
        ("done x", "todo: no task says \"x\""),
        ("done a", "todo: several tasks say \"a\": tell the number"),
        ("add", "todo: `add` wants to know what; see `todo help`"),
        ("fly", "todo: there is no command fly; see `todo help`"),
    ] {
        assert_eq!(todo(&list, nowhere, words).await, expected);
    }
    assert!(todo(&list, nowhere, "--help").await.contains("Usage: todo"));
    assert!(Asked::parse(["--colour".to_owned()], |_| None).is_err());
    assert!(Asked::parse(["--dir".to_owned()], |_| None).is_err());
    tokio::task::spawn_blocking(move || server.shutdown()).await.unwrap().unwrap();
}
