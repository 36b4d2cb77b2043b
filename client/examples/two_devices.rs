//! Two devices keep one encrypted to-do list through a server that this example starts itself.
//!
//! One device goes offline, edits, and comes back. In the end both lists are equal, and the
//! server's directory holds no word of them.
//!
//! ```sh
//! cargo run -p syncline-client --example two_devices
//! ```
#![allow(clippy::print_stdout, reason = "the example tells a story")]

mod airplane;

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fs,
    path::Path,
};

use airplane::Network;
use serde::{Deserialize, Serialize};
use syncline::{Config, Server};
use syncline_client::relay::{
    Changes, Client, Event, InMemory, Secret, Settings, Status, WebSocket,
};
use tokio::sync::watch;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let dir = tempfile::tempdir()?;
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.storage.dir = dir.path().join("data");
    let server = Server::start(config)?;
    let url = format!("ws://{}/sync", server.address());
    let secret = Secret::generate()?;
    println!("A server runs at {url}.");
    println!("Two devices share a secret. The server knows the list only as");
    println!("  {}\n", secret.discovery_key());

    let mut phone = Device::start("phone", &url, &secret)?;
    let mut laptop = Device::start("laptop", &url, &secret)?;
    phone.add("buy milk").await?;
    laptop.add("call the plumber").await?;
    phone.wait_for(2).await?;
    laptop.wait_for(2).await?;

    phone.airplane_mode(true).await?;
    phone.add("read on the plane").await?;
    phone.tick_off("buy milk").await?;
    laptop.add("water the plants").await?;
    println!("          phone has {} unsaved changes\n", phone.client.unsaved());
    phone.airplane_mode(false).await?;
    phone.wait_for(5).await?;
    laptop.wait_for(5).await?;

    phone.show();
    laptop.show();
    assert_eq!(phone.list, laptop.list, "both devices see the same list");
    println!("Both lists are equal.");

    phone.client.shutdown().await;
    laptop.client.shutdown().await;
    server.shutdown()?;
    let data = written_in(&dir.path().join("data"))?;
    assert!(holds(&data, &secret.discovery_key()), "the server kept the document");
    for task in phone.list.tasks.keys() {
        assert!(!holds(&data, task), "the server wrote {task:?} in the clear");
    }
    println!("None of their words is in the {} bytes that the server wrote.", data.len());
    Ok(())
}

/// One edit of the list, as it travels inside a sealed change.
#[derive(Clone, Serialize, Deserialize)]
enum Edit {
    Add(String),
    TickOff(String),
}

/// A to-do list whose edits mean the same in any order.
#[derive(Debug, Default, PartialEq, Eq)]
struct List {
    /// Whether each task has been added yet: ticking it off may be heard of first.
    tasks: BTreeMap<String, bool>,
    done: BTreeSet<String>,
    edits: usize,
}

impl List {
    fn apply(&mut self, edit: Edit) {
        self.edits += 1;
        match edit {
            Edit::Add(task) => drop(self.tasks.insert(task, true)),
            Edit::TickOff(task) => drop(self.done.insert(task)),
        }
    }
}

/// A device: its list, its client, and a switch for its network.
struct Device {
    name: &'static str,
    list: List,
    client: Client,
    changes: Changes,
    airplane: watch::Sender<bool>,
}

impl Device {
    fn start(name: &'static str, url: &str, secret: &Secret) -> Outcome<Self> {
        let airplane = watch::Sender::new(false);
        let network = Network { socket: WebSocket::new(url)?, airplane: airplane.subscribe() };
        let (client, changes) = Client::start(network, secret, Settings::default(), InMemory)?;
        Ok(Self { name, list: List::default(), client, changes, airplane })
    }

    async fn add(&mut self, task: &str) -> Outcome {
        println!("{:>8}: adds \"{task}\"", self.name);
        self.edit(Edit::Add(task.into())).await
    }

    async fn tick_off(&mut self, task: &str) -> Outcome {
        println!("{:>8}: ticks off \"{task}\"", self.name);
        self.edit(Edit::TickOff(task.into())).await
    }

    /// Local first: the list changes at once, the change goes out when it can.
    async fn edit(&mut self, edit: Edit) -> Outcome {
        self.list.apply(edit.clone());
        self.client.submit(&serde_json::to_vec(&edit)?).await?;
        Ok(())
    }

    /// Takes in changes until the list has seen so many edits, and all of its own are saved.
    async fn wait_for(&mut self, edits: usize) -> Outcome {
        while self.list.edits < edits {
            match self.changes.next().await {
                Some(Event::Change(change)) => {
                    println!("{:>8}: receives change {}", self.name, change.sequence);
                    self.list.apply(serde_json::from_slice(&change.body)?);
                }
                other => return Err(format!("{}: {other:?}", self.name).into()),
            }
        }
        self.client.saved().await?;
        println!("{:>8}: everything is saved", self.name);
        Ok(())
    }

    async fn airplane_mode(&self, on: bool) -> Outcome {
        println!("\n{:>8}: airplane mode {}", self.name, if on { "on" } else { "off" });
        self.airplane.send_replace(on);
        self.client.retry_now();
        let reached = |status: &Status| match status {
            Status::Offline { .. } => on,
            Status::Live { .. } => !on,
            _ => false,
        };
        self.client.status().wait_for(reached).await?;
        Ok(())
    }

    fn show(&self) {
        println!("\n{:>8}'s list:", self.name);
        for task in self.list.tasks.keys() {
            let mark = if self.list.done.contains(task) { 'x' } else { ' ' };
            println!("          [{mark}] {task}");
        }
    }
}

/// What is in the files of a directory, one behind the other.
fn written_in(dir: &Path) -> Outcome<Vec<u8>> {
    let mut data = Vec::new();
    for entry in fs::read_dir(dir)? {
        let bytes = fs::read(entry?.path())?;
        // Segment files are made longer than what is in them yet.
        let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        data.extend_from_slice(&bytes[..written]);
    }
    Ok(data)
}

fn holds(data: &[u8], word: &str) -> bool {
    data.windows(word.len()).any(|part| part == word.as_bytes())
}
