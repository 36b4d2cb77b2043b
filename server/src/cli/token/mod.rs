//! `syncline token`: makes tokens and says what a server would make of one. One file per command.

mod check;
mod check_text;
mod claims;
mod generate;

use std::io::ErrorKind;

use clap::Subcommand;
use syncline::auth::StartError;

use super::failure::{Exit, Failure};

const GEN_EXAMPLES: &str = "\
Examples:
  syncline token gen --sub ann
  syncline token gen --sub ann --scope \"read write\" --workspaces notes,plans --expires 30d
  syncline token gen --sub ann --perm 'todos*:READ,PUT,REMOVE' --perm 'news:READ'
  syncline token gen --sub ann --room 'team/*' --hist
  syncline token gen --sub bob --room lobby --kind invite
  syncline token gen --tenant acme --secret-file secret.txt
  syncline token gen --sub ann --key-file private.pem --key-id 2026-11 --claims '{\"team\":7}'

It signs with [auth] secret, or with the secret that a server has made in its data directory; with
--key-file it signs with a private key whose public key the server has.";

const CHECK_EXAMPLES: &str = "\
Examples:
  syncline token gen --sub ann | syncline token check -
  SYNCLINE_TOKEN=eyJ… syncline token check --json

Other users of the machine can see what stands on a command line: prefer - or SYNCLINE_TOKEN.
Exit code 1: a server with this configuration would refuse it, and why.";

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it
    #[command(name = "gen", after_help = GEN_EXAMPLES)]
    Generate(Box<generate::GenerateArgs>),
    /// Say who a token is for, or why a server would refuse it
    #[command(after_help = CHECK_EXAMPLES)]
    Check(check::CheckArgs),
}

/// Runs one of them.
pub(crate) fn run(command: &TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Generate(args) => generate::run(args),
        TokenCommand::Check(args) => check::run(args),
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let exit = match &error {
            StartError::Unreadable { error, .. } if error.kind() == ErrorKind::NotFound => {
                Exit::NotFound
            }
            StartError::Unreachable { .. } => Exit::Unreachable,
            _ => Exit::Failed,
        };
        let failure = Self::new(exit, &error);
        if exit != Exit::NotFound || !error.is_about_own_secret() {
            return failure;
        }
        failure.hint(
            "a server makes its secret when it starts without one; start it once, name its \
             directory with --data-dir, or set [auth] secret",
        )
    }
}
