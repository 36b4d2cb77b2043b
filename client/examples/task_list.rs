//! Two devices share a list of tasks as a log of operations, through a server that this example
//! starts itself.
//!
//! One device goes offline, edits, is closed and opened again, and comes back; then the other one
//! replaces the whole list. Each device keeps its list in the store that its client uses, so that
//! no operation is ever taken in twice.
//!
//! ```sh
//! cargo run -p syncline-client --example task_list
//! ```
#![allow(clippy::print_stdout, reason = "the example tells a story")]

use std::{
    collections::BTreeMap,
    error::Error,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use syncline::{Config, Server};
use syncline_client::oplog::{
    Client, ConnectionError, Event, Events, Http, HttpBody, Op, Payload, Request, Response,
    Settings, Status, Transport,
};
use syncline_engine::{Batch, Map, Options, Store};
use tokio::sync::watch;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let dir = tempfile::tempdir()?;
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.storage.dir = dir.path().join("server");
    let server = Server::start(config)?;
    let url = format!("http://{}", server.address());
    println!("A server runs at {url}.\n");

    let mut phone = Device::open("phone", &url, dir.path())?;
    let mut laptop = Device::open("laptop", &url, dir.path())?;
    phone.edit(Edit::Add("buy milk")).await?;
    laptop.edit(Edit::Add("call the plumber")).await?;
    phone.wait_for(2, 0).await?;
    laptop.wait_for(2, 0).await?;

    println!("\n   phone: airplane mode on");
    phone.airplane.send_replace(true);
    phone.edit(Edit::Add("read on the plane")).await?;
    phone.edit(Edit::TickOff("buy milk")).await?;
    println!("   phone: is switched off with {} unsaved operations", phone.client.unsaved());
    phone.close().await?;
    laptop.edit(Edit::Add("water the plants")).await?;
    println!("   phone: is switched on at the airport\n");
    let mut phone = Device::open("phone", &url, dir.path())?;
    phone.wait_for(4, 1).await?;
    laptop.wait_for(4, 1).await?;
    assert_eq!(phone.show()?, laptop.show()?, "both devices see the same list");

    println!("\n  laptop: replaces the list on all devices by an imported one");
    laptop.import(&[("a fresh start", false)]).await?;
    laptop.edit(Edit::Add("and what follows")).await?;
    phone.wait_for(2, 0).await?;
    laptop.wait_for(2, 0).await?;
    assert_eq!(phone.show()?, laptop.show()?, "both devices see the imported list");
    println!("\nBoth lists are equal.");

    phone.close().await?;
    laptop.close().await?;
    server.shutdown()?;
    Ok(())
}

/// One edit of the list, as it travels in an operation. A task that is ticked off stays so.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Edit<'a> {
    Add(&'a str),
    TickOff(&'a str),
}

impl Edit<'_> {
    /// Adds to a batch what the edit makes of the list.
    fn apply(self, list: &Map, batch: &mut Batch) -> Outcome {
        match self {
            Edit::Add(task) if list.contains(task.as_bytes())? => {}
            Edit::Add(task) => batch.put(list, task.as_bytes(), b" "),
            Edit::TickOff(task) => batch.put(list, task.as_bytes(), b"x"),
        }
        Ok(())
    }
}

/// A device: one store for its list and its client, and a switch for its network.
struct Device {
    name: &'static str,
    store: Store,
    list: Map,
    client: Client,
    events: Events,
    airplane: watch::Sender<bool>,
}

impl Device {
    fn open(name: &'static str, url: &str, dir: &Path) -> Outcome<Self> {
        let path: PathBuf = dir.join(name);
        let mut options = Options::default();
        options.segment_bytes = 1 << 20;
        let store = Store::open(path, options)?;
        let list = store.map("list")?;
        let airplane = watch::Sender::new(false);
        let network = Network { http: Http::new(url)?, airplane: airplane.subscribe() };
        let mut settings = Settings::default();
        settings.poll = Duration::from_millis(50);
        let (client, events) = Client::start(network, &store, "tasks", settings)?;
        Ok(Self { name, store, list, client, events, airplane })
    }

