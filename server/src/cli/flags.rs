//! The flags of settings, made from the table of settings so that none is said twice.

use std::{marker::PhantomData, path::PathBuf};

use clap::{
    Arg, ArgMatches, Args, Command, FromArgMatches, builder::PossibleValuesParser, value_parser,
};
use syncline::config::{Config, Given, Loaded, Problems, Setting, Sources, load, settings};

/// The identity of `--config` among the arguments.
const CONFIG: &str = "config";

/// `--config` and a flag for every setting.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingFlags {
    file: Option<PathBuf>,
    given: Vec<Given>,
}

impl SettingFlags {
    /// The configuration that these flags, the environment, the file and the defaults make.
    pub(crate) fn load(&self) -> Result<Loaded, Problems> {
        load(&Sources::of_process(self.file.clone(), self.given.clone()))
    }
}

/// `--config` and the flags of some settings, for commands that need no others.
#[derive(Clone, Debug)]
pub(crate) struct SomeFlags<N>(SettingFlags, PhantomData<N>);

/// `--config` and the flag of the data directory, for commands that work on a store.
pub(crate) type StoreFlags = SomeFlags<OfStore>;

/// Those, and the flag of the operator's token, for commands that may ask a server.
pub(crate) type AdminFlags = SomeFlags<OfAdmin>;

/// Names of settings.
pub(crate) trait Names {
    const NAMES: &'static [&'static str];
}

/// The settings of a command that works on a store.
#[derive(Clone, Debug)]
pub(crate) enum OfStore {}

impl Names for OfStore {
    const NAMES: &'static [&'static str] = &["storage.dir"];
}

/// The settings of a command that may ask a server.
#[derive(Clone, Debug)]
pub(crate) enum OfAdmin {}

impl Names for OfAdmin {
    const NAMES: &'static [&'static str] = &["storage.dir", "auth.admin_token"];
}

impl<N> SomeFlags<N> {
    /// The configuration, as [`SettingFlags::load`] has it.
    pub(crate) fn load(&self) -> Result<Loaded, Problems> {
        self.0.load()
    }
}

impl<N: Names> Args for SomeFlags<N> {
    fn augment_args(command: Command) -> Command {
        let some = settings().filter(|setting| N::NAMES.contains(&setting.name));
        command.arg(config_arg()).args(some.map(setting_arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<N: Names> FromArgMatches for SomeFlags<N> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        SettingFlags::from_arg_matches(matches).map(|flags| Self(flags, PhantomData))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        command.arg(config_arg()).args(settings().map(setting_arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let value = |setting: &'static Setting| {
            let value = matches.try_get_one::<String>(setting.name).ok().flatten()?;
            Some(Given::by_flag(setting, value))
        };
        Ok(Self {
            file: matches.get_one::<PathBuf>(CONFIG).cloned(),
            given: settings().filter_map(value).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn config_arg() -> Arg {
    Arg::new(CONFIG)
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("Configuration file, TOML [env: SYNCLINE_CONFIG]")
}

/// The flag of one setting. The rarer ones are shown by `--help` and not by `-h`.
fn setting_arg(setting: &'static Setting) -> Arg {
    let mut arg = Arg::new(setting.name)
        .long(setting.flag())
        .help(help(setting))
        .help_heading("Settings")
        .hide_short_help(!setting.is_common());
    if let Some(words) = setting.words() {
        arg = arg.value_parser(PossibleValuesParser::new(words));
    }
    if setting.is_switch() {
        let optional = arg.num_args(0..=1).require_equals(true).default_missing_value("true");
        optional.hide_possible_values(true).value_name("BOOL")
    } else if setting.is_secret() {
        arg.value_name("FILE")
    } else {
        arg.value_name(setting.section_and_key().1.to_uppercase())
    }
}

fn help(setting: &Setting) -> String {
    if setting.is_secret() {
        let (doc, variable) = (setting.doc, setting.variable());
        return format!("File that holds the secret: {doc} [env: {variable}, {variable}_FILE]");
    }
    let default = match setting.show(&Config::default()) {
        nothing if nothing.is_empty() => nothing,
        default => format!(" [default: {default}]"),
    };
    format!("{} [env: {}]{default}", setting.doc, setting.variable())
}
