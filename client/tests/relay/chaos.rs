//! Any run of bad luck on the way: everything arrives, once, and is saved.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use proptest::prelude::*;
use syncline_client::relay::Framing;

use super::*;

#[derive(Clone, Debug)]
enum Luck {
    Submit(usize),
    Cut(usize),
    Refuse(usize, bool),
    SwallowAcks(usize, bool),
    LoseWhatIsSent(usize, bool),
    Wait(u64),
}

fn luck() -> impl Strategy<Value = Luck> {
    let client = 0..3_usize;
    prop_oneof![
        6 => client.clone().prop_map(Luck::Submit),
        2 => client.clone().prop_map(Luck::Cut),
        1 => (client.clone(), any::<bool>()).prop_map(|(at, on)| Luck::Refuse(at, on)),
        1 => (client.clone(), any::<bool>()).prop_map(|(at, on)| Luck::SwallowAcks(at, on)),
        1 => (client, any::<bool>()).prop_map(|(at, on)| Luck::LoseWhatIsSent(at, on)),
        4 => (0..3000_u64).prop_map(Luck::Wait),
    ]
}

type Bodies = Arc<Mutex<Vec<String>>>;

fn collect(mut changes: Changes) -> Bodies {
    let bodies = Bodies::default();
    let into = Arc::clone(&bodies);
    tokio::spawn(async move {
        while let Some(event) = changes.next().await {
            let Event::Change(change) = event else { panic!("not a change: {event:?}") };
            into.lock().unwrap().push(String::from_utf8(change.body.to_vec()).unwrap());
        }
    });
    bodies
}

async fn run(lucks: Vec<Luck>) {
    let relay = FakeRelay::default();
    let mut devices = Vec::new();
    for number in 0..3 {
        let mut settings = settings();
        settings.framing = if number == 2 { Framing::Json } else { Framing::Binary };
        let (client, changes, link) = start(&relay, settings);
        devices.push((client, collect(changes), link));
    }
    let mut made = [const { Vec::new() }; 3];
    for luck in lucks {
        match luck {
            Luck::Submit(at) => {
                let body = format!("{at}: {}", made[at].len());
                devices[at].0.submit(body.as_bytes()).await.unwrap();
                made[at].push(body);
            }
            Luck::Cut(at) => devices[at].2.cut(),
            Luck::Refuse(at, on) => devices[at].2.refuse(on.then_some(ConnectionError::TimedOut)),
            Luck::SwallowAcks(at, on) => devices[at].2.swallow_acks(on),
            Luck::LoseWhatIsSent(at, on) => {
                devices[at].2.lose_what_is_sent(on);
                if !on {
                    devices[at].2.cut(); // TCP never loses the middle
                }
            }
            Luck::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
        }
    }
    for (_, _, link) in &devices {
        link.refuse(None);
        link.swallow_acks(false);
        link.lose_what_is_sent(false);
        link.cut();
    }
    for (client, ..) in &devices {
        client.saved().await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    for (at, (_, bodies, _)) in devices.iter().enumerate() {
        let bodies = bodies.lock().unwrap();
        let distinct: BTreeSet<_> = bodies.iter().cloned().collect();
        assert_eq!(distinct.len(), bodies.len(), "{at} saw something twice: {bodies:?}");
        let others = made.iter().enumerate().filter(|(maker, _)| *maker != at);
        let expected: BTreeSet<_> = others.flat_map(|(_, made)| made.iter().cloned()).collect();
        assert_eq!(distinct, expected, "{at} saw something else");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn everything_arrives_once(lucks in prop::collection::vec(luck(), 0..60)) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(lucks));
    }
}