    /// Local first: the list changes at once, the operation goes out when it can.
    async fn edit(&self, edit: Edit<'_>) -> Outcome {
        let (Edit::Add(task) | Edit::TickOff(task)) = edit;
        println!("{:>8}: edits \"{task}\"", self.name);
        self.client.record("list", "list-1", Payload::of(&edit)?).await?;
        let mut batch = Batch::new();
        edit.apply(&self.list, &mut batch)?;
        self.store.commit(batch)?.wait()?;
        Ok(())
    }

    /// Takes in what comes until the list has so many tasks, so many of them are ticked off, and
    /// all of its own are saved.
    async fn wait_for(&mut self, tasks: usize, done: usize) -> Outcome {
        self.client.status().wait_for(|status| matches!(status, Status::Live { .. })).await?;
        while self.counts()? != (tasks, done) {
            let event = self.events.next().await?.ok_or("the client has ended")?;
            self.take_in(event)?;
        }
        self.client.saved().await?;
        println!("{:>8}: has {tasks} tasks, and everything is saved", self.name);
        Ok(())
    }

    /// What the event does to the list, and that it has come, are one batch.
    fn take_in(&mut self, event: Event) -> Outcome {
        let mut batch = Batch::new();
        match event {
            Event::Ops(ops) => self.apply(&ops, &mut batch)?,
            Event::Dataset { snapshot, pending, cause, .. } => {
                println!("{:>8}: takes over a list ({cause:?})", self.name);
                for entry in &self.list {
                    batch.remove(&self.list, &entry?.0);
                }
                let tasks: BTreeMap<String, bool> = serde_json::from_str(&snapshot)?;
                for (task, done) in tasks {
                    batch.put(&self.list, task.as_bytes(), if done { b"x" } else { b" " });
                }
                self.apply(&pending, &mut batch)?;
            }
            other => println!("{:>8}: {other:?}", self.name),
        }
        self.events.settle(batch)?;
        Ok(())
    }

    fn apply(&self, ops: &[Op], batch: &mut Batch) -> Outcome {
        for op in ops {
            println!("{:>8}: receives operation {:?}", self.name, op.server_seq);
            serde_json::from_str::<Edit<'_>>(op.payload.json())?.apply(&self.list, batch)?;
        }
        Ok(())
    }

    /// Replaces the list of everybody.
    async fn import(&self, tasks: &[(&str, bool)]) -> Outcome {
        let mut batch = Batch::new();
        for entry in &self.list {
            batch.remove(&self.list, &entry?.0);
        }
        for (task, done) in tasks {
            batch.put(&self.list, task.as_bytes(), if *done { b"x" } else { b" " });
        }
        self.store.commit(batch)?;
        let tasks: BTreeMap<_, _> = tasks.iter().copied().collect();
        self.client.reset(&serde_json::to_string(&tasks)?).await?;
        Ok(())
    }

    fn counts(&self) -> Outcome<(usize, usize)> {
        let (mut tasks, mut done) = (0, 0);
        for entry in &self.list {
            tasks += 1;
            done += usize::from(&entry?.1[..] == b"x");
        }
        Ok((tasks, done))
    }

    fn show(&self) -> Outcome<BTreeMap<String, String>> {
        println!("\n{:>8}'s list:", self.name);
        let mut tasks = BTreeMap::new();
        for entry in &self.list {
            let (task, mark) = entry?;
            tasks.insert(String::from_utf8(task.into())?, String::from_utf8(mark.into())?);
        }
        for (task, mark) in &tasks {
            println!("          [{mark}] {task}");
        }
        Ok(tasks)
    }

    async fn close(self) -> Outcome {
        self.client.close().await;
        self.store.close()?;
        Ok(())
    }
}

/// The real network, with an airplane mode.
struct Network {
    http: Http,
    airplane: watch::Receiver<bool>,
}

impl Transport for Network {
    type Body = HttpBody;

    async fn send(&self, request: Request) -> Result<Response<HttpBody>, ConnectionError> {
        if *self.airplane.borrow() {
            return Err(ConnectionError::Io(ErrorKind::NetworkUnreachable));
        }
        self.http.send(request).await
    }
}
