//! A configuration as text: the default file, and what is in force. Pure.

use super::{
    Config, Loaded, Origin, Setting,
    setting::{Written, items},
    settings,
};

/// A configuration file that sets everything to its default and explains it.
#[must_use]
pub fn default_file() -> String {
    let config = Config::default();
    let mut out = String::from("# Every setting of syncline, at its default.\n");
    let mut section = "";
    for setting in settings() {
        open_section(&mut out, &mut section, setting);
        out += &format!("# {}\n# {}; {}\n", setting.doc, setting.wants(), setting.variable());
        let value = setting.show(&config);
        // A secret has no default; one that says nothing would be refused.
        let comment = if setting.is_secret() { "# " } else { "" };
        out += &format!("{comment}{}\n", assignment(setting, &value));
    }
    out
}

/// What is in force, as TOML; with `origins`, where each value came from in a comment. Secrets are
/// not shown.
#[must_use]
pub fn show(loaded: &Loaded, origins: bool) -> String {
    let mut out = String::new();
    let mut section = "";
    for (setting, value, origin) in loaded.rows() {
        open_section(&mut out, &mut section, setting);
        let hidden = if setting.is_secret() { "# " } else { "" };
        let line = format!("{hidden}{}", assignment(setting, &value));
        if origins {
            out += &format!("{line:<40} # {}\n", long(origin));
        } else {
            out += &format!("{line}\n");
        }
    }
    out.trim_start().into()
}

/// What is in force, as JSON: one object, `section.key` to `{"value", "origin"}`. Secrets are not
/// shown. The shape is a contract.
#[must_use]
pub fn show_json(loaded: &Loaded) -> String {
    let rows = loaded.rows().map(|(setting, value, origin)| {
        let row = serde_json::json!({ "value": value, "origin": origin.to_string() });
        (setting.name.to_owned(), row)
    });
    let all: serde_json::Map<String, serde_json::Value> = rows.collect();
    format!("{:#}\n", serde_json::Value::Object(all))
}

fn open_section(out: &mut String, section: &mut &'static str, setting: &Setting) {
    let (name, _) = setting.section_and_key();
    if *section != name {
        *out += &format!("\n[{name}]\n");
        *section = name;
    }
}

fn assignment(setting: &Setting, value: &str) -> String {
    let (_, key) = setting.section_and_key();
    match setting.written() {
        Written::String => format!("{key} = {}", toml::Value::String(value.into())),
        Written::List => format!("{key} = {}", toml::Value::from(items(value))),
        Written::Integer | Written::Boolean => format!("{key} = {value}"),
    }
}

fn long(origin: &Origin) -> String {
    match origin {
        Origin::Variable(name) => format!("environment {name}"),
        Origin::File { .. } => format!("file {origin}"),
        Origin::Default | Origin::Flag(_) => origin.to_string(),
    }
}
