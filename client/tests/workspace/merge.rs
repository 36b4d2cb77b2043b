//! What a client makes of the server's messages: merged, never blindly replaced, and equal to the
//! server's in the end.

use syncline_client::workspace::{Message, Opening};

use super::*;

#[tokio::test(start_paused = true)]
async fn the_first_message_does_not_take_away_what_waits() {
    let server = FakeServer::default();
    server.set("a", "1", 1);
    server.set("b", "1", 1);
    let (alice, link) = start(&server, settings());
    synced(&alice).await;
    link.refuse(Some(ConnectionError::TimedOut));
    link.cut();
    offline(&alice).await;
    alice.set("a", &2).await.unwrap();
    server.set("b", "2", 2);
    link.take(Duration::from_secs(1));
    link.refuse(None);
    synced(&alice).await;
    assert_eq!(server.entries()["a"].0, "1", "nothing has arrived yet");
    assert_eq!(alice.get::<i32>("a").unwrap(), Some(2));
    assert_eq!(alice.get::<i32>("b").unwrap(), Some(2));
    alice.saved().await.unwrap();
    assert_eq!(server.entries()["a"].0, "2");
}

#[tokio::test(start_paused = true)]
async fn operations_that_cross_on_the_way_end_equal_everywhere() {
    for echo in [false, true] {
        let server = FakeServer::default();
        server.echo(echo);
        server.turns_take(Duration::from_millis(7));
        let mut clients = Vec::new();
        for delay in [10, 40, 80] {
            let (client, link) = start(&server, settings());
            synced(&client).await;
            link.take(Duration::from_millis(delay));
            clients.push(client);
        }
        for round in 0..20 {
            for (at, client) in clients.iter().enumerate() {
                client.set("k", &format!("{at} {round}")).await.unwrap();
                tokio::time::sleep(Duration::from_millis(11)).await;
            }
        }
        settle().await;
        for client in &clients {
            assert_eq!(values(client), server.values());
            assert_eq!(client.status().borrow().pending, 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn equal_stamps_of_two_clients_end_equal_everywhere() {
    let server = FakeServer::default();
    let (alice, to_alice) = start(&server, settings());
    let (bob, to_bob) = start(&server, settings());
    synced(&alice).await;
    synced(&bob).await;
    to_alice.take(Duration::from_millis(30));
    to_bob.take(Duration::from_millis(20));
    let first = alice.set("k", "alice").await.unwrap();
    let second = bob.set("k", "bob").await.unwrap();
    assert_eq!(first, second);
    settle().await;
    assert_eq!(values(&alice), server.values());
    assert_eq!(values(&bob), server.values());
    assert_eq!(alice.status().borrow().pending + bob.status().borrow().pending, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_has_lost_goes_here_too_unless_it_is_ours_and_waits() {
    let server = FakeServer::default();
    server.set("a", "1", 1);
    let (alice, link) = start(&server, settings());
    synced(&alice).await;
    let backup = server.entries();
    alice.set("a", &2).await.unwrap();
    alice.set("b", &2).await.unwrap();
    alice.saved().await.unwrap();
    link.refuse(Some(ConnectionError::TimedOut));
    link.cut();
    offline(&alice).await;
    alice.set("c", &3).await.unwrap();
    server.restore(backup);
    link.refuse(None);
    alice.saved().await.unwrap();
    assert_eq!(values(&alice), server.values());
    assert_eq!(
        values(&alice),
        BTreeMap::from([("a", "1"), ("c", "3")].map(|(k, v)| (k.into(), v.into())))
    );
    let (bob, _) = start(&server, settings());
    synced(&bob).await;
    bob.set("a", "below what was there before").await.unwrap();
    settle().await;
    assert_eq!(values(&alice), server.values());
}

#[tokio::test(start_paused = true)]
async fn what_arrives_late_on_a_lost_connection_changes_nothing() {
    let server = FakeServer::default();
    let (alice, link) = start(&server, settings());
    synced(&alice).await;
    link.arrive_late(true);
    link.take(Duration::from_secs(5));
    alice.set("a", &1).await.unwrap();
    alice.set("b", &1).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    link.take(Duration::ZERO);
    link.cut();
    offline(&alice).await;
    alice.set("a", &2).await.unwrap();
    alice.saved().await.unwrap();
    assert_eq!(server.entries()["a"].0, "2");
    settle().await;
    assert_eq!(server.entries()["a"].0, "2");
    assert_eq!(values(&alice), server.values());
}

/// A server that says one thing after the other.
struct Script(Vec<&'static str>);

impl syncline_client::workspace::Transport for Script {
    type Sender = Nowhere;
    type Receiver = Lines;

    async fn connect(
        &self,
        _: Option<&'static str>,
        _: usize,
    ) -> Result<(Nowhere, Lines), ConnectionError> {
        Ok((Nowhere, Lines(self.0.clone().into_iter())))
    }
}

struct Nowhere;

impl syncline_client::workspace::Sender for Nowhere {
    async fn send(&mut self, _: Message) -> Result<(), ConnectionError> {
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ConnectionError> {
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), ConnectionError> {
        Ok(())
    }

    async fn close(&mut self) -> Result<(), ConnectionError> {
        Ok(())
    }
}

struct Lines(std::vec::IntoIter<&'static str>);

impl syncline_client::workspace::Receiver for Lines {
    async fn receive(&mut self) -> Result<syncline_client::workspace::Received, ConnectionError> {
        match self.0.next() {
            Some(line) => {
                Ok(syncline_client::workspace::Received::Message(Message::Text(line.into())))
            }
            None => std::future::pending().await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_understood_is_passed_over_and_stale_operations_are_not_believed() {
    let script = Script(vec![
        r#"{"type":"init","data":{"a":1}}"#,
        r#"{"type":"op","payload":{"key":"a","value":2,"timestamp":20}}"#,
        "junk",
        r#"{"type":"pong"}"#,
        r#"{"type":"op","payload":{"key":"a","value":3,"timestamp":10}}"#,
        r#"{"type":"op","payload":{"key":"b","value":1,"timestamp":1}}"#,
    ]);
    let client = Client::start(script, settings(), InMemory).unwrap();
    shows(&client, "b", "1").await;
    assert_eq!(client.get::<i32>("a").unwrap(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn entries_with_their_stamps_are_read_when_the_server_writes_them() {
    let script =
        || Script(vec![r#"{"type":"init","data":{"a":{"key":"a","value":1,"timestamp":5000}}}"#]);
    let mut entries = settings();
    entries.opening = Opening::Entries;
    let client = Client::start(script(), entries, InMemory).unwrap();
    synced(&client).await;
    assert_eq!(client.get::<i32>("a").unwrap(), Some(1));
    assert_eq!(client.set("a", &2).await.unwrap(), 5001);

    let mut entries = settings();
    entries.opening = Opening::Entries;
    let client = Client::start(script(), entries, InMemory).unwrap();
    assert_eq!(client.set("a", "older").await.unwrap(), 1000);
    synced(&client).await;
    assert_eq!(client.get::<i32>("a").unwrap(), Some(1), "it has lost already");
    assert_eq!(client.status().borrow().pending, 0);
}
