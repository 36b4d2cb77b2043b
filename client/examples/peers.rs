//! Three people keep a shopping list in an end-to-end encrypted room, through a server that this example
//! starts itself and that reads no word of it.
//!
//! Alice founds the group and invites Bob and Carol with codes. Bob writes in a tunnel. In the end Carol is
//! taken out, and reads nothing new.
//!
//! ```sh
//! cargo run -p syncline-client --example peers
//! ```
#![allow(clippy::print_stdout, reason = "the example tells a story")]

mod airplane;

use std::{
    error::Error,
    fs,
    io::{self, Write},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use syncline::{Config, Server, auth::SigningKey};
use syncline_client::peer::{
    AddressError, Ask, Group, Invitation, Invite, JoinError, Network, Peers, Relay, Room, Settings,
};
use syncline_engine::{Options, Store};
use tokio::{sync::watch, time::timeout};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// What the server checks tokens with.
const SECRET: &str = "a secret of the server, for this example";
/// The group, which is also the name of the room in which strangers show their codes.
const GROUP: &str = "family";
/// The room in which the group keeps what it shares.
const DATA_ROOM: &str = "family-data";
/// The table that this application keeps in it.
const LIST: &str = "shopping";
/// Long enough for anything that comes at all.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    run(&mut io::stdout()).await
}

/// Tells the story, and fails when it is not true.
pub async fn run(out: &mut impl Write) -> Outcome {
    let dir = tempfile::tempdir()?;
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.storage.dir = dir.path().join("server");
    config.auth.secret = Some(SECRET.to_owned());
    let server = Server::start(config)?;
    let url = format!("ws://{}", server.address());
    writeln!(out, "A server runs at {url}.\n")?;
    timeout(PATIENCE, story(out, dir.path(), &url)).await??;
    server.shutdown()?;
    for word in ["milk", "bread", "cake"] {
        assert!(!is_written_in(&dir.path().join("server"), word)?, "{word:?} in the clear");
    }
    writeln!(out, "None of their words is in the files of the server.")?;
    Ok(())
}

async fn story(out: &mut impl Write, dir: &Path, url: &str) -> Outcome {
    let alice = Person::new("alice", dir, url)?;
    let home = alice.peers.found(DATA_ROOM, token("alice", "data")?, &Group::named(GROUP))?;
    let door = alice.peers.host_invites(GROUP, token("alice", "invite")?)?;
    home.synced().await?;
    writeln!(out, "Alice founds the group {GROUP:?}. Her key: {}", home.keys().fingerprint())?;

    let bob = Person::new("bob", dir, url)?;
    let code = home.invite(&Invite::default())?;
    let bobs = bob.join(&code).await?;
    writeln!(out, "Bob shows the code she gave him, and is let in.")?;
    add(&home, "milk")?;
    sees(&bobs, "milk").await?;
    writeln!(out, "Alice adds milk; Bob sees it.")?;

    let carol = Person::new("carol", dir, url)?;
    match carol.redeem(&code).await {
        Err(JoinError::Refused(_)) => writeln!(out, "\nCarol tries the same code: refused.")?,
        other => return Err(format!("a used code: {other:?}").into()),
    }
    let carols = carol.join(&home.invite(&Invite::default())?).await?;
    sees(&carols, "milk").await?;
    writeln!(out, "With a code of her own she is let in, and sees the milk too.")?;

    bob.tunnel(true, &bobs).await?;
    add(&bobs, "bread")?;
    bobs.durable().await?;
    writeln!(out, "\nBob is in a tunnel and adds bread. It is on his device, and nowhere else.")?;
    assert!(!list(&home)?.contains(&"bread".to_owned()), "it cannot have come");
    bob.tunnel(false, &bobs).await?;
    sees(&home, "bread").await?;
    sees(&carols, "bread").await?;
    writeln!(out, "Bob is out of the tunnel; Alice and Carol see the bread.")?;

    home.revoke("carol")?;
    bobs.wait_for(|room| (room.members().ok()?.len() == 2).then_some(())).await?;
    add(&home, "cake for Carol's birthday")?;
    sees(&bobs, "cake for Carol's birthday").await?;
    writeln!(out, "\nAlice takes Carol out of the group, then adds a cake; Bob sees it.")?;
    for (name, room) in [("Alice", &home), ("Bob", &bobs), ("Carol", &carols)] {
        writeln!(out, "{name:>8}: {}", list(room)?.join(", "))?;
    }
    assert_eq!(list(&home)?, list(&bobs)?, "members have the same list");
    assert_eq!(list(&carols)?, ["bread", "milk"], "Carol reads nothing new");
    carols.status().wait_for(|status| status.removed).await?;
    writeln!(out, "Carol's room says: {}.", carols.status().borrow().clone())?;

    door.close().await;
    for person in [alice, bob, carol] {
        person.peers.close().await;
    }
    Ok(())
}

