//! The table of all settings: the only place where one is named, explained and bounded, a file per section.
//!
//! Defaults are those of [`super::Config`].

mod auth;
mod http;
mod limits;
mod log;
mod maps;
mod oplog;
mod peer;
mod relay;
mod storage;
mod values;
mod workspace;

use super::Setting;

/// The tables, in the order of the file.
static SECTIONS: &[&[Setting]] = &[
    http::SETTINGS,
    storage::SETTINGS,
    auth::SETTINGS,
    limits::SETTINGS,
    log::SETTINGS,
    relay::SETTINGS,
    workspace::SETTINGS,
    oplog::SETTINGS,
    maps::SETTINGS,
    peer::SETTINGS,
];

/// Every setting, in the order of the file.
pub fn settings() -> impl Iterator<Item = &'static Setting> + Clone {
    SECTIONS.iter().copied().flatten()
}

/// The setting of this name.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.name == name)
}
