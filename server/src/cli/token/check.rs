//! `syncline token check`: what a server with this configuration would make of a token.

use std::{
    env,
    io::{Read, stdin},
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::json;
use syncline::auth::{Auth, Denied, Identity, TOKEN_BYTES_MAX, perms_claim};

use super::check_text::text;
use crate::cli::{
    failure::{Exit, Failure},
    flags::{Names, SomeFlags},
    output,
};

/// Where the token is when it is not on the command line.
const VARIABLE: &str = "SYNCLINE_TOKEN";

/// The flags of `token check`.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The token, or - for standard input [env: SYNCLINE_TOKEN]
    token: Option<String>,
    /// Print JSON: {"valid", "reason", "message"} or {"valid", "subject", "tenant", "scopes",
    /// "workspaces", "perms", "roles", "grants_unreadable", "room", "kind", "pub", "hist",
    /// "room_grant_unreadable", "expires_ms"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: SomeFlags<OfChecks>,
}

/// The settings that decide about a token.
#[derive(Clone, Debug)]
pub(crate) enum OfChecks {}

impl Names for OfChecks {
    const NAMES: &'static [&'static str] = &[
        "storage.dir",
        "auth.secret",
        "auth.secret_previous",
        "auth.public_key_file",
        "auth.jwks_file",
        "auth.jwks_url",
        "auth.algorithms",
        "auth.audience",
        "auth.issuer",
        "auth.leeway",
        "auth.require_expiry",
    ];
}

/// Checks a token and says what came out.
pub(crate) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let config = args.flags.load()?.config;
    let token = token(args)?;
    let auth = Auth::look(&config.auth, &config.storage.dir)?;
    let checked = auth.verify(token.trim());
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    match (&checked, args.json) {
        (_, true) => output::print(&format!("{:#}\n", as_json(&checked)))?,
        (Ok(identity), false) => {
            output::print(&text(identity, now_ms, output::Style::of_stdout()))?;
        }
        (Err(_), false) => {}
    }
    checked.map(|_| ()).map_err(|why| {
        Failure::new(Exit::Failed, format!("a server would refuse this token: {why}"))
    })
}

fn token(args: &CheckArgs) -> Result<String, Failure> {
    match args.token.as_deref() {
        Some("-") => {
            let mut text = String::new();
            // Enough to see that it is too long.
            stdin().take(2 * TOKEN_BYTES_MAX as u64).read_to_string(&mut text)?;
            Ok(text)
        }
        Some(token) => Ok(token.into()),
        None => env::var(VARIABLE).map_err(|_| {
            Failure::new(Exit::Usage, "no token is given")
                .hint(format!("give it on standard input with -, or in {VARIABLE}"))
        }),
    }
}

fn as_json(checked: &Result<Identity, Denied>) -> serde_json::Value {
    match checked {
        Ok(identity) => json!({
            "valid": true,
            "subject": identity.subject,
            "tenant": identity.tenant,
            "scopes": identity.scopes,
            "workspaces": identity.workspaces,
            "perms": identity.perms.as_deref().map(perms_claim),
            "roles": identity.roles,
            "grants_unreadable": identity.grants_unreadable,
            "room": identity.room_grant.rooms,
            "kind": identity.room_grant.kind.name(),
            "pub": identity.room_grant.may_publish,
            "hist": identity.room_grant.may_read_history,
            "room_grant_unreadable": identity.room_grant_unreadable,
            "expires_ms": identity.expires.map(|at| at.0),
        }),
        Err(why) => json!({ "valid": false, "reason": why.label(), "message": why.to_string() }),
    }
}
