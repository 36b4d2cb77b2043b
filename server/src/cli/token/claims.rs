//! The claims of a token that is to be made. Pure: flags and a time in, claims out.

use serde_json::{Map, Value};
use syncline::{
    auth::{is_room_claim, perms_claim},
    config::{Config, Permission, parse_duration},
};

use crate::cli::failure::{Exit, Failure};

/// How long a token counts when nobody says it.
const LIFETIME: &str = "24h";

/// Who a token is for.
#[derive(Debug, Default, clap::Args)]
pub(super) struct ClaimArgs {
    /// Who it is for (sub)
    #[arg(long, value_name = "NAME")]
    pub(super) sub: Option<String>,
    /// How long it counts, such as 30m, 24h or 30d; or never
    #[arg(long, value_name = "TIME", default_value = LIFETIME)]
    pub(super) expires: String,
    /// Workspaces that it is for; all when left out
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(super) workspaces: Option<Vec<String>>,
    /// What its holder may do, such as "read write"
    #[arg(long, value_name = "WORDS")]
    pub(super) scope: Option<String>,
    /// Whose dataset it is for
    #[arg(long, value_name = "NAME")]
    pub(super) tenant: Option<String>,
    /// What it allows in maps, such as 'todos*:READ,PUT,REMOVE'; one * stands for anything (perms)
    #[arg(long = "perm", value_name = "MAP:OPS", value_parser = permission)]
    pub(super) perms: Vec<Permission>,
    /// A name that [maps] roles gives a meaning (roles)
    #[arg(long = "role", value_name = "NAME")]
    pub(super) roles: Vec<String>,
    /// A room of the peer dialect that it is for, or with a * at the end all that begin so (room)
    #[arg(long = "room", value_name = "NAME", value_parser = room)]
    pub(super) rooms: Vec<String>,
    /// Whether that is a room for data or for invites; data when left out (kind)
    #[arg(long, value_name = "KIND", value_parser = ["data", "invite"], requires = "rooms")]
    pub(super) kind: Option<String>,
    /// Lets its holder read in rooms and send nothing (pub)
    #[arg(long, requires = "rooms")]
    pub(super) no_pub: bool,
    /// Lets its holder read what is stored of a room (hist)
    #[arg(long, requires = "rooms")]
    pub(super) hist: bool,
    /// More claims: a JSON object
    #[arg(long, value_name = "JSON")]
    pub(super) claims: Option<String>,
}

impl ClaimArgs {
    /// The claims, at a time in seconds. Issuer and audience are those that the configuration asks for.
    pub(super) fn claims(&self, config: &Config, now: u64) -> Result<Map<String, Value>, Failure> {
        let mut claims = match &self.claims {
            None => Map::new(),
            Some(text) => serde_json::from_str(text)
                .map_err(|error| usage(format!("--claims wants a JSON object: {error}")))?,
        };
        let audience = config.auth.audience.first();
        let some = |roles: &[String]| (!roles.is_empty()).then(|| roles.into());
        let room = match self.rooms.as_slice() {
            [one] => Some(one.as_str().into()),
            several => some(several),
        };
        let given: [(&str, Option<Value>); 13] = [
            ("sub", self.sub.as_deref().map(Into::into)),
            ("tenant", self.tenant.as_deref().map(Into::into)),
            ("scope", self.scope.as_deref().map(Into::into)),
            ("workspaces", self.workspaces.clone().map(Into::into)),
            ("perms", (!self.perms.is_empty()).then(|| perms_claim(&self.perms))),
            ("roles", some(&self.roles)),
            ("room", room),
            ("kind", self.kind.as_deref().map(Into::into)),
            ("pub", self.no_pub.then_some(false.into())),
            ("hist", self.hist.then_some(true.into())),
            ("exp", self.lifetime()?.map(|lifetime| (now + lifetime).into())),
            ("iss", config.auth.issuer.as_deref().map(Into::into)),
            ("aud", audience.map(|name| name.as_str().into())),
        ];
        let said = |name: &str| match name {
            "exp" => self.expires != LIFETIME,
            name => !["iss", "aud"].contains(&name),
        };
        for (name, value) in given {
            let Some(value) = value else { continue };
            if !claims.contains_key(name) {
                claims.insert(name.into(), value);
            } else if said(name) {
                return Err(usage(format!("{name} is given by a flag and in --claims")));
            }
        }
        claims.entry("iat").or_insert_with(|| now.into());
        Ok(claims)
    }

