//! `syncline config`: check, show or write the configuration.

use clap::Subcommand;
use syncline::config::{default_file, show, show_json};

use super::{failure::Failure, flags::SettingFlags, output};

const EXAMPLES: &str = "\
Examples:
  syncline config show --origin             what is in force, and who said so
  syncline config show --json | jq '.\"http.listen\".value'";

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say whether `serve` would accept the configuration
    Check {
        #[command(flatten)]
        flags: SettingFlags,
    },
    /// Print what is in force; secrets are not shown
    #[command(after_help = EXAMPLES)]
    Show {
        /// Say where each value comes from
        #[arg(long)]
        origin: bool,
        /// Print JSON: an object of "section.key" to {"value", "origin"}
        #[arg(long, conflicts_with = "origin")]
        json: bool,
        #[command(flatten)]
        flags: SettingFlags,
    },
    /// Print a configuration file with every setting, its default and what it takes
    Default,
}

/// Runs one of them.
pub(crate) fn run(command: &ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check { flags } => {
            let config = flags.load()?.config;
            config.check_exposure()?;
            config.check_demo()?;
            config.check_webhooks()?;
            syncline::auth::check(&config.auth)?;
            output::print("configuration ok\n")
        }
        ConfigCommand::Show { json: true, flags, .. } => output::print(&show_json(&flags.load()?)),
        ConfigCommand::Show { origin, flags, .. } => output::print(&show(&flags.load()?, *origin)),
        ConfigCommand::Default => output::print(&default_file()),
    }
}
