//! Two devices draw on one whiteboard through a server that this example starts itself.
//!
//! One device goes offline, draws, and is killed before it is online again. In the end both show
//! the same board, with everything that was drawn.
//!
//! ```sh
//! cargo run -p syncline-client --example whiteboard_cli
//! ```
#![allow(clippy::print_stdout, reason = "the example tells a story")]

mod airplane;

use std::{collections::BTreeMap, error::Error, path::PathBuf};

use airplane::Network;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use syncline::{Config, Server, auth::SigningKey};
use syncline_client::workspace::{
    Client, Link, Settings, Status, StoreState, WebSocket, workspace_url,
};
use syncline_engine::{Options, Store};
use tokio::sync::watch;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const SECRET: &str = "whoever knows this can sign tokens";

/// What lies on the board under a key such as `shape/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Shape {
    kind: String,
    x: i32,
    y: i32,
    color: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let dir = tempfile::tempdir()?;
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.storage.dir = dir.path().join("server");
    config.auth.secret = Some(SECRET.into());
    let server = Server::start(config)?;
    let url = workspace_url(&format!("ws://{}", server.address()), "our board", None);
    println!("A server runs at {url}.\n");

    let mut phone = Device::start("phone", &url, dir.path().join("phone"), false)?;
    let laptop = Device::start("laptop", &url, dir.path().join("laptop"), false)?;
    phone.draw("shape/1", "circle", "red").await?;
    laptop.draw("shape/2", "square", "blue").await?;
    phone.shows(2).await?;
    laptop.shows(2).await?;
    phone.client.saved().await?;

    phone.airplane_mode(true).await?;
    phone.draw("shape/3", "star", "gold").await?;
    phone.draw("shape/2", "square", "green").await?;
    laptop.draw("shape/1", "circle", "black").await?;
    laptop.draw("shape/4", "line", "gray").await?;
    println!("          phone has {} values that wait", phone.client.status().borrow().pending);

    println!("\n   phone: is killed, and starts again, still without a network");
    phone = phone.kill(&url)?;
    phone.show();
    phone.airplane_mode(false).await?;
    for device in [&phone, &laptop] {
        device.shows(4).await?;
        device.client.saved().await?;
    }
    laptop.shows_color("shape/2", "green").await?;
    phone.shows_color("shape/1", "black").await?;

    phone.show();
    laptop.show();
    assert_eq!(phone.board()?, laptop.board()?, "both devices show the same board");
    println!("\nBoth boards are equal.");
    phone.client.shutdown().await;
    laptop.client.shutdown().await;
    server.shutdown()?;
    Ok(())
}

/// A device: its client, the store under it, and a switch for its network.
struct Device {
    name: &'static str,
    dir: PathBuf,
    store: Store,
    client: Client,
    airplane: watch::Sender<bool>,
}

impl Device {
    fn start(name: &'static str, url: &str, dir: PathBuf, offline: bool) -> Outcome<Self> {
        let claims = json!({ "sub": name });
        let claims: &Map<_, _> = claims.as_object().ok_or("claims are an object")?;
        let token = SigningKey::from_secret(SECRET).sign(claims)?;
        let airplane = watch::Sender::new(offline);
        let socket = WebSocket::new(url)?.with_token(&token)?;
        let network = Network { socket, airplane: airplane.subscribe() };
        let store = Store::open(&dir, Options::default())?;
        let state = StoreState::open(&store, "our board")?;
        let client = Client::start(network, Settings::default(), state)?;
        Ok(Self { name, dir, store, client, airplane })
    }

    /// Nothing is closed and nobody is told: what counts is what is on the disk.
    fn kill(self, url: &str) -> Outcome<Self> {
        let Self { name, dir, store, client, .. } = self;
        let left = dir.with_extension("left");
        std::fs::create_dir(&left)?;
        for file in std::fs::read_dir(&dir)? {
            let file = file?;
            if file.file_name() != "LOCK" {
                std::fs::copy(file.path(), left.join(file.file_name()))?;
            }
        }
        drop((client, store));
        Self::start(name, url, left, true)
    }

    /// Local first: the value shows at once, and goes out when it can.
    async fn draw(&self, key: &str, kind: &str, color: &str) -> Outcome {
        println!("{:>8}: draws a {color} {kind} ({key})", self.name);
        let shape = Shape { kind: kind.into(), x: 10, y: 20, color: color.into() };
        self.client.set(key, &shape).await?;
        Ok(())
    }

    fn board(&self) -> Outcome<BTreeMap<String, Shape>> {
        let mut board = BTreeMap::new();
        for key in self.client.keys() {
            if let Some(shape) = self.client.get(&key)? {
                board.insert(key.to_string(), shape);
            }
        }
        Ok(board)
    }

    /// Waits until so many shapes show.
    async fn shows(&self, shapes: usize) -> Outcome {
        let mut watch = self.client.watch();
        while self.client.keys().len() < shapes {
            watch.next().await.ok_or("the client has ended")?;
        }
        Ok(())
    }

    /// Waits until a shape shows in a color.
    async fn shows_color(&self, key: &str, color: &str) -> Outcome {
        let mut watch = self.client.watch_key(key);
        while self.client.get::<Shape>(key)?.is_none_or(|shape| shape.color != color) {
            watch.next().await.ok_or("the client has ended")?;
        }
        println!("{:>8}: sees {key} in {color}", self.name);
        Ok(())
    }

    async fn airplane_mode(&self, on: bool) -> Outcome {
        println!("\n{:>8}: airplane mode {}", self.name, if on { "on" } else { "off" });
        self.airplane.send_replace(on);
        self.client.retry_now();
        let reached = |status: &Status| match status.link {
            Link::Offline { .. } => on,
            Link::Synced => !on,
            _ => false,
        };
        self.client.status().wait_for(reached).await?;
        Ok(())
    }

    fn show(&self) {
        println!("\n{:>8}'s board:", self.name);
        for (key, shape) in self.board().unwrap_or_default() {
            println!("          {key}: a {} {}", shape.color, shape.kind);
        }
    }
}
