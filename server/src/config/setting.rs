//! What a setting is: its names in file, environment and flags, what it takes, where it goes.
//!
//! Knows how to read and show one value; nothing of files, layers or a particular setting.

use super::{Config, units};

/// One setting, said once: file, environment, flags, help and docs all come from it.
#[derive(Debug)]
pub struct Setting {
    /// `section.key` as in the file.
    pub name: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
    /// A shorter flag than the one its name makes.
    pub(super) short_flag: Option<&'static str>,
    /// What it takes and where it goes.
    pub(super) field: Field,
}

/// What a setting takes and where it goes.
#[derive(Debug)]
pub(super) enum Field {
    /// Text that `set` understands; `wants` says what it must look like.
    Text {
        wants: &'static str,
        set: fn(&mut Config, &str) -> Option<()>,
        show: fn(&Config) -> String,
    },
    /// Text that is never shown, and may stand in a file of its own.
    Secret {
        wants: &'static str,
        set: fn(&mut Config, &str) -> Option<()>,
        is_set: fn(&Config) -> bool,
    },
    /// Items, in the environment and in flags with commas between them.
    List {
        wants: &'static str,
        set: fn(&mut Config, &[&str]) -> Option<()>,
        show: fn(&Config) -> Vec<String>,
    },
    /// One word of a few.
    Word {
        names: fn() -> Vec<&'static str>,
        set: fn(&mut Config, &str) -> bool,
        show: fn(&Config) -> &'static str,
    },
    /// `true` or `false`.
    Switch { set: fn(&mut Config, bool), show: fn(&Config) -> bool },
    /// A whole number.
    Count(Number),
    /// Bytes.
    Size(Number),
    /// Milliseconds.
    Duration(Number),
}

/// A bounded number and where it goes.
#[derive(Debug)]
pub(super) struct Number {
    /// Its bounds, both allowed.
    pub(super) bounds: (u64, u64),
    /// What 0 means, when it is allowed whatever the bounds are.
    pub(super) zero: Option<&'static str>,
    pub(super) set: fn(&mut Config, u64),
    pub(super) show: fn(&Config) -> u64,
}

/// How a value is written in TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    String,
    Integer,
    Boolean,
    List,
}

impl Setting {
    /// Its section and its key.
    #[must_use]
    pub fn section_and_key(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or(("", self.name))
    }

    /// Its environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("SYNCLINE_{}", self.name.replace('.', "_").to_uppercase())
    }

    /// Its command-line flag without dashes. A secret has none, only its `-file` form: what stands
    /// on a command line is visible to every user of the machine.
    #[must_use]
    pub fn flag(&self) -> String {
        match self.short_flag {
            Some(flag) => flag.into(),
            None if self.is_secret() => format!("{}-file", self.name.replace(['.', '_'], "-")),
            None => self.name.replace(['.', '_'], "-"),
        }
    }

    /// Whether it is one of the few that most people set, with a flag of its own choosing.
    #[must_use]
    pub fn is_common(&self) -> bool {
        self.short_flag.is_some()
    }

    /// Whether its value must not be shown and may stand in a file of its own (`_file`, `_FILE`).
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self.field, Field::Secret { .. })
    }

    /// Whether it is either true or false.
    #[must_use]
    pub fn is_switch(&self) -> bool {
        matches!(self.field, Field::Switch { .. })
    }

    /// The words to choose from, when there are only a few.
    #[must_use]
    pub fn words(&self) -> Option<Vec<&'static str>> {
        match &self.field {
            Field::Word { names, .. } => Some(names()),
            Field::Switch { .. } => Some(vec!["true", "false"]),
            _ => None,
        }
    }

    /// What it takes: units, bounds or the words to choose from.
    #[must_use]
    pub fn wants(&self) -> String {
        match &self.field {
            Field::Text { wants, .. } | Field::Secret { wants, .. } => (*wants).into(),
            Field::List { wants, .. } => format!("a list of {wants}"),
            Field::Word { names, .. } => one_of(&names()),
            Field::Switch { .. } => "true or false".into(),
            Field::Count(number) => number.wants("a whole number", |n| n.to_string()),
            Field::Size(number) => number.wants("a size such as 64MiB", units::format_size),
            Field::Duration(number) => {
                number.wants("a duration such as 10s", units::format_duration_ms)
            }
        }
    }

    /// Reads `text` into `config`.
    ///
    /// # Errors
    /// What the setting wants, to follow its name; it never repeats the value of a secret.
    pub fn set(&self, config: &mut Config, text: &str) -> Result<(), String> {
        if self.accept(config, text).is_some() {
            return Ok(());
        }
        let given = if self.is_secret() { String::new() } else { format!(", not {text:?}") };
        Err(format!("wants {}{given}", self.wants()))
    }

    fn accept(&self, config: &mut Config, text: &str) -> Option<()> {
        match &self.field {
            Field::Text { set, .. } | Field::Secret { set, .. } => set(config, text),
            Field::List { set, .. } => set(config, &items(text)),
            Field::Word { set, .. } => set(config, text).then_some(()),
            Field::Switch { set, .. } => text.parse().ok().map(|on| set(config, on)),
            Field::Count(number) => number.accept(config, units::parse_count(text)?),
            Field::Size(number) => number.accept(config, units::parse_size(text)?),
            Field::Duration(number) => number.accept(config, units::parse_duration_ms(text)?),
        }
    }

    /// The value as a person writes it; a secret only as `(set)`, or nothing when it is not set.
    #[must_use]
    pub fn show(&self, config: &Config) -> String {
        match &self.field {
            Field::Text { show, .. } => show(config),
            Field::Secret { is_set, .. } => if is_set(config) { "(set)" } else { "" }.into(),
            Field::List { show, .. } => show(config).join(","),
            Field::Word { show, .. } => show(config).into(),
            Field::Switch { show, .. } => show(config).to_string(),
            Field::Count(number) => (number.show)(config).to_string(),
            Field::Size(number) => units::format_size((number.show)(config)),
            Field::Duration(number) => units::format_duration_ms((number.show)(config)),
        }
    }

    /// How its value stands in the file.
    pub(super) fn written(&self) -> Written {
        match self.field {
            Field::Switch { .. } => Written::Boolean,
            Field::Count(_) => Written::Integer,
            Field::List { .. } => Written::List,
            _ => Written::String,
        }
    }

    /// Whether the file may also say it with a bare integer: a size, whose key names its unit.
    pub(super) fn takes_integer(&self) -> bool {
        matches!(self.field, Field::Count(_) | Field::Size(_))
    }
}

impl Number {
    fn accept(&self, config: &mut Config, number: u64) -> Option<()> {
        let (min, max) = self.bounds;
        let allowed = (min..=max).contains(&number) || (number == 0 && self.zero.is_some());
        allowed.then(|| (self.set)(config, number))
    }

    fn wants(&self, what: &str, show: fn(u64) -> String) -> String {
        let (min, max) = self.bounds;
        let zero = self.zero.map_or_else(String::new, |zero| format!(", or 0 for {zero}"));
        format!("{what} from {} to {}{zero}", show(min), show(max))
    }
}

/// What stands between commas; nothing at all is no item.
pub(super) fn items(text: &str) -> Vec<&str> {
    if text.trim().is_empty() { Vec::new() } else { text.split(',').map(str::trim).collect() }
}

fn one_of(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).into(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
