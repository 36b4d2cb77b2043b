//! Tokens that somebody made who has no key, or not the right one (RFC 8725).

use std::{io::ErrorKind, net::TcpListener};

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;
use syncline::auth::Denied;

use super::*;

#[test]
fn a_token_that_is_not_signed_is_refused() {
    let auth = by_secret();
    believed(&auth, &with_header(r#"{"alg":"HS256"}"#));
    for alg in [
        r#""none""#,
        r#""None""#,
        r#""NONE""#,
        r#""nOnE""#,
        r#""""#,
        r#""hs256""#,
        r#""HS256 ""#,
        r#"["HS256"]"#,
        r#"{"HS256":1}"#,
        "null",
        "true",
        "256",
        r#""HS1""#,
        r#""ES512""#,
    ] {
        let signed = with_header(&format!(r#"{{"alg":{alg}}}"#));
        assert_eq!(denied(&auth, &signed), Denied::Algorithm, "{alg}");
        let bare = format!("{}.", signed.rsplit_once('.').unwrap().0);
        assert_eq!(denied(&auth, &bare), Denied::Algorithm, "{alg} without a signature");
    }
    assert_eq!(denied(&auth, &with_header(r#"{"typ":"JWT"}"#)), Denied::Algorithm);
    let stripped = with_header(r#"{"alg":"HS256"}"#);
    let stripped = stripped.rsplit_once('.').unwrap().0;
    assert_eq!(denied(&auth, &format!("{stripped}.")), Denied::Signature);
    assert_eq!(denied(&auth, stripped), Denied::Malformed);
}

#[test]
fn what_a_header_demands_and_is_not_known_is_refused() {
    let auth = by_secret();
    for more in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""crit":["b64"],"b64":false"#,
        r#""typ":"at""#,
        r#""typ":1"#,
        r#""typ":null"#,
        r#""typ":"logout+jwt""#,
        r#""typ":"""#,
        r#""kid":1"#,
        r#""kid":null"#,
        r#""kid":["a"]"#,
    ] {
        let token = with_header(&format!(r#"{{"alg":"HS256",{more}}}"#));
        assert_eq!(denied(&auth, &token), Denied::Header, "{more}");
    }
    for kind in ["JWT", "jwt", "at+jwt", "application/at+jwt", "application/JWT"] {
        believed(&auth, &with_header(&json!({ "alg": "HS256", "typ": kind }).to_string()));
    }
    let long = "k".repeat(257);
    let token = with_header(&json!({ "alg": "HS256", "kid": long }).to_string());
    assert_eq!(denied(&auth, &token), Denied::Header);
}

#[test]
fn a_public_key_is_no_secret() {
    for pair in [&*RSA, &elliptic(), &edwards()] {
        let set = json!({ "keys": [pair.named("a")] });
        let auth = by_set(&set);
        let header = json!({ "alg": format!("{:?}", pair.algorithm), "kid": "a" });
        believed(&auth, &pair.sign(&header, &json!({})));
        // Whatever form of the public key a library might take for a secret.
        let parts =
            ["n", "x"].map(|part| pair.public[part].as_str().unwrap_or_default().to_owned());
        let texts = [set.to_string(), pair.public.to_string(), String::new()];
        for text in texts.iter().chain(&parts) {
            let decoded = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap_or_default();
            for secret in [text.as_bytes(), &decoded] {
                let key = EncodingKey::from_secret(secret);
                for header in [r#"{"alg":"HS256","kid":"a"}"#, r#"{"alg":"HS256"}"#] {
                    let forged = token(header, "{}", &key, Algorithm::HS256);
                    assert_eq!(denied(&auth, &forged), Denied::Algorithm);
                }
                let header = header.to_string();
                let forged = token(&header, "{}", &key, Algorithm::HS256);
                assert_eq!(denied(&auth, &forged), Denied::Signature);
            }
        }
    }
}

#[test]
fn a_signature_of_nothing_is_none() {
    let pair = elliptic();
    let auth = by_set(&json!({ "keys": [pair.public] }));
    let whole = pair.sign(&json!({ "alg": "ES256" }), &json!({ "sub": "ann" }));
    let (signed, _) = whole.rsplit_once('.').unwrap();
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order = data_encoding::HEXLOWER.decode(order.as_bytes()).unwrap();
    let zero = [0; 32];
    let mut one = zero;
    one[31] = 1;
    let halves: [&[u8]; 3] = [&zero, &one, &order];
    for r in halves {
        for s in halves {
            let forged = format!("{signed}.{}", BASE64URL_NOPAD.encode(&[r, s].concat()));
            assert_eq!(denied(&auth, &forged), Denied::Signature);
        }
    }
    for length in [0, 1, 63, 65, 70, 128] {
        let forged = format!("{signed}.{}", BASE64URL_NOPAD.encode(&vec![0; length]));
        assert_eq!(denied(&auth, &forged), Denied::Signature, "{length} bytes");
    }
}

#[test]
fn a_signature_is_of_its_own_token_and_whole() {
    let pairs = [&*RSA, &elliptic(), &edwards()];
    let set = json!({ "keys": pairs.map(|pair| &pair.public) });
    let (by_set, by_secret) = (by_set(&set), by_secret());
    let mut all: Vec<(&Auth, String, String)> = pairs
        .iter()
        .map(|pair| {
            let header = json!({ "alg": format!("{:?}", pair.algorithm) });
            let of = |name: &str| pair.sign(&header, &json!({ "sub": name }));
            (&by_set, of("ann"), of("eve"))
        })
        .collect();
    let of = |name: &str| with_claims(&json!({ "sub": name }).to_string());
    all.push((&by_secret, of("ann"), of("eve")));
    for (auth, mine, other) in all {
        assert_eq!(believed(auth, &mine).subject.as_deref(), Some("ann"));
        let ((signed, signature), (_, foreign)) =
            (mine.rsplit_once('.').unwrap(), other.rsplit_once('.').unwrap());
        assert_eq!(denied(auth, &format!("{signed}.{foreign}")), Denied::Signature);
        for end in 0..signature.len() {
            let cut = format!("{signed}.{}", &signature[..end]);
            assert_eq!(denied(auth, &cut), Denied::Signature, "cut at {end}");
        }
        for more in ["A", "AA", "=", "==", ".", ".e30", "\n", " ", "%3D"] {
            let longer = format!("{mine}{more}");
            assert!(auth.verify(&longer).is_err(), "{more:?} behind it");
        }
        let bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        for bit in 0..8 * bytes.len() {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let flipped = format!("{signed}.{}", BASE64URL_NOPAD.encode(&bytes));
            assert_eq!(denied(auth, &flipped), Denied::Signature, "bit {bit}");
        }
    }
}

#[test]
fn no_bit_of_a_token_can_be_changed() {
    let auth = by_secret();
    let whole = with_claims(r#"{"sub":"ann","exp":4000000000}"#);
    let good = believed(&auth, &whole);
    for at in 0..whole.len() {
        for bit in 0..7 {
            let mut bytes = whole.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(auth.verify(&changed).is_err(), "bit {bit} of byte {at}: {changed}");
        }
        assert!(auth.verify(&whole[..at]).is_err(), "cut at {at}");
    }
    assert_eq!(believed(&auth, &whole), good);
}

#[test]
fn what_a_header_names_is_neither_fetched_nor_believed() {
    let mine = elliptic();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let auth = by_set(&json!({ "keys": [elliptic().named("a"), elliptic().named("b")] }));
    let names = [
        json!({ "jwk": mine.public }),
        json!({ "jku": url, "kid": "a" }),
        json!({ "x5u": url, "kid": "a" }),
        json!({ "x5c": ["MIIB"], "kid": "a" }),
        json!({ "jku": url, "iss": url, "kid": url }),
    ];
    for mut header in names {
        header["alg"] = "ES256".into();
        let why = denied(&auth, &mine.sign(&header, &json!({ "iss": url })));
        assert!([Denied::Signature, Denied::UnknownKey].contains(&why), "{header}");
    }
    for kid in [
        "../../../../dev/null",
        "/dev/null",
        "' or '1'='1",
        "a' union select 'x",
        "http://127.0.0.1/",
        "A",
        "a ",
        "a\0",
        "",
        "ａ",
        &"a".repeat(256),
    ] {
        let header = json!({ "alg": "ES256", "kid": kid });
        assert_eq!(denied(&auth, &mine.sign(&header, &json!({}))), Denied::UnknownKey, "{kid:?}");
    }
    let nobody = listener.accept().expect_err("no token made us connect");
    assert_eq!(nobody.kind(), ErrorKind::WouldBlock);
}

#[test]
fn what_is_said_twice_is_refused_in_header_and_claims() {
    let auth = by_secret();
    let headers = [
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
        r#"{"alg":"HS256","kid":"a","kid":"b"}"#,
        r#"{"alg":"HS256","x":{"y":1,"y":2}}"#,
    ];
    for header in headers {
        assert_eq!(denied(&auth, &with_header(header)), Denied::Duplicate, "{header}");
    }
    let claims = [
        r#"{"sub":"ann","sub":"eve"}"#,
        r#"{"exp":4000000000,"exp":4000000001}"#,
        r#"{"workspaces":["a"],"workspaces":["b"]}"#,
        r#"{"scope":"read","sc\u006fpe":"admin"}"#,
        r#"{"x":[{"sub":1,"sub":2}]}"#,
    ];
    for claims in claims {
        assert_eq!(denied(&auth, &with_claims(claims)), Denied::Duplicate, "{claims}");
    }
}

#[test]
fn a_large_or_deep_token_is_refused_before_it_costs_anything() {
    let auth = by_secret();
    let claims = |length: usize| format!(r#"{{"x":"{}"}}"#, "x".repeat(length));
    let fits = with_claims(&claims(6_000));
    assert!(fits.len() < 8 << 10);
    believed(&auth, &fits);
    for length in [6_200, 1 << 20] {
        assert_eq!(denied(&auth, &with_claims(&claims(length))), Denied::TooLong);
    }
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let count = 5_000 / (open.len() + close.len());
        let deep = format!("{}1{}", open.repeat(count), close.repeat(count));
        assert_eq!(denied(&auth, &with_claims(&format!(r#"{{"x":{deep}}}"#))), Denied::Malformed);
        let header = format!(r#"{{"alg":"HS256","x":{deep}}}"#);
        assert_eq!(denied(&auth, &with_header(&header)), Denied::Malformed);
        assert_eq!(
            denied(
                &auth,
                &with_claims(&format!(r#"{{"x":{}"#, open.repeat(3_000.min(5_000 / open.len()))))
            ),
            Denied::Malformed
        );
    }
    let long = "a".repeat(1 << 20);
    for text in [&long, &".".repeat(1 << 20), &format!("{long}.{long}.{long}")] {
        assert_eq!(denied(&auth, text), Denied::TooLong);
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let auth = by_secret();
    let fine = with_claims("{}");
    let (signed, signature) = fine.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    for text in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        "a.b.c".into(),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{header}=.{claims}.{signature}"),
        format!(" {fine}"),
        format!("Bearer {fine}"),
        format!("{header}.{claims}.{signature}.{signature}.{signature}"),
        fine.replace('.', ":"),
        "\0".repeat(100),
        "é.é.é".into(),
    ] {
        assert!(auth.verify(&text).is_err(), "{text:?}");
    }
    for claims in ["[]", "1", "null", "\"sub\"", "{", ""] {
        assert_eq!(denied(&auth, &with_claims(claims)), Denied::Malformed, "{claims}");
    }
}