    /// In seconds; `None` for ever.
    fn lifetime(&self) -> Result<Option<u64>, Failure> {
        if self.expires == "never" {
            return Ok(None);
        }
        match parse_duration(&self.expires).map(|time| time.as_secs()) {
            None | Some(0) => {
                let given = &self.expires;
                Err(usage(format!(
                    "--expires wants a duration such as 24h, or never, not {given:?}"
                )))
            }
            lifetime => Ok(lifetime),
        }
    }
}

fn permission(text: &str) -> Result<Permission, String> {
    Permission::parse(text).ok_or_else(|| {
        "wants a map, with one * at most, a colon and any of READ, PUT and REMOVE".into()
    })
}

fn room(text: &str) -> Result<String, String> {
    let wants =
        || "wants a room's name of 1 to 128 bytes, a * at its end for all that begin so".into();
    is_room_claim(text).then(|| text.to_owned()).ok_or_else(wants)
}

fn usage(message: String) -> Failure {
    Failure::new(Exit::Usage, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(args: &ClaimArgs, adapt: impl FnOnce(&mut Config)) -> Option<Value> {
        let mut config = Config::default();
        adapt(&mut config);
        args.claims(&config, 1000).ok().map(Value::Object)
    }

    fn args() -> ClaimArgs {
        ClaimArgs { expires: LIFETIME.into(), ..ClaimArgs::default() }
    }

    #[test]
    fn flags_configuration_and_json_add_up() {
        let all = ClaimArgs {
            sub: Some("ann".into()),
            expires: "1m".into(),
            workspaces: Some(vec!["a".into(), "b".into()]),
            scope: Some("read write".into()),
            tenant: Some("acme".into()),
            perms: vec![permission("todos*:READ,PUT").unwrap()],
            roles: vec!["editor".into()],
            rooms: vec!["notes".into(), "team/*".into()],
            kind: Some("data".into()),
            no_pub: true,
            hist: true,
            claims: Some(r#"{"team":7}"#.into()),
        };
        let made = claims(&all, |c| {
            c.auth.issuer = Some("me".into());
            c.auth.audience = vec!["us".into(), "them".into()];
        });
        let expected = json!({
            "sub": "ann", "exp": 1060, "iat": 1000, "workspaces": ["a", "b"], "scope": "read write",
            "tenant": "acme", "team": 7, "iss": "me", "aud": "us", "roles": ["editor"],
            "perms": [{ "map": "todos*", "ops": ["READ", "PUT"] }],
            "room": ["notes", "team/*"], "kind": "data", "pub": false, "hist": true,
        });
        assert_eq!(made, Some(expected));
        let plain = claims(&args(), |_| ());
        assert_eq!(plain, Some(json!({ "exp": 1000 + 86_400, "iat": 1000 })));
        let invite =
            ClaimArgs { rooms: vec!["lobby".into()], kind: Some("invite".into()), ..args() };
        let invite = claims(&invite, |_| ()).unwrap();
        assert_eq!((&invite["room"], &invite["kind"]), (&json!("lobby"), &json!("invite")));
        let never = ClaimArgs { expires: "never".into(), ..args() };
        assert_eq!(claims(&never, |_| ()), Some(json!({ "iat": 1000 })));
    }

    #[test]
    fn json_is_over_what_nobody_said_and_never_over_a_flag() {
        let by = |text: &str| ClaimArgs { claims: Some(text.into()), ..args() };
        assert_eq!(claims(&by(r#"{"exp":5}"#), |_| ()), Some(json!({ "exp": 5, "iat": 1000 })));
        let both = ClaimArgs { sub: Some("ann".into()), ..by(r#"{"sub":"bob"}"#) };
        assert_eq!(claims(&both, |_| ()), None);
        let both = ClaimArgs { expires: "1h".into(), ..by(r#"{"exp":5}"#) };
        assert_eq!(claims(&both, |_| ()), None);
        for text in ["[]", "{", "1", ""] {
            assert_eq!(claims(&by(text), |_| ()), None, "{text}");
        }
    }

    #[test]
    fn an_odd_lifetime_is_refused() {
        for expires in ["", "0s", "1", "soon", "999999999999999999d", "-1h", "10ms"] {
            let odd = ClaimArgs { expires: expires.into(), ..args() };
            assert_eq!(claims(&odd, |_| ()), None, "{expires}");
        }
    }
}
