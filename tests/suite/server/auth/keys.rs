//! Keys: which of them checks which token, and which are none.

use jsonwebtoken::Algorithm;
use serde_json::json;
use syncline::{
    auth::{Denied, StartError},
    config::TokenAlgorithm,
};

use super::*;

#[test]
fn a_secret_checks_every_hmac_and_nothing_else() {
    let auth = by_secret();
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        believed(&auth, &token(&format!(r#"{{"alg":"{algorithm:?}"}}"#), "{}", &key, algorithm));
    }
    let pair = elliptic();
    assert_eq!(
        denied(&auth, &pair.sign(&json!({ "alg": "ES256" }), &json!({}))),
        Denied::Algorithm
    );
    let other = EncodingKey::from_secret(b"a-secret-of-the-house-with-many-letterz");
    let forged = token(r#"{"alg":"HS256"}"#, "{}", &other, Algorithm::HS256);
    assert_eq!(denied(&auth, &forged), Denied::Signature);
}

#[test]
fn the_algorithms_that_are_configured_are_all_that_count() {
    let only = |algorithms: &[TokenAlgorithm]| {
        auth(|c| {
            c.secret = Some(SECRET.into());
            c.algorithms = algorithms.to_vec();
        })
    };
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let by = |algorithm| token(&format!(r#"{{"alg":"{algorithm:?}"}}"#), "{}", &key, algorithm);
    let auth = only(&[TokenAlgorithm::Hs512, TokenAlgorithm::Es256]);
    believed(&auth, &by(Algorithm::HS512));
    assert_eq!(denied(&auth, &by(Algorithm::HS256)), Denied::Algorithm);
    let mut config = AuthConfig::default();
    config.secret = Some(SECRET.into());
    config.algorithms = vec![TokenAlgorithm::EdDsa];
    let nowhere = TempDir::new().unwrap();
    assert!(matches!(Auth::start(&config, nowhere.path()), Err(StartError::NoKey)));
}

#[test]
fn a_key_of_a_set_checks_only_what_it_is_for() {
    let (one, two, ed) = (elliptic(), elliptic(), edwards());
    let mut bound = RSA.named("r");
    bound["alg"] = "PS256".into();
    let set = json!({ "keys": [one.named("1"), two.named("2"), ed.named("e"), bound] });
    let auth = by_set(&set);
    let by = |pair: &Pair, header: Value| auth.verify(&pair.sign(&header, &json!({}))).map(|_| ());
    assert_eq!(by(&one, json!({ "alg": "ES256", "kid": "1" })), Ok(()));
    assert_eq!(by(&two, json!({ "alg": "ES256", "kid": "2" })), Ok(()));
    assert_eq!(by(&one, json!({ "alg": "ES256", "kid": "2" })), Err(Denied::Signature));
    assert_eq!(by(&two, json!({ "alg": "ES256" })), Ok(()), "tried, since it names none");
    assert_eq!(by(&ed, json!({ "alg": "EdDSA", "kid": "e" })), Ok(()));
    assert_eq!(by(&ed, json!({ "alg": "EdDSA", "kid": "1" })), Err(Denied::UnknownKey));
    assert_eq!(by(&one, json!({ "alg": "ES384", "kid": "1" })), Err(Denied::Algorithm));
    assert_eq!(by(&RSA, json!({ "alg": "RS256", "kid": "r" })), Err(Denied::Algorithm));
    let header = r#"{"alg":"PS256","kid":"r"}"#;
    believed(&auth, &token(header, "{}", &RSA.signing, Algorithm::PS256));
}

#[test]
fn a_key_that_is_none_is_passed_over_and_a_set_without_any_is_refused() {
    let fine = elliptic();
    let with = |name: &str, value: Value| {
        let mut key = fine.named("a");
        key[name] = value;
        key
    };
    let weak = json!({ "kty": "RSA", "n": base64(&[0xff; 128]), "e": "AQAB" });
    let odd = [
        with("use", json!("enc")),
        with("key_ops", json!(["encrypt"])),
        with("d", json!("AAAA")),
        with("crv", json!("P-521")),
        with("crv", json!("P-384")),
        with("x", json!("AAAA")),
        with("x", json!("not base64!")),
        with("alg", json!("none")),
        with("alg", json!("HS256")),
        with("alg", json!("RS256")),
        with("kid", json!(1)),
        with("kid", json!("k".repeat(257))),
        with("kty", json!("oct")),
        json!({ "kty": "oct", "k": base64(b"short") }),
        weak,
        json!({}),
        json!([]),
        json!(null),
    ];
    for key in &odd {
        let both = by_set(&json!({ "keys": [key, fine.named("fine")] }));
        believed(&both, &fine.sign(&json!({ "alg": "ES256", "kid": "fine" }), &json!({})));
        assert!(refused(&json!({ "keys": [key] }).to_string()), "{key}");
    }
    for text in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[]}"#, "nonsense"] {
        assert!(refused(text), "{text}");
    }
}

/// Whether a server does not start with this file of keys.
fn refused(text: &str) -> bool {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("keys.json");
    std::fs::write(&path, text).unwrap();
    let mut config = AuthConfig::default();
    config.jwks_file = Some(path);
    matches!(Auth::start(&config, dir.path()), Err(StartError::BadKey { .. }))
}

#[test]
fn a_secret_of_its_own_is_made_once_and_stays() {
    let dir = TempDir::new().unwrap();
    let config = AuthConfig::default();
    let first = Auth::start(&config, dir.path()).unwrap();
    let token = first.development_token().expect("it has made a secret");
    assert_eq!(believed(&first, &token).subject.as_deref(), Some("dev"));
    let second = Auth::start(&config, dir.path()).unwrap();
    believed(&second, &token);
    assert!(by_secret().development_token().is_none(), "a configured secret signs for nobody");
    let elsewhere = TempDir::new().unwrap();
    assert_eq!(denied(&Auth::start(&config, elsewhere.path()).unwrap(), &token), Denied::Signature);
    for text in ["", "short", &"x".repeat(31)] {
        std::fs::write(dir.path().join("SECRET"), text).unwrap();
        assert!(matches!(Auth::start(&config, dir.path()), Err(StartError::BadKey { .. })));
    }
}
