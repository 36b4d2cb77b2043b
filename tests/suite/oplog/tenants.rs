//! Tenants by token: each has a dataset of its own, and nobody else's.

use serde_json::{Map, Value, json};
use syncline::{auth::SigningKey, config::Tenants};
use syncline_tests::{
    oplog::{Client, body, ok, op},
    server::TestServer,
};

const SECRET: &str = "a-secret-of-the-house-that-is-long-enough";

fn served() -> TestServer {
    TestServer::start(|c| {
        c.oplog.tenants = Tenants::Token;
        c.auth.secret = Some(SECRET.into());
    })
}

fn token(claims: Value) -> String {
    let Value::Object(claims) = claims else { panic!("claims are an object") };
    SigningKey::from_secret(SECRET).sign(&claims).expect("a token")
}

#[test]
fn a_tenant_reaches_its_own_dataset_only() {
    let server = served();
    let client = |claims| Client::with_token(server.address(), "c", &token(claims));
    let mut a = client(json!({"tenant": "a", "sub": "ann"}));
    let mut also_a = client(json!({"tenant": "a", "sub": "ben"}));
    // A subject that calls itself like a tenant is none.
    let mut b = client(json!({"sub": "a"}));
    let (key_a, key_b) = (a.key(), b.key());
    assert_ne!(key_a, key_b);
    assert_eq!(also_a.key(), key_a);
    let _ = ok(&a.push(&key_a, &[op("a", 1, &json!("of a"))]));
    assert_eq!(ok(&also_a.pull(&key_a, 0, ""))["serverSeq"], 1);
    assert_eq!(b.bootstrap()["ops"], json!([]));
    for answer in [b.pull(&key_a, 0, ""), b.push(&key_a, &[op("b", 1, &json!("of b"))])] {
        let stale = json!({"datasetGenerationKey": key_b, "snapshot": ""});
        assert_eq!((answer.status, body(&answer)), (409, stale), "another's key is a stale key");
    }
    let _ = ok(&b.reset("a-key", "b's snapshot"));
    assert_eq!(a.bootstrap()["datasetGenerationKey"], json!(key_a));
    assert_eq!(a.bootstrap()["serverSeq"], 1);
}

#[test]
fn without_a_token_that_counts_there_is_401_and_nothing_else() {
    let server = served();
    let none = Client::new(server.address(), "c");
    let forged = SigningKey::from_secret("another-secret-that-is-long-enough-too");
    let forged = forged.sign(&Map::new()).unwrap();
    let forged = Client::with_token(server.address(), "c", &forged);
    let nobody = Client::with_token(server.address(), "c", &token(json!({})));
    let expired = Client::with_token(server.address(), "c", &token(json!({"sub": "a", "exp": 1})));
    for mut client in [none, forged, nobody, expired] {
        for answer in [
            client.get("/sync/bootstrap"),
            client.pull("k", 0, ""),
            client.push("k", &[]),
            client.reset("k", ""),
        ] {
            assert_eq!(answer.status, 401, "{}", answer.text());
            assert!(body(&answer)["error"].as_str().unwrap().starts_with("Unauthorized"));
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
        assert_eq!(client.ask("OPTIONS", "/sync/push", &[], &[]).status, 204);
        assert_eq!(client.get("/healthz").status, 200);
    }
}

#[test]
fn a_server_without_tenants_asks_nobody_for_a_token() {
    let server = TestServer::start(|_| ());
    let mut client = Client::with_token(server.address(), "c", "nonsense");
    let key = client.key();
    assert_eq!(Client::new(server.address(), "c").key(), key);
}
