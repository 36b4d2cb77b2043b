//! A list of tasks for the terminal. It works offline in a directory of its own, and comes to hold the
//! same as every other one of the same user once there is a network.
//!
//! ```sh
//! syncline serve                                # in one terminal; prints a development token
//! export SYNCLINE_TOKEN=…                       # in the others
//! cargo run -p syncline-client --example todo -- --dir phone add buy milk
//! cargo run -p syncline-client --example todo -- --dir laptop watch
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person")]

pub mod checklist;

use std::{
    env,
    error::Error,
    io::{self, BufRead, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use checklist::{Checklist, Task, screen::Screen};
use futures_util::FutureExt as _;
use syncline_client::maps::{Client, Event, Settings, StartError, Status, Watch};
use tokio::{sync::mpsc, time::timeout};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const HELP: &str = "\
A list of tasks that works offline.

Usage: todo [OPTIONS] [COMMAND]

Commands:
  list          shows the list; what is done without a command
  add TEXT      adds a task
  done WHICH    ticks a task off: its number, or words that only it has
  undo WHICH    takes that back
  rm WHICH      removes a task
  watch         shows what changes as it happens, and takes commands; `quit` ends it
  help          shows this

Options:
  --dir DIR       where the list is kept on this device [env TODO_DIR, default ./todo-data]
  --server URL    the server [env TODO_SERVER, default ws://127.0.0.1:8080]
  --token TOKEN   what lets you in [env SYNCLINE_TOKEN]; `syncline serve` prints one
                  on a terminal, `syncline token gen --sub NAME` makes one
  --map NAME      which list [default todos]
  --wait SECONDS  how long to wait for the server before leaving [default 3]
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let colour = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none();
    let mut screen = Screen { out: io::stdout(), colour };
    let ended = async {
        let asked = Asked::parse(env::args().skip(1), |name| env::var(name).ok())?;
        let lines = if asked.words.first().is_some_and(|word| word == "watch") {
            stdin_lines()
        } else {
            mpsc::channel(1).1
        };
        tokio::select! {
            ended = run(asked, lines, &mut screen) => ended,
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    };
    match ended.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("todo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Lines that a person types. The thread that waits for one ends with the program.
fn stdin_lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// What a person asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    dir: PathBuf,
    server: String,
    token: String,
    map: String,
    wait: Duration,
    words: Vec<String>,
}

impl Asked {
    /// Reads what follows the program's name.
    pub fn parse(
        args: impl IntoIterator<Item = String>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Outcome<Self> {
        let from = |name: &str, default: &str| env(name).unwrap_or_else(|| default.to_owned());
        let mut asked = Self {
            dir: from("TODO_DIR", "todo-data").into(),
            server: from("TODO_SERVER", "ws://127.0.0.1:8080"),
            token: from("SYNCLINE_TOKEN", ""),
            map: "todos".into(),
            wait: Duration::from_secs(3),
            words: Vec::new(),
        };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} wants a value; see `todo help`"));
            match &*arg {
                "--dir" => asked.dir = value()?.into(),
                "--server" => asked.server = value()?,
                "--token" => asked.token = value()?,
                "--map" => asked.map = value()?,
                "--wait" => asked.wait = Duration::try_from_secs_f64(value()?.parse()?)?,
                "-h" | "--help" => asked.words = vec!["help".into()],
                option if option.starts_with("--") => {
                    return Err(format!("there is no option {option}; see `todo help`").into());
                }
                _ => asked.words.push(arg),
            }
        }
        Ok(asked)
    }
}

/// Does what is asked for. `lines` are further commands for `watch`.
pub async fn run<W: Write>(
    asked: Asked,
    lines: mpsc::Receiver<String>,
    screen: &mut Screen<W>,
) -> Outcome {
    let words: Vec<&str> = asked.words.iter().map(String::as_str).collect();
    if words == ["help"] {
        return Ok(write!(screen.out, "{HELP}")?);
    }
    let client = Client::open(&asked.dir, &asked.server, &*asked.token, Settings::default());
    let client = client.map_err(|error| match error {
        StartError::Store(syncline_engine::Error::Locked { .. }) => {
            format!("another todo has the list in {} open; end it first", asked.dir.display())
                .into()
        }
        error => Box::<dyn Error>::from(error),
    })?;
    let list = Checklist::new(client.map(&asked.map).await?, client.node());
    let mut refused = list.map().watch();
    let done = match &*words {
        ["watch"] => live(&client, &list, lines, screen).await,
        ["list"] | [] => {
            wait_for_server(&client, asked.wait).await;
            screen.list(&list)
        }
        words => {
            let done = command(words, &list, screen);
            wait_for_server(&client, asked.wait).await;
            done.and_then(|()| show_refused(&mut refused, screen))
        }
    };
    if done.is_ok() {
        screen.status(&client.status().borrow(), &asked.server)?;
    }
    client.shutdown().await?;
    done
}

/// A change of the list.
fn command<W: Write>(words: &[&str], list: &Checklist, screen: &mut Screen<W>) -> Outcome {
    let (verb, rest) = words.split_first().ok_or("say what to do; see `todo help`")?;
    let rest = rest.join(" ");
    match (*verb, rest.is_empty()) {
        ("add" | "done" | "undo" | "rm", true) => {
            Err(format!("`{verb}` wants to know what; see `todo help`").into())
        }
        ("add", _) => {
            list.add(&rest)?;
            screen.said("added", &rest)
        }
        ("done" | "undo", _) => {
            let (key, task) = list.find(&rest)?;
            list.write(&key, &Task { done: *verb == "done", ..task.clone() })?;
            screen.said(if *verb == "done" { "done" } else { "to do again" }, &task.text)
        }
        ("rm", _) => {
            let (key, task) = list.find(&rest)?;
            list.remove(&key)?;
            screen.said("removed", &task.text)
        }
        (other, _) => Err(format!("there is no command {other}; see `todo help`").into()),
    }
}

/// Returns when this device and the server hold the same, or when that has to wait.
async fn wait_for_server(client: &Client, at_most: Duration) {
    let mut status = client.status();
    let is_away = |status: &Status| match status {
        Status::Offline { retry_in, .. } => retry_in.is_some(),
        status => matches!(status, Status::Denied { .. } | Status::Stopped { .. }),
    };
    let _ = timeout(at_most, async {
        tokio::select! {
            _ = client.synced() => {}
            _ = status.wait_for(is_away) => {}
        }
    })
    .await;
}

/// Tells of changes that the server did not take. Fails if there are any.
fn show_refused<W: Write>(watch: &mut Watch, screen: &mut Screen<W>) -> Outcome {
    let mut refused = 0;
    while let Some(Some(event)) = watch.next().now_or_never() {
        if matches!(event, Event::Rejected(_)) {
            screen.event(&event)?;
            refused += 1;
        }
    }
    if refused == 0 { Ok(()) } else { Err("the server does not take this from you".into()) }
}

/// Shows what happens and takes commands until `quit`.
async fn live<W: Write>(
    client: &Client,
    list: &Checklist,
    mut lines: mpsc::Receiver<String>,
    screen: &mut Screen<W>,
) -> Outcome {
    let mut watch: Watch = list.map().watch();
    let mut status = client.status();
    screen.list(list)?;
    let mut shown = String::new();
    loop {
        tokio::select! {
            line = lines.recv() => match line.as_deref().map(str::trim) {
                None | Some("quit") => return Ok(()),
                Some("list" | "") => screen.list(list)?,
                Some(line) => {
                    let words: Vec<&str> = line.split_whitespace().collect();
                    if let Err(error) = command(&words, list, screen) {
                        screen.said("sorry", &error.to_string())?;
                    }
                }
            },
            event = watch.next() => match event {
                Some(event) => screen.event(&event)?,
                None => return Ok(()),
            },
            changed = status.changed() => {
                changed?;
                let now = status.borrow_and_update().to_string();
                // A single write is saved before anybody could read that it is not.
                if now != shown && !now.starts_with("saving") {
                    screen.faint(&format!("({now})"))?;
                    shown = now;
                }
            }
        }
    }
}
