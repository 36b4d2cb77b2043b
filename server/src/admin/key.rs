//! The key that a running server leaves in its data directory: where it is, and a token for it.
//!
//! Whoever can read the file can read the data. Knows files; nothing of what the token opens.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Bytes of a token before it is written in hexadecimal.
const TOKEN_BYTES: usize = 32;
const NAME: &str = "ADMIN";
const NEW_NAME: &str = "ADMIN.tmp";

/// How a command on the same machine finds and enters the server that has a data directory open. The
/// token is made anew at each start.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LocalKey {
    /// Where the server answers, such as `http://127.0.0.1:8080`.
    pub url: String,
    /// What to show as `Authorization: Bearer`.
    pub token: String,
}

impl std::fmt::Debug for LocalKey {
    /// Everything but the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalKey").field("url", &self.url).finish_non_exhaustive()
    }
}

impl LocalKey {
    /// The key that lies in a data directory; `None` when no server is running there.
    ///
    /// # Errors
    /// Those of the file system, such as a missing permission.
    pub fn read(dir: impl AsRef<Path>) -> io::Result<Option<Self>> {
        match fs::read(path(dir.as_ref(), NAME)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn new(mut address: SocketAddr) -> io::Result<Self> {
        match address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        let mut token = [0; TOKEN_BYTES];
        getrandom::fill(&mut token).map_err(io::Error::other)?;
        let token = token.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { url: format!("http://{address}"), token })
    }

    /// Puts the key into a data directory, in one step, readable for its owner only.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let new = path(dir, NEW_NAME);
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        fs::rename(&new, path(dir, NAME))
    }

    /// Takes it away. One that stays opens nothing.
    pub(super) fn remove(dir: &Path) {
        let _ = fs::remove_file(path(dir, NAME));
    }
}

fn path(dir: &Path, name: &str) -> PathBuf {
    dir.join(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_comes_back_is_its_owners_and_goes() {
        let dir = tempfile::tempdir().unwrap();
        assert!(LocalKey::read(&dir).unwrap().is_none());
        fs::write(path(dir.path(), NEW_NAME), "left by a crash").unwrap();
        let key = LocalKey::new("0.0.0.0:81".parse().unwrap()).unwrap();
        key.write(dir.path()).unwrap();
        let read = LocalKey::read(&dir).unwrap().unwrap();
        assert_eq!((read.url.as_str(), &read.token), ("http://127.0.0.1:81", &key.token));
        assert_eq!(key.token.len(), 2 * TOKEN_BYTES);
        let mode = fs::metadata(path(dir.path(), NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{key:?}").contains(&key.token));
        LocalKey::remove(dir.path());
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    }
}
