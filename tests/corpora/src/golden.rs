//! The golden stores.

use std::{collections::BTreeMap, fs, path::Path};

/// A directory.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The golden store of a format version.
pub(crate) fn files(version: u32) -> Files {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden/engine");
    let mut files = Files::new();
    for entry in fs::read_dir(folder.join(format!("version-{version}"))).expect("the golden store")
    {
        let entry = entry.expect("a name");
        let name = entry.file_name().into_string().expect("a plain name");
        files.insert(name, fs::read(entry.path()).expect("a file"));
    }
    files
}
