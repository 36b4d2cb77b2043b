//! What somebody may do in maps, as people write it: `todos*:READ+PUT`. Pure text to value and back.

use syncline_protocol::dialects::maps::{Grants, Op};

/// What may be done in the maps that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Permission {
    /// A map, or with one `*` in it all maps whose names are so but for what stands there.
    pub map: String,
    /// At least one, none twice.
    pub ops: Vec<Op>,
}

/// A permission that comes with a name in a token's `roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Role {
    /// The name.
    pub name: String,
    /// What it allows.
    pub allows: Permission,
}

impl Permission {
    /// A permission of these parts; `None` when `map` can be no map's name, `*` allowed once, or `ops`
    /// has nothing, something else or something twice.
    #[must_use]
    pub fn new(map: &str, ops: &[&str]) -> Option<Self> {
        let once = ops.iter().enumerate().all(|(at, op)| !ops[..at].contains(op));
        let ops = ops.iter().map(|op| Op::of_name(op)).collect::<Option<Vec<_>>>()?;
        Grants::default().allow(map, &ops).ok()?;
        once.then(|| Self { map: map.into(), ops })
    }

    /// Everything in all maps.
    #[must_use]
    pub fn everything() -> Self {
        Self { map: "*".into(), ops: Op::ALL.into() }
    }

    /// Reads `MAP:OP+OP`; commas do as well as plus signs, small letters as well as large ones. `None`
    /// when it is no permission.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // A map's name may hold a colon, an operation none.
        let (map, ops) = text.rsplit_once(':')?;
        let ops = ops.to_ascii_uppercase();
        let ops: Vec<&str> = ops.split(['+', ',']).map(str::trim).collect();
        Self::new(map, &ops)
    }

    /// As [`Permission::parse`] reads it.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}:{}", self.map, self.names().join("+"))
    }

    /// The names of what may be done.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.ops.iter().map(|op| op.name()).collect()
    }
}

impl Role {
    /// Reads `ROLE=MAP:OP+OP`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, allows) = text.split_once('=')?;
        let name = name.trim();
        let allows = Permission::parse(allows.trim())?;
        (!name.is_empty()).then(|| Self { name: name.into(), allows })
    }

    pub(super) fn text(&self) -> String {
        format!("{}={}", self.name, self.allows.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_reads_back() {
        for text in ["todos:READ", "*:READ+PUT+REMOVE", "a:b/c.d-e_*:PUT", "a*z:REMOVE"] {
            assert_eq!(Permission::parse(text).unwrap().text(), text);
        }
        let loose = Permission::parse("todos*:read, put").unwrap();
        assert_eq!(loose, Permission::parse("todos*:READ+PUT").unwrap());
        let role = Role::parse("editor=todos*:READ+PUT").unwrap();
        assert_eq!(
            (role.name.as_str(), role.text().as_str()),
            ("editor", "editor=todos*:READ+PUT")
        );
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        let long = format!("{}:READ", "m".repeat(129));
        for text in [
            "",
            "todos",
            "todos:",
            ":READ",
            "todos:WRITE",
            "todos:READ+READ",
            "a**:READ",
            "a*b*:READ",
            "to dos:READ",
            "ü:READ",
            "~:READ",
            "todos:READ+",
            &long,
        ] {
            assert_eq!(Permission::parse(text), None, "{text}");
        }
        for text in ["editor", "=a:READ", "editor=", "editor=a"] {
            assert_eq!(Role::parse(text), None, "{text}");
        }
        assert_eq!(Permission::new("a", &["read"]), None, "a token says it as it is");
        assert_eq!(Permission::new("a", &[]), None);
    }
}
