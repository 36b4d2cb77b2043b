//! Names of nodes: of one installation of one participant each. Knows no time.

use std::{borrow::Borrow, fmt, sync::Arc};

/// Bytes of a node's name, at most.
pub const NODE_ID_BYTES_MAX: usize = 128;

/// The name of a node, ordered by its bytes. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// The node of this name; `None` when it is empty or has more than [`NODE_ID_BYTES_MAX`] bytes.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        (!name.is_empty() && name.len() <= NODE_ID_BYTES_MAX).then(|| Self(name.into()))
    }

    /// The node of this name with `_` for every colon and white space, as those who give timestamps
    /// must name themselves: the first implementation cannot read other names.
    #[must_use]
    pub fn sanitized(name: &str) -> Option<Self> {
        Self::new(&name.replace(|c: char| c == ':' || c.is_whitespace(), "_"))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for NodeId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_bounds() {
        assert_eq!(NodeId::new(""), None);
        assert_eq!(NodeId::new(&"x".repeat(NODE_ID_BYTES_MAX + 1)), None);
        assert!(NodeId::new(&"x".repeat(NODE_ID_BYTES_MAX)).is_some());
        assert_eq!(NodeId::sanitized("user:a b"), NodeId::new("user_a_b"));
    }
}
