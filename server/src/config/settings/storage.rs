//! The settings of `[storage]`: names, explanations and bounds. Nothing of what the server does with them.

use crate::config::{
    Durability, Setting,
    choice::{Choice, choose, names},
    setting::Field,
};

use super::values::path;

pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: "storage.dir",
        doc: "Directory of the store; created when absent.",
        short_flag: Some("data-dir"),
        field: Field::Text {
            wants: "a path",
            set: |config, text| path(text).map(|path| config.storage.dir = path),
            show: |config| config.storage.dir.display().to_string(),
        },
    },
    Setting {
        name: "storage.durability",
        doc: "What an acknowledged write survives: power loss (device) or only a crash of the process (os).",
        short_flag: Some("durability"),
        field: Field::Word {
            names: names::<Durability>,
            set: |config, text| choose(text, &mut config.storage.durability),
            show: |config| config.storage.durability.name(),
        },
    },
    Setting {
        name: "storage.backup_dir",
        doc: "Directory below which a running server makes backups; a relative path is inside storage.dir.",
        short_flag: None,
        field: Field::Text {
            wants: "a path",
            set: |config, text| path(text).map(|path| config.storage.backup_dir = path),
            show: |config| config.storage.backup_dir.display().to_string(),
        },
    },
];