fn add(room: &Room, what: &str) -> Outcome {
    Ok(room.put(LIST, what, json!({ "bought": false }).to_string())?)
}

fn list(room: &Room) -> Outcome<Vec<String>> {
    Ok(room.rows(LIST)?.into_iter().map(|(id, _)| id).collect())
}

async fn sees(room: &Room, what: &str) -> Outcome {
    Ok(room.wait_for(|room| room.get(LIST, what).ok()?.map(drop)).await?)
}

/// Somebody with a device, and a switch for its network.
struct Person {
    name: &'static str,
    peers: Peers,
    underground: watch::Sender<bool>,
}

impl Person {
    fn new(name: &'static str, dir: &Path, url: &str) -> Outcome<Self> {
        let underground = watch::Sender::new(false);
        let network = Phone { relay: Relay(url.to_owned()), underground: underground.clone() };
        let mut settings = Settings::default();
        settings.machine.tables = vec![LIST.to_owned()];
        let mut options = Options::default();
        options.segment_bytes = 1 << 20;
        let store = Store::open(dir.join(name), options)?;
        let peers = Peers::start(network, &store, name, settings)?;
        Ok(Self { name, peers, underground })
    }

    async fn redeem(&self, code: &str) -> Result<Invitation, JoinError> {
        let token = token(self.name, "invite").unwrap_or_default();
        self.peers.redeem(GROUP, token, code).await
    }

    /// Shows the code at the group's door, and enters the room that it opens.
    async fn join(&self, code: &str) -> Outcome<Room> {
        let invitation = self.redeem(code).await?;
        Ok(self.peers.enter_as_invited(&invitation, token(self.name, "data")?)?)
    }

    async fn tunnel(&self, is_in: bool, room: &Room) -> Outcome {
        self.underground.send_replace(is_in);
        room.retry_now();
        room.status().wait_for(|status| status.is_online() != is_in).await?;
        Ok(())
    }
}

/// The real network, except in a tunnel.
struct Phone {
    relay: Relay,
    underground: watch::Sender<bool>,
}

impl Network for Phone {
    type Transport = airplane::Network;

    fn reach(&self, ask: Ask) -> Result<airplane::Network, AddressError> {
        let socket = self.relay.reach(ask)?;
        Ok(airplane::Network { socket, airplane: self.underground.subscribe() })
    }
}

/// What lets somebody into the rooms of this example. A real one is issued where people sign in.
fn token(name: &str, kind: &str) -> Outcome<String> {
    let expires = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() + 3600;
    let rooms = format!("{GROUP}*");
    let claims =
        json!({ "sub": name, "room": rooms, "kind": kind, "hist": kind == "data", "exp": expires });
    let Value::Object(claims) = claims else { return Err("claims are an object".into()) };
    Ok(SigningKey::from_secret(SECRET).sign(&claims)?)
}

fn is_written_in(dir: &Path, word: &str) -> Outcome<bool> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let found = match path.is_dir() {
            true => is_written_in(&path, word)?,
            false => holds(&fs::read(&path)?, word),
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

fn holds(bytes: &[u8], word: &str) -> bool {
    // Segment files are made longer than what is in them yet.
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes[..written].windows(word.len()).any(|part| part == word.as_bytes())
}
