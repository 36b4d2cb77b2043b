//! What a token claims, judged: times, audience, issuer, and who its holder is. Pure.

use serde_json::{Map, Value, json};
use syncline_protocol::dialect::UnixMillis;

use crate::config::{AuthConfig, Permission};

use super::{Denied, Identity, rooms::RoomGrant};

/// The end of the year 9999, in seconds; a time behind it is a mistake or a trick.
const SECONDS_MAX: u64 = 253_402_300_799;

/// Entries of `perms` or of `roles`.
const ENTRIES_MAX: usize = 128;

/// What is asked of every token.
#[derive(Debug)]
pub(super) struct Rules {
    audience: Vec<String>,
    issuer: Option<String>,
    leeway_ms: u64,
    require_expiry: bool,
}

type Claims = Map<String, Value>;

impl Rules {
    pub(super) fn new(config: &AuthConfig) -> Self {
        Self {
            audience: config.audience.clone(),
            issuer: config.issuer.clone(),
            leeway_ms: u64::try_from(config.leeway.as_millis()).unwrap_or(u64::MAX),
            require_expiry: config.require_expiry,
        }
    }

    /// Who the claims say the holder is, if they hold now.
    pub(super) fn judge(&self, claims: &Claims, now: UnixMillis) -> Result<Identity, Denied> {
        let expires = self.expires(claims, now)?;
        for name in ["nbf", "iat"] {
            if time_ms(claims, name)?
                .is_some_and(|from| from > now.0.saturating_add(self.leeway_ms))
            {
                return Err(Denied::NotYet);
            }
        }
        self.judge_issuer(claims)?;
        self.judge_audience(claims)?;
        let (perms, roles) = (permissions(claims), roles(claims));
        let room_grant = RoomGrant::of(claims);
        Ok(Identity {
            grants_unreadable: perms.is_err() || roles.is_err(),
            room_grant_unreadable: room_grant.is_none(),
            room_grant: room_grant.unwrap_or_default(),
            subject: text(claims, "sub")?,
            tenant: text(claims, "tenant")?,
            scopes: words(claims, "scope")?,
            workspaces: list(claims, "workspaces")?,
            perms: perms.unwrap_or_default(),
            roles: roles.unwrap_or_default(),
            expires,
        })
    }

    fn expires(&self, claims: &Claims, now: UnixMillis) -> Result<Option<UnixMillis>, Denied> {
        let Some(at) = time_ms(claims, "exp")? else {
            return if self.require_expiry { Err(Denied::NoExpiry) } else { Ok(None) };
        };
        let until = at.saturating_add(self.leeway_ms);
        if now.0 >= until { Err(Denied::Expired) } else { Ok(Some(UnixMillis(until))) }
    }

    fn judge_issuer(&self, claims: &Claims) -> Result<(), Denied> {
        let issuer = text(claims, "iss")?;
        match &self.issuer {
            Some(wanted) if issuer.as_ref() != Some(wanted) => Err(Denied::Issuer),
            _ => Ok(()),
        }
    }

    fn judge_audience(&self, claims: &Claims) -> Result<(), Denied> {
        let named = list(claims, "aud")?.unwrap_or_default();
        if self.audience.is_empty() || named.iter().any(|name| self.audience.contains(name)) {
            return Ok(());
        }
        Err(Denied::Audience)
    }
}

/// A time in milliseconds. Only a whole number of seconds is one: what two readers could take for
/// two times, or for none, is refused.
fn time_ms(claims: &Claims, name: &str) -> Result<Option<u64>, Denied> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    match value.as_u64() {
        Some(seconds @ ..=SECONDS_MAX) => Ok(Some(seconds * 1000)),
        _ => Err(Denied::Claims),
    }
}

fn text(claims: &Claims, name: &str) -> Result<Option<String>, Denied> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Denied::Claims),
    }
}

/// One text, or several.
fn list(claims: &Claims, name: &str) -> Result<Option<Vec<String>>, Denied> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(vec![text.clone()])),
        Some(Value::Array(items)) => {
            let text = |item: &Value| item.as_str().map(str::to_owned);
            items.iter().map(text).collect::<Option<_>>().map(Some).ok_or(Denied::Claims)
        }
        Some(_) => Err(Denied::Claims),
    }
}

