//! Gathering the sources of a configuration: the only file of this folder that does I/O.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Given, Loaded, Origin, Problem, Problems,
    environment::{self, CONFIG_VARIABLE},
    file,
    resolve::resolve,
};

/// Where settings come from, the weakest first.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The configuration file named on the command line; over `SYNCLINE_CONFIG`.
    pub file: Option<PathBuf>,
    /// The environment.
    pub variables: Vec<(OsString, OsString)>,
    /// The flags.
    pub flags: Vec<Given>,
}

impl Sources {
    /// The environment of this process, under these flags.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>, flags: Vec<Given>) -> Self {
        Self { file, variables: std::env::vars_os().collect(), flags }
    }

    /// The file to read and who named it.
    fn file(&self) -> Option<(PathBuf, Origin)> {
        let by_variable = || {
            let (_, path) = self.variables.iter().find(|(name, _)| name == CONFIG_VARIABLE)?;
            Some((path.into(), Origin::Variable(CONFIG_VARIABLE.into())))
        };
        let by_flag = self.file.clone().map(|path| (path, Origin::Flag("config".into())));
        by_flag.or_else(by_variable)
    }
}

/// Reads the sources: flags are over the environment, which is over the file, which is over the
/// defaults.
///
/// # Errors
/// Everything that is wrong with them, at once.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let mut problems = Vec::new();
    let mut from_file = Vec::new();
    if let Some((path, origin)) = sources.file() {
        match read(&path) {
            Ok(text) => from_file = file::read(&path, &text, &mut problems),
            Err(error) => problems.push(Problem::unreadable(&origin, &path, &error)),
        }
    }
    let from_environment = environment::read(&sources.variables, &mut problems);
    resolve(&[from_file, from_environment, sources.flags.clone()], problems, &read)
}

fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}
