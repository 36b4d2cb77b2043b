//! Environment variables to given values. Pure: the variables come in as a list.

use std::ffi::OsString;

use super::{Given, Origin, Problem, Setting, nearest::nearest, settings, settings::find};

/// What our variables begin with.
const PREFIX: &str = "SYNCLINE_";
/// Names the configuration file; no setting.
pub(super) const CONFIG_VARIABLE: &str = "SYNCLINE_CONFIG";
/// A token for commands that show one; no setting.
const TOKEN_VARIABLE: &str = "SYNCLINE_TOKEN";
/// What platforms give a program its port with.
const PORT_VARIABLE: &str = "PORT";
/// What a secret's variable ends with when it names a file.
const FILE_SUFFIX: &str = "_FILE";

/// Reads the variables; those that are not ours are passed over. `PORT` comes first, so that
/// `SYNCLINE_HTTP_LISTEN` is over it.
pub(super) fn read(variables: &[(OsString, OsString)], problems: &mut Vec<Problem>) -> Vec<Given> {
    let mut ours: Vec<(&str, String)> = variables
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value.to_string_lossy().into_owned())))
        .filter(|(name, value)| is_ours(name, value))
        .collect();
    ours.sort_by_key(|(name, _)| (*name != PORT_VARIABLE, name.to_string()));
    ours.iter().filter_map(|(name, value)| given(name, value, problems)).collect()
}

fn is_ours(name: &str, value: &str) -> bool {
    let setting = name.starts_with(PREFIX) && ![CONFIG_VARIABLE, TOKEN_VARIABLE].contains(&name);
    (setting && !is_service_link(name, value)) || (name == PORT_VARIABLE && !value.is_empty())
}

/// Kubernetes tells every container of a service called `syncline` or `syncline-x` where it is, in
/// variables that look like ours: `SYNCLINE_SERVICE_HOST`, `SYNCLINE_PORT_8080_TCP_ADDR`.
fn is_service_link(name: &str, value: &str) -> bool {
    let address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let port_detail = name.split_once("_PORT_").is_some_and(|(_, rest)| {
        let mut words = rest.split('_');
        let port = words.next().is_some_and(|word| word.parse::<u16>().is_ok());
        port && words.next().is_some_and(|word| ["TCP", "UDP", "SCTP"].contains(&word))
    });
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && address)
        || port_detail
}

fn given(name: &str, value: &str, problems: &mut Vec<Problem>) -> Option<Given> {
    let origin = Origin::Variable(name.into());
    if name == PORT_VARIABLE {
        return Some(Given::port(find("http.listen")?, value, origin));
    }
    match named(name) {
        Some((setting, is_file)) => Some(Given::maybe_file(setting, is_file, value, origin)),
        None => {
            let known: Vec<String> = known().collect();
            let nearest = nearest(name, known.iter().map(String::as_str)).map(Into::into);
            let (what, name) = ("variable", name.into());
            let origin = Origin::Variable("environment".into());
            problems.push(Problem::Unknown { origin, what, name, nearest });
            None
        }
    }
}

/// The setting of a variable, and whether the variable is its `_FILE` form.
fn named(variable: &str) -> Option<(&'static Setting, bool)> {
    let is = |name: &str| settings().find(|setting| setting.variable() == name);
    let secret = || is(variable.strip_suffix(FILE_SUFFIX)?).filter(|setting| setting.is_secret());
    is(variable).map(|setting| (setting, false)).or_else(|| Some((secret()?, true)))
}

fn known() -> impl Iterator<Item = String> {
    let secrets = settings().filter(|setting| setting.is_secret());
    settings()
        .map(Setting::variable)
        .chain(secrets.map(|setting| setting.variable() + FILE_SUFFIX))
        .chain([CONFIG_VARIABLE.into(), TOKEN_VARIABLE.into()])
}
