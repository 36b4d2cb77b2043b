//! Tokens and the requests that show them: whatever stands in one, it is believed exactly when a second
//! reading of the rules of docs/operations.md believes it, and then says the same of its holder.

use std::sync::LazyLock;

use data_encoding::BASE64URL_NOPAD;
use http::{HeaderMap, HeaderValue, header};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde::{Deserialize, Deserializer, de};
use syncline::{
    auth::{Auth, TOKEN_BYTES_MAX, UnixMillis, credential},
    config::AuthConfig,
};

use crate::input::Input;

const SECRET: &str = "a secret of the fuzzer, and long enough";
const NOW_S: u64 = 1_800_000_000;
const LEEWAY_S: u64 = 30;
/// The end of the year 9999.
const TIME_S_MAX: u64 = 253_402_300_799;

static AUTH: LazyLock<Auth> = LazyLock::new(|| {
    let mut config = AuthConfig::default();
    config.secret = Some(SECRET.into());
    Auth::start(&config, ".".as_ref()).expect("a secret needs no file")
});

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 3 {
        0 => unsigned(&String::from_utf8_lossy(input.0)),
        1 => {
            let header = input.below(256);
            let header = input.bytes(header);
            signed(header, input.0);
        }
        _ => shown(input.0),
    }
}

/// A text that may be a token: only what our secret has signed is one.
fn unsigned(text: &str) {
    let by_us = || {
        let (signed, signature) = text.rsplit_once('.')?;
        let all = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
        Some(all.into_iter().any(|algorithm| sign(signed, algorithm) == signature))
    };
    if AUTH.verify_at(text, UnixMillis(NOW_S * 1000)).is_ok() {
        assert_eq!(by_us(), Some(true), "{text}");
    }
}

/// A token of these texts that our secret has signed.
fn signed(header: &[u8], claims: &[u8]) {
    let text = format!("{}.{}", BASE64URL_NOPAD.encode(header), BASE64URL_NOPAD.encode(claims));
    let text = format!("{text}.{}", sign(&text, Algorithm::HS256));
    let believed = AUTH.verify_at(&text, UnixMillis(NOW_S * 1000));
    let read =
        (text.len() <= TOKEN_BYTES_MAX && is_taken(header)).then(|| holder(claims)).flatten();
    let told = believed.as_ref().ok().map(|identity| Holder {
        subject: identity.subject.clone(),
        tenant: identity.tenant.clone(),
        scopes: identity.scopes.clone(),
        workspaces: identity.workspaces.clone(),
        expires_s: identity.expires.map(|at| at.0 / 1000 - LEEWAY_S),
    });
    let shown = (String::from_utf8_lossy(header), String::from_utf8_lossy(claims));
    assert!(told == read, "{shown:?}: {believed:?}, and a second reading has {read:?}");
}

/// A request with these three lines: what it shows is the whole of one of them, or nothing.
fn shown(text: &[u8]) {
    let mut lines = text.splitn(3, |byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    for name in [header::AUTHORIZATION, header::SEC_WEBSOCKET_PROTOCOL] {
        let Ok(value) = HeaderValue::from_bytes(lines.next().unwrap_or_default()) else { return };
        headers.insert(name, value);
    }
    let query = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let Some(shown) = credential(&headers, Some(&query)) else { return };
    let token = shown.token();
    let in_header = headers.values().any(|value| value.to_str().is_ok_and(|v| v.contains(token)));
    let in_query = query.contains("token=") && token.len() <= 3 * query.len();
    assert!(in_header || in_query);
    assert!(shown.is(token) && !shown.is(&format!("{token}.")));
    assert_eq!(format!("{shown:?}"), "Credential");
    let _ = AUTH.verify_at(token, UnixMillis(NOW_S * 1000));
}

fn sign(text: &str, algorithm: Algorithm) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    crypto::sign(text.as_bytes(), &key, algorithm).expect("a secret signs everything")
}

