//! Beside the original app: its wire and its blobs.

use syncline_client::relay::{Form, Framing, Sealer};

use super::*;

fn as_the_original() -> Settings {
    let mut original = settings();
    original.framing = Framing::Json;
    original.form = Form::Original;
    original.acks = false;
    original.client_id = Some("7f0c".into());
    original
}

#[tokio::test(start_paused = true)]
async fn it_says_what_the_original_app_says() {
    let relay = FakeRelay::default();
    let (alice, _to_alice, _) = start(&relay, as_the_original());
    let saved = alice.submit(b"whole document").await.unwrap().await.unwrap();
    assert_eq!(saved.sequence, None, "nobody confirmed it");
    let key = secret().discovery_key();
    let hello =
        format!(r#"{{"Hello":{{"client_id":"7f0c","discovery_key":"{key}","last_sequence":0}}}}"#);
    let start = format!(r#"{{"SubmitChange":{{"discovery_key":"{key}","payload":[123,34,110,"#);
    let texts = relay.texts();
    assert_eq!(texts[0], hello);
    assert!(texts[1].starts_with(&start), "{}", texts[1]);
    let opened = Sealer::new(&secret(), Form::Original).open(&relay.payload(1));
    assert_eq!(opened.unwrap(), "whole document");
}

#[tokio::test(start_paused = true)]
async fn it_meets_our_own_clients_in_one_document() {
    let relay = FakeRelay::default();
    let (original, mut to_original, _) = start(&relay, as_the_original());
    let (ours, mut to_ours, _) = start(&relay, settings());
    live(&original).await;
    live(&ours).await;
    original.submit(b"from the app").await.unwrap();
    assert_eq!(next_body(&mut to_ours).await, "from the app");
    ours.submit(b"from us").await.unwrap();
    assert_eq!(next_body(&mut to_original).await, "from us");
}
