//! Peers and a real server: tokens, what the server kept for who was away, and its restarts.

use std::{
    net::SocketAddr,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::json;
use syncline::{Config, Server, auth::SigningKey};
use syncline_client::peer::{
    Connection, ConnectionError, Group, JoinError, Peers, Room, Status, Token,
};
use tempfile::TempDir;

use super::world::{GROUP, MEMBER, ROOM, in_time, invited_with, reaches, same, sees, settings};

const SECRET: &str = "a secret of the server, for this test";

fn serve(dir: &TempDir, address: SocketAddr) -> Server {
    let mut config = Config::default();
    config.http.listen = address;
    config.storage.dir = dir.path().join("server");
    config.auth.secret = Some(SECRET.into());
    Server::start(config).unwrap()
}

fn signed(name: &str, kind: &str, secret: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = serde_json::Map::new();
    claims.insert("sub".into(), name.into());
    claims.insert("room".into(), json!([ROOM, GROUP]));
    claims.insert("kind".into(), kind.into());
    claims.insert("hist".into(), (kind == "data").into());
    claims.insert("exp".into(), (now + 3600).into());
    SigningKey::from_secret(secret).sign(&claims).unwrap()
}

fn token(name: &str, kind: &str) -> String {
    signed(name, kind, SECRET)
}

fn peers(dir: &Path, server: &Server, name: &str) -> Peers {
    let url = format!("ws://{}", server.address());
    Peers::open(dir.join(name), &url, name, settings()).unwrap()
}

fn enter(peers: &Peers, name: &str) -> Room {
    peers.enter(ROOM, token(name, "data")).unwrap()
}

async fn found(peers: &Peers, members: &[&str]) -> Room {
    let room = peers.found(ROOM, token("alice", "data"), &Group::named(GROUP)).unwrap();
    for member in members {
        room.put("members", *member, MEMBER).unwrap();
    }
    in_time(room.synced()).await.unwrap();
    room
}

fn world() -> (TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(&dir, ([127, 0, 0, 1], 0).into());
    (dir, server)
}

#[tokio::test]
async fn a_code_lets_in_and_a_member_can_be_taken_out() {
    let (dir, server) = world();
    let [alice, bob] = ["alice", "bob"].map(|name| peers(dir.path(), &server, name));
    let hers = found(&alice, &[]).await;
    let _door = alice.host_invites(GROUP, token("alice", "invite")).unwrap();
    let his = invited_with(&hers, &bob, |kind| token("bob", kind)).await;
    hers.put("tasks", "1", "milk").unwrap();
    sees(&his, "tasks", "1", Some("milk")).await;
    his.put("tasks", "2", "bread").unwrap();
    sees(&hers, "tasks", "2", Some("bread")).await;
    same(&hers, &his).await;
    let before = hers.status().borrow().epoch;
    hers.revoke("bob").unwrap();
    reaches(&hers, |status| status.epoch > before).await;
    for peers in [alice, bob] {
        in_time(peers.close()).await;
    }
    server.shutdown().unwrap();
}

#[tokio::test]
async fn the_server_keeps_packets_for_who_was_away_while_the_writer_has_left() {
    let (dir, server) = world();
    let names = ["alice", "bob", "carol"];
    let [alice, bob, carol] = names.map(|name| peers(dir.path(), &server, name));
    let hers = found(&alice, &["bob", "carol"]).await;
    let (his, carols) = (enter(&bob, "bob"), enter(&carol, "carol"));
    hers.put("tasks", "1", "milk").unwrap();
    sees(&his, "tasks", "1", Some("milk")).await;
    sees(&carols, "tasks", "1", Some("milk")).await;
    in_time(bob.close()).await;
    drop((his, bob));
    hers.put("tasks", "2", "bread").unwrap();
    // She has seen it, so the server has it.
    sees(&carols, "tasks", "2", Some("bread")).await;
    for peers in [alice, carol] {
        in_time(peers.close()).await;
    }
    drop((hers, carols));

    let bob = peers(dir.path(), &server, "bob");
    let his = enter(&bob, "bob");
    sees(&his, "tasks", "2", Some("bread")).await;
    assert!(his.status().borrow().present.is_empty(), "nobody else could tell him");
    in_time(bob.close()).await;
    server.shutdown().unwrap();
}

#[tokio::test]
async fn a_token_that_is_not_good_lets_nobody_in_until_there_is_another() {
    let (dir, server) = world();
    let alice = peers(dir.path(), &server, "alice");
    let good = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_good = good.clone();
    let token_now = Token::from_fn(move || {
        let is_good = is_good.load(std::sync::atomic::Ordering::Relaxed);
        signed("alice", "data", if is_good { SECRET } else { "another secret that nobody checks" })
    });
    let room = alice.found(ROOM, token_now, &Group::named(GROUP)).unwrap();
    let unknown = |status: &Status| match &status.connection {
        Connection::Offline { error, .. } => is_unknown(error),
        _ => false,
    };
    reaches(&room, unknown).await;
    room.put("tasks", "1", "written all the same").unwrap();
    let answer = in_time(alice.redeem(GROUP, "no token", "code")).await;
    assert!(matches!(&answer, Err(JoinError::NotLetIn(e)) if is_unknown(e)), "{answer:?}");
    // A token for the other kind of room, or of somebody else, is good for nothing here.
    for token in [token("alice", "data"), token("bob", "invite")] {
        let answer = in_time(alice.redeem(GROUP, token, "code")).await;
        let is_refused = matches!(&answer, Err(JoinError::NotLetIn(ConnectionError::Violation(_))));
        assert!(is_refused, "{answer:?}");
    }
    good.store(true, std::sync::atomic::Ordering::Relaxed);
    reaches(&room, Status::is_online).await;
    in_time(alice.close()).await;
    server.shutdown().unwrap();
}

fn is_unknown(error: &ConnectionError) -> bool {
    let codes =
        [ConnectionError::Refused { status: 401 }, ConnectionError::Closed { code: Some(4401) }];
    codes.contains(error)
}

#[tokio::test]
async fn a_restart_of_the_server_is_only_a_pause() {
    let (dir, server) = world();
    let [alice, bob] = ["alice", "bob"].map(|name| peers(dir.path(), &server, name));
    let hers = found(&alice, &["bob"]).await;
    let his = enter(&bob, "bob");
    hers.put("tasks", "1", "milk").unwrap();
    sees(&his, "tasks", "1", Some("milk")).await;
    let address = server.address();
    server.shutdown().unwrap();
    for room in [&hers, &his] {
        reaches(room, |status| !status.is_online()).await;
    }
    hers.put("tasks", "2", "bread").unwrap();
    his.put("tasks", "3", "eggs").unwrap();
    let server = serve(&dir, address);
    sees(&his, "tasks", "2", Some("bread")).await;
    sees(&hers, "tasks", "3", Some("eggs")).await;
    same(&hers, &his).await;
    for peers in [alice, bob] {
        in_time(peers.close()).await;
    }
    server.shutdown().unwrap();
}
