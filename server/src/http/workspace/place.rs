//! The paths of the dialect: whose workspace, and what of it.
//!
//! The raw path is split before its segments are decoded: a workspace's name may hold a slash.

use http::Method;
use syncline_protocol::dialects::workspace::WORKSPACE_BYTES_MAX;

use super::failed::Failed;
use crate::http::target::decoded;

/// What every path here begins with.
pub(in crate::http) const PREFIXES: [&str; 2] = ["/v1/", "/ws/"];

/// A workspace, or something of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) workspace: String,
    pub(super) of: Of,
}

/// What of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// A WebSocket in it.
    Socket,
    /// Who is there.
    Presence,
    /// All its keys.
    State,
    /// One key.
    Key(String),
}

impl Place {
    /// What a raw path is about.
    ///
    /// # Errors
    /// [`Failed::NoPlace`], or [`Failed::BadPath`] when a name is missing, too long or no UTF-8.
    pub(super) fn of(path: &str) -> Result<Self, Failed> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let (workspace, of) = match *segments {
            ["v1", "sync", workspace] | ["ws", workspace] => (workspace, Of::Socket),
            ["v1", "sync"] => ("", Of::Socket),
            ["v1", "presence", workspace] => (workspace, Of::Presence),
            ["v1", "presence"] => ("", Of::Presence),
            ["v1", "workspaces", workspace] => (workspace, Of::State),
            ["v1", "workspaces", workspace, "keys", key] => (workspace, Of::Key(name(key)?)),
            _ => return Err(Failed::NoPlace),
        };
        let workspace = name(workspace)?;
        if workspace.len() > WORKSPACE_BYTES_MAX {
            return Err(Failed::BadPath("the name of a workspace is at most 512 bytes long"));
        }
        Ok(Self { workspace, of })
    }
}

impl Of {
    pub(super) fn takes(&self, method: &Method) -> bool {
        match self {
            // The upgrade says what it wants itself.
            Self::Socket => true,
            Self::Key(_) if method == Method::PUT => true,
            _ => matches!(*method, Method::GET | Method::HEAD),
        }
    }

    /// The methods it takes, for `Allow`.
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::Key(_) => "GET, HEAD, PUT, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }
}

fn name(segment: &str) -> Result<String, Failed> {
    let name = decoded(segment).ok_or(Failed::BadPath("a name in the path is no UTF-8"))?;
    if name.is_empty() {
        return Err(Failed::BadPath("the path names no workspace or no key"));
    }
    Ok(name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Result<(String, Of), &'static str> {
        match Place::of(path) {
            Ok(Place { workspace, of }) => Ok((workspace, of)),
            Err(Failed::NoPlace) => Err("none"),
            Err(Failed::BadPath(_)) => Err("bad"),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_are_decoded_after_the_path_is_split() {
        let expected = |workspace: &str, of| Ok((workspace.to_owned(), of));
        assert_eq!(place("/v1/sync/a%2Fb%20%C3%A9"), expected("a/b é", Of::Socket));
        assert_eq!(place("/ws/a%3Fx%23y"), expected("a?x#y", Of::Socket));
        assert_eq!(place("/v1/presence/a"), expected("a", Of::Presence));
        assert_eq!(place("/v1/workspaces/.."), expected("..", Of::State));
        let key = Of::Key("k/1".into());
        assert_eq!(place("/v1/workspaces/a/keys/k%2F1"), expected("a", key));
        let longest = "x".repeat(512);
        assert_eq!(place(&format!("/ws/{longest}")), expected(&longest, Of::Socket));
    }

    #[test]
    fn what_names_nothing_is_bad_or_nowhere() {
        for path in ["/v1/sync", "/v1/sync/", "/ws/", "/v1/presence", "/ws/%ff"] {
            assert_eq!(place(path), Err("bad"), "{path}");
        }
        for path in ["/v1/workspaces/a/keys/", "/v1/workspaces//keys/k"] {
            assert_eq!(place(path), Err("bad"), "{path}");
        }
        assert_eq!(place(&format!("/ws/{}", "x".repeat(513))), Err("bad"));
        for path in ["/v1/", "/v1/stats", "/v1/sync/a/b", "/v1/workspaces/a/keys", "/ws/a/"] {
            assert_eq!(place(path), Err("none"), "{path}");
        }
    }
}
