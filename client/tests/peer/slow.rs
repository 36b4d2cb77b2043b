//! A relay in memory keeps no more for who does not read than a server does.

use std::time::Duration;

use bytes::Bytes;
use syncline_client::peer::{
    Ask, ConnectionError, Message, Network, Received, Receiver, RoomKind, Sender, Switchboard,
    Token, Transport, Wire, WireReceiver, WireSender,
};
use syncline_protocol::dialects::peer::{
    Peer,
    id::{PeerId, RequestId},
    packet::{Kind, Packet},
    relay::Settings,
};

use super::world::in_time;

const FRAMES_MAX: usize = 5;

async fn enter(board: &Switchboard, name: &str) -> (WireSender, WireReceiver) {
    let ask = Ask {
        room: "r".into(),
        kind: RoomKind::Data,
        token: Token::from(""),
        since_seq: Box::new(|| None),
    };
    let wire: Wire = board.for_identity(name).unwrap().reach(ask).unwrap();
    wire.connect(None, 1 << 20).await.unwrap()
}

fn packet(from: &str, n: usize) -> Message {
    let request = RequestId::new(&n.to_string()).unwrap();
    let mut packet = Packet::new(Kind::SyncReq, request, PeerId::new(from).unwrap());
    packet.payload = Bytes::from(vec![7; 100]);
    Message::Binary(packet.encode())
}

/// All that comes until the connection ends, or nothing more comes.
async fn read(receiver: &mut WireReceiver) -> (usize, Option<ConnectionError>) {
    let mut packets = 0;
    loop {
        match tokio::time::timeout(Duration::from_secs(1), receiver.receive()).await {
            Ok(Ok(Received::Message(Message::Binary(_)))) => packets += 1,
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return (packets, Some(error)),
            Err(_) => return (packets, None),
        }
    }
}

fn board(change: impl FnOnce(&mut Settings)) -> Switchboard {
    let mut settings = Settings::default();
    change(&mut settings);
    Switchboard::new(Peer::new(settings))
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_ended_with_4408_and_the_others_have_everything() {
    for by_bytes in [false, true] {
        let board = board(|settings| match by_bytes {
            false => settings.queue_frames_max = FRAMES_MAX,
            true => settings.queue_bytes_max = 1200,
        });
        let (mut alice, mut hers) = enter(&board, "alice").await;
        let (_bob, mut his) = enter(&board, "bob").await;
        let (_carol, mut idle) = enter(&board, "carol").await;
        let (mut seen, mut left) = (0, 0);
        for n in 0..50 {
            in_time(alice.send(packet("alice", n))).await.unwrap();
            seen += read(&mut his).await.0;
            while let Ok(Ok(Received::Message(Message::Text(text)))) =
                tokio::time::timeout(Duration::from_millis(1), hers.receive()).await
            {
                left += usize::from(text.contains("leave") && text.contains("carol"));
            }
        }
        assert_eq!((seen, left), (50, 1));
        let (kept, error) = read(&mut idle).await;
        assert_eq!(error, Some(ConnectionError::Closed { code: Some(4408) }));
        // What says who is there waits as well.
        assert!((FRAMES_MAX - 2..=12).contains(&kept), "{kept}");
        // She may come again.
        let (_carol, mut again) = enter(&board, "carol").await;
        in_time(alice.send(packet("alice", 99))).await.unwrap();
        assert_eq!(read(&mut again).await, (1, None));
    }
}

#[tokio::test(start_paused = true)]
async fn many_who_do_not_read_are_all_ended() {
    let board = board(|settings| settings.queue_frames_max = 4);
    let (mut alice, mut hers) = enter(&board, "alice").await;
    let mut idle = Vec::new();
    for n in 0..100 {
        idle.push(enter(&board, &format!("idle-{n}")).await);
        read(&mut hers).await;
    }
    for n in 0..6 {
        in_time(alice.send(packet("alice", n))).await.unwrap();
        read(&mut hers).await;
    }
    for (_, receiver) in &mut idle {
        let (_, error) = read(receiver).await;
        assert_eq!(error, Some(ConnectionError::Closed { code: Some(4408) }));
    }
}
