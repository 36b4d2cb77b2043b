//! The settings of `[auth]`: names, explanations and bounds. Nothing of what the server does with them.

use std::time::Duration;

use crate::config::{
    Setting,
    setting::{Field, Number},
};

use super::values::{
    MINUTE_MS, SECRET, TOKEN, choose_all, key_set_url, listed, optional_path, secret, shown_names,
    shown_path, to_ms, token,
};

pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: "auth.insecure_open",
        doc: "Serve without a token on an address that others can reach.",
        short_flag: Some("insecure-open"),
        field: Field::Switch {
            set: |config, on| config.auth.insecure_open = on,
            show: |config| config.auth.insecure_open,
        },
    },
    Setting {
        name: "auth.admin_token",
        doc: "When set, whoever shows this token may ask a running server for figures and backups and moderate the rooms of the peer dialect (/admin/).",
        short_flag: None,
        field: Field::Secret {
            wants: TOKEN,
            set: |config, text| token(text).map(|token| config.auth.admin_token = Some(token)),
            is_set: |config| config.auth.admin_token.is_some(),
        },
    },
    Setting {
        name: "auth.secret",
        doc: "HMAC secret that tokens are signed with. Without it and without a key one is made in the file SECRET of storage.dir.",
        short_flag: None,
        field: Field::Secret {
            wants: SECRET,
            set: |config, text| secret(text).map(|secret| config.auth.secret = Some(secret)),
            is_set: |config| config.auth.secret.is_some(),
        },
    },
    Setting {
        name: "auth.secret_previous",
        doc: "HMAC secret that is still accepted while tokens move to a new auth.secret.",
        short_flag: None,
        field: Field::Secret {
            wants: SECRET,
            set: |config, text| {
                secret(text).map(|secret| config.auth.secret_previous = Some(secret))
            },
            is_set: |config| config.auth.secret_previous.is_some(),
        },
    },
    Setting {
        name: "auth.public_key_file",
        doc: "File of a public key in PEM (RSA, P-256, P-384 or Ed25519) that checks tokens.",
        short_flag: None,
        field: Field::Text {
            wants: "a path, or nothing",
            set: |config, text| {
                config.auth.public_key_file = optional_path(text);
                Some(())
            },
            show: |config| shown_path(config.auth.public_key_file.as_deref()),
        },
    },
    Setting {
        name: "auth.jwks_file",
        doc: "File of a JSON Web Key Set whose keys check tokens.",
        short_flag: None,
        field: Field::Text {
            wants: "a path, or nothing",
            set: |config, text| {
                config.auth.jwks_file = optional_path(text);
                Some(())
            },
            show: |config| shown_path(config.auth.jwks_file.as_deref()),
        },
    },
    Setting {
        name: "auth.jwks_url",
        doc: "Where a JSON Web Key Set is fetched whose keys check tokens; it is fetched again now and then.",
        short_flag: None,
        field: Field::Text {
            wants: "an https:// address, or an http:// one on a loopback address, or nothing",
            set: |config, text| key_set_url(text).map(|url| config.auth.jwks_url = url),
            show: |config| config.auth.jwks_url.clone().unwrap_or_default(),
        },
    },
    Setting {
        name: "auth.algorithms",
        doc: "Algorithms that tokens may be signed with; none for all that fit the keys.",
        short_flag: None,
        field: Field::List {
            wants: "any of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA",
            set: |config, items| choose_all(items, &mut config.auth.algorithms),
            show: |config| shown_names(&config.auth.algorithms),
        },
    },
    Setting {
        name: "auth.audience",
        doc: "Audiences one of which a token must name (aud); none asks for none.",
        short_flag: None,
        field: Field::List {
            wants: "names",
            set: |config, items| listed(items).map(|items| config.auth.audience = items),
            show: |config| config.auth.audience.clone(),
        },
    },
    Setting {
        name: "auth.issuer",
        doc: "Who must have issued a token (iss); nothing asks for none.",
        short_flag: None,
        field: Field::Text {
            wants: "a name, or nothing",
            set: |config, text| {
                config.auth.issuer = (!text.is_empty()).then(|| text.into());
                Some(())
            },
            show: |config| config.auth.issuer.clone().unwrap_or_default(),
        },
    },
    Setting {
        name: "auth.leeway",
        doc: "How far the clocks of those who issue tokens may be off.",
        short_flag: None,
        field: Field::Duration(Number {
            bounds: (1, MINUTE_MS),
            zero: Some("none"),
            set: |config, n| config.auth.leeway = Duration::from_millis(n),
            show: |config| to_ms(config.auth.leeway),
        }),
    },
    Setting {
        name: "auth.require_expiry",
        doc: "Refuse tokens that never expire.",
        short_flag: None,
        field: Field::Switch {
            set: |config, on| config.auth.require_expiry = on,
            show: |config| config.auth.require_expiry,
        },
    },
    Setting {
        name: "auth.close_expired",
        doc: "Close a connection with 4001 when its token expires, and take no more writes from it.",
        short_flag: None,
        field: Field::Switch {
            set: |config, on| config.auth.close_expired = on,
            show: |config| config.auth.close_expired,
        },
    },
];
