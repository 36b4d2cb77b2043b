//! The configuration file's text: TOML sections and keys to given values. Pure.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{
    Given, Origin, Problem, Setting, nearest::nearest, setting::Written, settings, settings::find,
};

/// What a key's `_file` form ends with.
const FILE_SUFFIX: &str = "_file";

/// Reads one file's text.
pub(super) fn read(path: &Path, text: &str, problems: &mut Vec<Problem>) -> Vec<Given> {
    let mut reader = Reader { path, text, problems, given: Vec::new() };
    match DeTable::parse(text) {
        Ok(table) => reader.sections(table.get_ref()),
        Err(error) => {
            let origin = reader.origin(error.span().map_or(0, |span| span.start));
            let message = error.message().replace('\n', ", ");
            reader.problems.push(Problem::Syntax { origin, message });
        }
    }
    reader.given
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    problems: &'a mut Vec<Problem>,
    given: Vec<Given>,
}

impl Reader<'_> {
    fn sections(&mut self, table: &DeTable<'_>) {
        let known = |section| settings().any(|s| s.section_and_key().0 == section);
        for (section, value) in table {
            let offset = section.span().start;
            let section: &str = section.get_ref();
            match value.get_ref() {
                DeValue::Table(keys) if known(section) => self.keys(section, keys),
                DeValue::Table(_) => {
                    let names = settings().map(|setting| setting.section_and_key().0);
                    let nearest = nearest(section, names).map(|name| format!("[{name}]"));
                    self.unknown(offset, "section", format!("[{section}]"), nearest);
                }
                _ => self.unknown(offset, "key", section.into(), nearest_name(section)),
            }
        }
    }

    fn keys(&mut self, section: &str, keys: &DeTable<'_>) {
        for (key, value) in keys {
            let offset = key.span().start;
            let name = format!("{section}.{}", key.get_ref());
            match named(&name) {
                Some((setting, is_file)) => {
                    self.value(setting, is_file, offset, value.get_ref());
                }
                None => {
                    let nearest = nearest_name(&name);
                    self.unknown(offset, "key", name, nearest);
                }
            }
        }
    }

    fn value(
        &mut self,
        setting: &'static Setting,
        is_file: bool,
        offset: usize,
        value: &DeValue<'_>,
    ) {
        let origin = self.origin(offset);
        let text = match (value, setting.written()) {
            (DeValue::String(text), Written::String) => Some(text.to_string()),
            (DeValue::Boolean(on), Written::Boolean) => Some(on.to_string()),
            (DeValue::Array(items), Written::List) => joined(items),
            (DeValue::Integer(n), _) if setting.takes_integer() && n.radix() == 10 => {
                Some(n.as_str().into())
            }
            _ => None,
        };
        match text {
            Some(text) => self.given.push(Given::maybe_file(setting, is_file, &text, origin)),
            None => {
                let how = match setting.written() {
                    Written::String => "in quotes",
                    Written::List => "each in quotes and all in brackets",
                    Written::Integer | Written::Boolean => "without quotes",
                };
                let message = format!("wants {}, {how}", setting.wants());
                self.problems.push(Problem::Invalid { origin, name: setting.name, message });
            }
        }
    }

    fn unknown(
        &mut self,
        offset: usize,
        what: &'static str,
        name: String,
        nearest: Option<String>,
    ) {
        let origin = self.origin(offset);
        self.problems.push(Problem::Unknown { origin, what, name, nearest });
    }

    fn origin(&self, offset: usize) -> Origin {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        Origin::File { path: self.path.into(), line }
    }
}

/// The items of a list as [`Setting::set`] takes them. None has a comma of its own.
fn joined(items: &[toml::Spanned<DeValue<'_>>]) -> Option<String> {
    let item = |item: &toml::Spanned<DeValue<'_>>| match item.get_ref() {
        DeValue::String(text) if !text.contains(',') => Some(text.to_string()),
        _ => None,
    };
    Some(items.iter().map(item).collect::<Option<Vec<_>>>()?.join(","))
}

/// The setting of a name, and whether the name is its `_file` form.
fn named(name: &str) -> Option<(&'static Setting, bool)> {
    let secret = || find(name.strip_suffix(FILE_SUFFIX)?).filter(|setting| setting.is_secret());
    find(name).map(|setting| (setting, false)).or_else(|| Some((secret()?, true)))
}

/// A mistyped name's nearest, or the setting with this key in another section.
fn nearest_name(name: &str) -> Option<String> {
    let key = name.rsplit('.').next().unwrap_or(name);
    let elsewhere = settings().find(|setting| setting.section_and_key().1 == key);
    nearest(name, settings().map(|setting| setting.name))
        .or_else(|| elsewhere.map(|setting| setting.name))
        .map(Into::into)
}