/// JSON with its members in their order, equal ones too.
#[derive(Debug, PartialEq)]
enum Json {
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    Text(String),
    Whole(u64),
    Other,
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> de::Visitor<'de> for Reading {
    type Value = Json;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(u64::try_from(number).map_or(Json::Other, Json::Whole))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Whole(number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.into()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Json::Array(all))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut all = Vec::new();
        while let Some(member) = members.next_entry()? {
            all.push(member);
        }
        Ok(Json::Object(all))
    }
}

impl Json {
    /// An object that says nothing twice.
    fn read(text: &[u8]) -> Option<Self> {
        let json: Self = serde_json::from_slice(text).ok()?;
        (matches!(json, Self::Object(_)) && json.is_said_once()).then_some(json)
    }

    fn is_said_once(&self) -> bool {
        match self {
            Self::Object(members) => {
                let mut names: Vec<&String> = members.iter().map(|(name, _)| name).collect();
                names.sort();
                names.windows(2).all(|pair| pair[0] != pair[1])
                    && members.iter().all(|(_, value)| value.is_said_once())
            }
            Self::Array(items) => items.iter().all(Self::is_said_once),
            _ => true,
        }
    }

    fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// Nothing, or a text; `None` for everything else.
    fn text(&self, name: &str) -> Option<Option<String>> {
        match self.get(name) {
            None => Some(None),
            Some(Self::Text(text)) => Some(Some(text.clone())),
            Some(_) => None,
        }
    }

    /// Nothing, texts, or one text that `split` makes texts of; `None` for everything else.
    fn texts(&self, name: &str, split: fn(&str) -> Vec<String>) -> Option<Option<Vec<String>>> {
        let Some(Self::Array(items)) = self.get(name) else {
            return self.text(name).map(|text| text.map(|text| split(&text)));
        };
        let texts = items.iter().map(|item| match item {
            Self::Text(text) => Some(text.clone()),
            _ => None,
        });
        texts.collect::<Option<_>>().map(Some)
    }

    /// Nothing, or a time in seconds; `None` for everything else.
    fn time(&self, name: &str) -> Option<Option<u64>> {
        match self.get(name) {
            None => Some(None),
            Some(Self::Whole(seconds @ ..=TIME_S_MAX)) => Some(Some(*seconds)),
            Some(_) => None,
        }
    }
}

/// Whether a header asks for nothing that is not taken.
fn is_taken(header: &[u8]) -> bool {
    let Some(header) = Json::read(header) else { return false };
    let kind = match header.get("typ") {
        None => true,
        Some(Json::Text(kind)) => ["jwt", "at+jwt", "application/jwt", "application/at+jwt"]
            .contains(&kind.to_ascii_lowercase().as_str()),
        Some(_) => false,
    };
    let key = header.text("kid").is_some_and(|id| id.is_none_or(|id| id.len() <= 256));
    let algorithm = header.get("alg") == Some(&Json::Text("HS256".into()));
    algorithm && kind && key && header.get("crit").is_none()
}

#[derive(Debug, PartialEq)]
struct Holder {
    subject: Option<String>,
    tenant: Option<String>,
    scopes: Option<Vec<String>>,
    workspaces: Option<Vec<String>>,
    expires_s: Option<u64>,
}

/// Whom claims are about, if they hold.
fn holder(claims: &[u8]) -> Option<Holder> {
    let claims = Json::read(claims)?;
    let whole = |text: &str| vec![text.to_owned()];
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    let expires_s = claims.time("exp")?;
    let begins = claims.time("nbf")?.max(claims.time("iat")?);
    claims.text("iss")?;
    claims.texts("aud", whole)?;
    let holds = expires_s.is_none_or(|at| NOW_S < at + LEEWAY_S)
        && begins.is_none_or(|at| at <= NOW_S + LEEWAY_S);
    let holder = Holder {
        subject: claims.text("sub")?,
        tenant: claims.text("tenant")?,
        scopes: claims.texts("scope", words)?,
        workspaces: claims.texts("workspaces", whole)?,
        expires_s,
    };
    holds.then_some(holder)
}
