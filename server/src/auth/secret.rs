//! The secret that a server makes for itself when it is given none: a file in its data directory.
//!
//! Whoever can read the file can make tokens, and can read the data anyway.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;

use super::{OWN_SECRET as NAME, SECRET_BYTES_MIN, StartError};

const NEW_NAME: &str = "SECRET.tmp";

/// Random bytes of a secret that is made; it is written in hexadecimal.
const SECRET_BYTES: usize = 32;
/// Bytes that a secret has at most.
const SECRET_BYTES_MAX: usize = 1024;

/// The secret of a data directory.
pub(super) fn read(dir: &Path) -> Result<String, StartError> {
    let path = dir.join(NAME);
    let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
    let text = text.trim_end();
    if (SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&text.len()) {
        return Ok(text.into());
    }
    let reason = format!("a secret has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes");
    Err(StartError::BadKey { path, reason })
}

/// The secret of a data directory, made when there is none. Durable when this returns: the tokens
/// that it signs count after a power cut too.
pub(super) fn make(dir: &Path) -> Result<String, StartError> {
    match read(dir) {
        Err(StartError::Unreadable { error, .. }) if error.kind() == ErrorKind::NotFound => {}
        known => {
            warn_if_open(&dir.join(NAME));
            return known;
        }
    }
    let mut bytes = [0; SECRET_BYTES];
    let path = dir.join(NAME);
    let random = getrandom::fill(&mut bytes).map_err(io::Error::other);
    let secret = HEXLOWER.encode(&bytes);
    random.and_then(|()| write(dir, &secret)).map_err(|error| unreadable(&path, error))?;
    Ok(secret)
}

/// A copy that somebody made may have lost its mode.
fn warn_if_open(path: &Path) {
    if fs::metadata(path).is_ok_and(|file| file.mode() & 0o077 != 0) {
        let path = path.display();
        tracing::warn!(%path, "others on this machine may read the secret and make tokens: chmod 600 it");
    }
}

/// In one step, readable for its owner only.
fn write(dir: &Path, secret: &str) -> io::Result<()> {
    let new = dir.join(NEW_NAME);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(format!("{secret}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, dir.join(NAME))?;
    File::open(dir)?.sync_all()
}

fn unreadable(path: &Path, error: io::Error) -> StartError {
    StartError::Unreadable { path: PathBuf::from(path), error }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_is_its_owners() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(read(dir.path()), Err(StartError::Unreadable { .. })));
        fs::write(dir.path().join(NEW_NAME), "left by a crash").unwrap();
        let made = make(dir.path()).unwrap();
        assert_eq!(made.len(), 2 * SECRET_BYTES);
        assert_eq!(make(dir.path()).unwrap(), made);
        assert_eq!(read(dir.path()).unwrap(), made);
        let mode = fs::metadata(dir.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(make(other.path()).unwrap(), made);
    }

    #[test]
    fn a_short_or_empty_secret_is_refused_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "\n", "thirty-one-bytes-are-not-enough\n"] {
            fs::write(dir.path().join(NAME), text).unwrap();
            assert!(matches!(make(dir.path()), Err(StartError::BadKey { .. })), "{text:?}");
            assert_eq!(fs::read_to_string(dir.path().join(NAME)).unwrap(), text);
        }
    }
}
