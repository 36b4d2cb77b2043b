//! The settings of `[log]`: names, explanations and bounds. Nothing of what the server does with them.

use crate::config::{
    LogFormat, LogLevel, Setting,
    choice::{Choice, choose, names},
    setting::Field,
};

pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: "log.level",
        doc: "The least urgent events that are logged.",
        short_flag: Some("log-level"),
        field: Field::Word {
            names: names::<LogLevel>,
            set: |config, text| choose(text, &mut config.log.level),
            show: |config| config.log.level.name(),
        },
    },
    Setting {
        name: "log.format",
        doc: "How a log line looks: auto is human on a terminal and json otherwise.",
        short_flag: Some("log-format"),
        field: Field::Word {
            names: names::<LogFormat>,
            set: |config, text| choose(text, &mut config.log.format),
            show: |config| config.log.format.name(),
        },
    },
];
