//! Adding up what file, environment and flags say. Pure: files that hold secrets are read by `read`.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use super::{Config, Origin, Problem, Problems, Setting, settings};

/// One value that somebody gave.
#[derive(Clone, Debug)]
pub struct Given {
    setting: &'static Setting,
    value: Value,
    origin: Origin,
}

#[derive(Clone, Debug)]
enum Value {
    Text(String),
    /// The value is what this file holds.
    File(PathBuf),
    /// Only the port of an address, as `PORT` gives it.
    Port(String),
}

/// A whole configuration and where each value came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    origins: HashMap<&'static str, Origin>,
}

impl Given {
    /// A value on the command line; for a secret, the path of the file that holds it.
    #[must_use]
    pub fn by_flag(setting: &'static Setting, value: &str) -> Self {
        Self::maybe_file(setting, setting.is_secret(), value, Origin::Flag(setting.flag()))
    }

    /// A value, or when `is_file` the path of the file that holds it.
    pub(super) fn maybe_file(
        setting: &'static Setting,
        is_file: bool,
        value: &str,
        origin: Origin,
    ) -> Self {
        let value = if is_file { Value::File(value.into()) } else { Value::Text(value.into()) };
        Self { setting, value, origin }
    }

    /// The port of an address that is otherwise as it was.
    pub(super) fn port(setting: &'static Setting, port: &str, origin: Origin) -> Self {
        Self { setting, value: Value::Port(port.into()), origin }
    }

    /// Puts the value in its place.
    fn apply(&self, config: &mut Config, read: ReadFile<'_>) -> Result<(), Problem> {
        let text = match &self.value {
            Value::Text(text) => text.clone(),
            Value::File(path) => read(path)
                .map_err(|error| Problem::unreadable(&self.origin, path, &error))?
                .trim_end()
                .into(),
            Value::Port(port) => {
                let mut listen = config.http.listen;
                listen.set_port(port.parse().map_err(|_| {
                    self.invalid(format!("wants a port from 0 to 65535, not {port:?}"))
                })?);
                listen.to_string()
            }
        };
        self.setting.set(config, &text).map_err(|message| self.invalid(message))
    }

    fn invalid(&self, message: String) -> Problem {
        Problem::Invalid { origin: self.origin.clone(), name: self.setting.name, message }
    }

    fn is_port(&self) -> bool {
        matches!(self.value, Value::Port(_))
    }
}

impl Loaded {
    /// Where the value of a setting came from.
    #[must_use]
    pub fn origin(&self, setting: &Setting) -> &Origin {
        self.origins.get(setting.name).unwrap_or(&Origin::Default)
    }

    /// Every setting with its value, as [`Setting::show`] has it, and its origin.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&'static Setting, String, &Origin)> {
        settings().map(|setting| (setting, setting.show(&self.config), self.origin(setting)))
    }
}

/// How a file is read.
pub(super) type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// The configuration that `layers` make, the later ones over the earlier, or all that is wrong
/// with it, `problems` among it.
pub(super) fn resolve(
    layers: &[Vec<Given>],
    mut problems: Vec<Problem>,
    read: ReadFile<'_>,
) -> Result<Loaded, Problems> {
    let mut loaded = Loaded { config: Config::default(), origins: HashMap::new() };
    for layer in layers {
        for (i, given) in layer.iter().enumerate() {
            let same = |other: &&Given| other.setting.name == given.setting.name;
            let before = layer[..i].iter().find(same);
            if before.is_some_and(|other| !other.is_port()) {
                let (origin, name) = (given.origin.clone(), given.setting.name);
                problems.push(Problem::Twice { origin, name });
            } else if let Err(problem) = given.apply(&mut loaded.config, read) {
                problems.push(problem);
            } else {
                loaded.origins.insert(given.setting.name, given.origin.clone());
            }
        }
    }
    if problems.is_empty() { Ok(loaded) } else { Err(Problems(problems)) }
}