/// Words with spaces between them (RFC 8693, section 4.2), or a list of words.
fn words(claims: &Claims, name: &str) -> Result<Option<Vec<String>>, Denied> {
    match claims.get(name) {
        Some(Value::String(text)) => Ok(Some(text.split_whitespace().map(Into::into).collect())),
        _ => list(claims, name),
    }
}

/// What may be done in which maps: each said once, and nothing beside it that could narrow it.
fn permissions(claims: &Claims) -> Result<Option<Vec<Permission>>, Denied> {
    let Some(value) = claims.get("perms") else { return Ok(None) };
    let entries = value.as_array().filter(|entries| entries.len() <= ENTRIES_MAX);
    let read = |entries: &Vec<Value>| entries.iter().map(permission).collect::<Option<Vec<_>>>();
    let all = entries.and_then(read).ok_or(Denied::Claims)?;
    let twice = |at: usize| all[..at].iter().any(|other| other.map == all[at].map);
    if (0..all.len()).any(twice) { Err(Denied::Claims) } else { Ok(Some(all)) }
}

fn permission(entry: &Value) -> Option<Permission> {
    let entry = entry.as_object().filter(|entry| entry.len() == 2)?;
    let ops =
        entry.get("ops")?.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
    Permission::new(entry.get("map")?.as_str()?, &ops)
}

/// What `perms` says for these permissions.
#[must_use]
pub fn perms_claim(permissions: &[Permission]) -> Value {
    permissions.iter().map(|one| json!({ "map": one.map, "ops": one.names() })).collect()
}

