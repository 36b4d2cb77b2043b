//! `syncline token gen`: a token, signed with the secret or key that is at hand.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use clap::builder::PossibleValuesParser;
use syncline::{
    auth::{SECRET_BYTES_MIN, SigningKey, signing_secret},
    config::{Config, TokenAlgorithm},
};

use super::claims::ClaimArgs;
use crate::cli::{
    failure::{Exit, Failure},
    flags::{Names, SomeFlags},
    output,
};

/// The flags of `token gen`.
#[derive(Debug, clap::Args)]
pub(crate) struct GenerateArgs {
    #[command(flatten)]
    claims: ClaimArgs,
    /// What it is signed with; HS256 for a secret, and what fits a key
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(TokenAlgorithm::names()))]
    algorithm: Option<String>,
    /// A private key in PEM to sign with
    #[arg(long, value_name = "FILE", conflicts_with = "secret_file")]
    key_file: Option<PathBuf>,
    /// A file with the HMAC secret to sign with
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Names the key in the token (kid)
    #[arg(long, value_name = "NAME")]
    key_id: Option<String>,
    #[command(flatten)]
    flags: SomeFlags<OfTokens>,
}

/// The settings of a command that makes tokens.
#[derive(Clone, Debug)]
pub(crate) enum OfTokens {}

impl Names for OfTokens {
    const NAMES: &'static [&'static str] = &["storage.dir", "auth.issuer", "auth.audience"];
}

/// Makes a token and prints it.
pub(crate) fn run(args: &GenerateArgs) -> Result<(), Failure> {
    let config = args.flags.load()?.config;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let claims = args.claims.claims(&config, since.as_secs())?;
    let mut key = key(args, &config)?.with_id(args.key_id.clone());
    if let Some(algorithm) = args.algorithm.as_deref().and_then(TokenAlgorithm::named) {
        key = key.with_algorithm(algorithm).map_err(|why| Failure::new(Exit::Usage, why))?;
    }
    let token = key.sign(&claims).map_err(|why| Failure::new(Exit::Failed, why))?;
    output::print(&format!("{token}\n"))
}

fn key(args: &GenerateArgs, config: &Config) -> Result<SigningKey, Failure> {
    if let Some(path) = &args.key_file {
        let key = SigningKey::from_pem(&read(path)?);
        return key.map_err(|why| Failure::new(Exit::Failed, why).about(path.display()));
    }
    let Some(path) = &args.secret_file else {
        return Ok(SigningKey::from_secret(&signing_secret(&config.auth, &config.storage.dir)?));
    };
    let text = read(path)?;
    let text = str::from_utf8(&text).map(str::trim_end).unwrap_or_default();
    if text.len() < SECRET_BYTES_MIN {
        let why = format!("a secret is at least {SECRET_BYTES_MIN} bytes of text");
        return Err(Failure::new(Exit::Failed, why).about(path.display()));
    }
    Ok(SigningKey::from_secret(text))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        let absent = error.kind() == ErrorKind::NotFound;
        let exit = if absent { Exit::NotFound } else { Exit::Failed };
        Failure::new(exit, error).about(path.display())
    })
}