fn roles(claims: &Claims) -> Result<Option<Vec<String>>, Denied> {
    let roles = list(claims, "roles")?;
    if roles.as_ref().is_some_and(|roles| roles.len() > ENTRIES_MAX) {
        return Err(Denied::Claims);
    }
    Ok(roles)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
    const SECOND: u64 = NOW.0 / 1000;

    fn judge(adapt: impl FnOnce(&mut AuthConfig), claims: &Value) -> Result<Identity, Denied> {
        let mut config = AuthConfig { leeway: Duration::from_secs(10), ..AuthConfig::default() };
        adapt(&mut config);
        Rules::new(&config).judge(claims.as_object().unwrap(), NOW)
    }

    #[test]
    fn a_token_counts_until_it_expires_and_a_leeway_longer() {
        let by = |exp: u64| judge(|_| (), &json!({ "exp": exp }));
        assert_eq!(by(SECOND - 9).unwrap().expires, Some(UnixMillis(NOW.0 + 1000)));
        assert_eq!(by(SECOND - 10), Err(Denied::Expired));
        assert_eq!(by(0), Err(Denied::Expired));
        assert!(by(SECONDS_MAX).is_ok());
        assert_eq!(judge(|_| (), &json!({})).unwrap().expires, None);
        assert_eq!(judge(|c| c.require_expiry = true, &json!({})), Err(Denied::NoExpiry));
    }

    #[test]
    fn a_token_counts_from_when_it_says() {
        for name in ["nbf", "iat"] {
            assert!(judge(|_| (), &json!({ name: SECOND + 10 })).is_ok());
            assert_eq!(judge(|_| (), &json!({ name: SECOND + 11 })), Err(Denied::NotYet));
        }
    }

    #[test]
    fn a_time_is_a_whole_number_of_seconds_and_nothing_else() {
        let later = SECOND + 100;
        for value in [
            json!(later.to_string()),
            json!(later as f64),
            json!(later as f64 + 0.5),
            json!(-1),
            json!(i64::MIN),
            json!(1e300),
            json!(u64::MAX),
            json!(SECONDS_MAX + 1),
            json!(null),
            json!(true),
            json!([later]),
            json!({}),
        ] {
            for name in ["exp", "nbf", "iat"] {
                let claims = json!({ name: value });
                assert_eq!(judge(|_| (), &claims), Err(Denied::Claims), "{claims}");
            }
        }
    }

    #[test]
    fn audience_and_issuer_are_asked_for_when_they_are_set() {
        let audience =
            |claims: &Value| judge(|c| c.audience = vec!["a".into(), "b".into()], claims);
        assert!(audience(&json!({ "aud": "b" })).is_ok());
        assert!(audience(&json!({ "aud": ["x", "a"] })).is_ok());
        for wrong in [json!({}), json!({ "aud": "x" }), json!({ "aud": [] }), json!({ "aud": "A" })]
        {
            assert_eq!(audience(&wrong), Err(Denied::Audience), "{wrong}");
        }
        for odd in [json!({ "aud": 1 }), json!({ "aud": [1] }), json!({ "aud": ["a", null] })] {
            assert_eq!(audience(&odd), Err(Denied::Claims), "{odd}");
            assert_eq!(judge(|_| (), &odd), Err(Denied::Claims), "{odd}");
        }
        let issuer = |claims: &Value| judge(|c| c.issuer = Some("me".into()), claims);
        assert!(issuer(&json!({ "iss": "me" })).is_ok());
        assert_eq!(issuer(&json!({ "iss": "me " })), Err(Denied::Issuer));
        assert_eq!(issuer(&json!({})), Err(Denied::Issuer));
        assert_eq!(issuer(&json!({ "iss": ["me"] })), Err(Denied::Claims));
    }

    #[test]
    fn a_token_says_who_its_holder_is() {
        let claims = json!({
            "sub": "ann", "tenant": "house", "scope": "read  write", "workspaces": ["a", "b"],
            "more": { "x": 1 },
        });
        let identity = judge(|_| (), &claims).unwrap();
        assert_eq!(identity.subject.as_deref(), Some("ann"));
        assert_eq!(identity.tenant.as_deref(), Some("house"));
        assert_eq!(identity.scopes.unwrap(), ["read", "write"]);
        assert_eq!(identity.workspaces.unwrap(), ["a", "b"]);
        let listed = judge(|_| (), &json!({ "scope": ["a b"], "workspaces": "one" })).unwrap();
        assert_eq!(
            (listed.scopes.unwrap(), listed.workspaces.unwrap()),
            (vec!["a b".into()], vec!["one".into()])
        );
        assert_eq!(judge(|_| (), &json!({})), Ok(Identity::default()));
        assert_eq!(judge(|_| (), &json!({ "workspaces": [] })).unwrap().workspaces, Some(vec![]));
        for odd in [
            json!({ "sub": 1 }),
            json!({ "tenant": [] }),
            json!({ "scope": {} }),
            json!({ "workspaces": [1] }),
            json!({ "sub": null }),
        ] {
            assert_eq!(judge(|_| (), &odd), Err(Denied::Claims), "{odd}");
        }
    }

    #[test]
    fn a_token_says_what_its_holder_may_do_in_maps() {
        let everything = Permission::everything();
        let some = Permission::parse("todos*:READ+PUT").unwrap();
        let claims = json!({ "perms": perms_claim(&[everything.clone(), some.clone()]), "roles": ["a", "b"] });
        let identity = judge(|_| (), &claims).unwrap();
        assert!(!identity.grants_unreadable);
        assert_eq!(identity.perms.unwrap(), [everything, some]);
        assert_eq!(identity.roles.unwrap(), ["a", "b"]);
        assert_eq!(judge(|_| (), &json!({ "perms": [] })).unwrap().perms, Some(Vec::new()));
        let fine = json!({ "map": "a", "ops": ["READ"] });
        for odd in [
            json!(null),
            json!("a:READ"),
            json!({ "map": "a", "ops": ["READ"] }),
            json!(["a"]),
            json!([{ "map": "a" }]),
            json!([{ "ops": ["READ"] }]),
            json!([{ "map": "a", "ops": "READ" }]),
            json!([{ "map": "a", "ops": [] }]),
            json!([{ "map": "a", "ops": ["WRITE"] }]),
            json!([{ "map": "a", "ops": ["READ", "READ"] }]),
            json!([{ "map": "**", "ops": ["READ"] }]),
            json!([{ "map": "", "ops": ["READ"] }]),
            json!([{ "map": "a", "ops": ["READ"], "prefix": "x" }]),
            json!([fine, fine]),
            json!(
                (0..129)
                    .map(|n| json!({ "map": format!("m{n}"), "ops": ["PUT"] }))
                    .collect::<Vec<_>>()
            ),
        ] {
            let identity = judge(|_| (), &json!({ "perms": odd })).unwrap();
            assert!(identity.grants_unreadable && identity.perms.is_none(), "{odd}");
        }
        for odd in [json!(1), json!([1]), json!({}), json!(vec!["r"; 129])] {
            let identity = judge(|_| (), &json!({ "roles": odd })).unwrap();
            assert!(identity.grants_unreadable && identity.roles.is_none(), "{odd}");
        }
    }
}
