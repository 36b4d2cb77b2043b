//! Version vectors: by node, up to which timestamp something is known.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
    ser::SerializeMap as _,
};

use super::{hlc::Hlc, node::NodeId};

/// Nodes of a vector, at most.
pub const VECTOR_NODES_MAX: usize = 4096;

/// By node, the highest timestamp that is known, with all below it.
///
/// As JSON it is an object of timestamps by node.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct VersionVector(BTreeMap<NodeId, Hlc>);

/// A text is no version vector, or one of too many nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version vector is a JSON object of at most {VECTOR_NODES_MAX} timestamps by node")]
pub struct BadVector;

impl VersionVector {
    /// Reads JSON. The payload of a `SYNC_REQ` that fails here asks for everything, as an empty one does
    /// (dossier, 1.5). A timestamp says itself whose it is; its key does not count.
    ///
    /// # Errors
    /// [`BadVector`].
    pub fn from_json(json: &[u8]) -> Result<Self, BadVector> {
        serde_json::from_slice(json).map_err(|_| BadVector)
    }

    /// Its JSON, the nodes in order.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Nothing in it fails: the keys are texts and the target is memory.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Up to where a node is known.
    #[must_use]
    pub fn get(&self, node: &NodeId) -> Option<&Hlc> {
        self.0.get(node)
    }

    /// Whether this timestamp is not above what is known of its node.
    #[must_use]
    pub fn covers(&self, hlc: &Hlc) -> bool {
        self.0.get(&hlc.node).is_some_and(|known| hlc <= known)
    }

    /// Whether all of another is known here.
    #[must_use]
    pub fn covers_all(&self, other: &Self) -> bool {
        other.iter().all(|hlc| self.covers(hlc))
    }

    /// Knows a node up to here, if it did not. Returns whether that changed something; a node more than
    /// [`VECTOR_NODES_MAX`] changes nothing.
    pub fn advance(&mut self, hlc: &Hlc) -> bool {
        let full = self.0.len() >= VECTOR_NODES_MAX;
        match self.0.entry(hlc.node.clone()) {
            Entry::Occupied(mut known) if known.get() < hlc => {
                known.insert(hlc.clone());
                true
            }
            Entry::Vacant(place) if !full => {
                place.insert(hlc.clone());
                true
            }
            _ => false,
        }
    }

    /// Knows what another knows, too.
    pub fn join(&mut self, other: &Self) {
        for hlc in other.iter() {
            self.advance(hlc);
        }
    }

    /// Knows no more of any node than another does.
    pub fn meet(&mut self, other: &Self) {
        self.0.retain(|node, known| match other.get(node) {
            Some(theirs) => {
                if theirs < known {
                    *known = theirs.clone();
                }
                true
            }
            None => false,
        });
    }

    /// Its timestamps, by node in order.
    pub fn iter(&self) -> impl Iterator<Item = &Hlc> {
        self.0.values()
    }

    /// How many nodes are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no node is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Hlc> for VersionVector {
    fn from_iter<I: IntoIterator<Item = Hlc>>(all: I) -> Self {
        let mut vector = Self::default();
        for hlc in all {
            vector.advance(&hlc);
        }
        vector
    }
}

impl fmt::Debug for VersionVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(ToString::to_string)).finish()
    }
}

impl Serialize for VersionVector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for hlc in self.iter() {
            map.serialize_entry(hlc.node.as_str(), &format_args!("{hlc}"))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for VersionVector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = VersionVector;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of timestamps by node")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<VersionVector, A::Error> {
        let mut vector = VersionVector::default();
        let mut entries = 0;
        while let Some((_, text)) = map.next_entry::<String, String>()? {
            entries += 1;
            if entries > VECTOR_NODES_MAX {
                return Err(Error::custom("too many nodes"));
            }
            vector.advance(&Hlc::parse(&text).map_err(Error::custom)?);
        }
        Ok(vector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hlc(node: &str, micros: i64) -> Hlc {
        Hlc { micros, counter: 0, node: NodeId::new(node).unwrap() }
    }

    #[test]
    fn what_is_known() {
        let mut vector: VersionVector = [hlc("a", 5), hlc("b", 7)].into_iter().collect();
        assert!(vector.covers(&hlc("a", 5)) && !vector.covers(&hlc("a", 6)));
        assert!(!vector.covers(&hlc("c", 0)));
        assert!(!vector.advance(&hlc("a", 4)) && vector.advance(&hlc("a", 6)));
        let other: VersionVector = [hlc("b", 3), hlc("c", 1)].into_iter().collect();
        assert!(!vector.covers_all(&other));
        let mut least = vector.clone();
        least.meet(&other);
        assert_eq!(least, [hlc("b", 3)].into_iter().collect());
        vector.join(&other);
        assert!(vector.covers_all(&other) && vector.len() == 3);
    }

    #[test]
    fn json_there_and_back() {
        let json = br#"{"nodeA":"2026-02-23T02:58:09.544865Z-0000-nodeA"}"#;
        let vector = VersionVector::from_json(json).unwrap();
        assert_eq!(vector.to_json(), json);
        assert_eq!(VersionVector::from_json(b"{}").unwrap().to_json(), b"{}");
        for bad in ["", "[]", "null", r#"{"a":1}"#, r#"{"a":"yesterday"}"#, "{} x"] {
            assert_eq!(VersionVector::from_json(bad.as_bytes()), Err(BadVector), "{bad}");
        }
    }

    #[test]
    fn nodes_have_a_bound() {
        let many = |count: usize| {
            let entry = |at| format!("\"{at}\":\"2026-02-23T02:58:09Z-0000-{at}\"");
            format!("{{{}}}", (0..count).map(entry).collect::<Vec<_>>().join(","))
        };
        let mut full = VersionVector::from_json(many(VECTOR_NODES_MAX).as_bytes()).unwrap();
        assert!(!full.advance(&hlc("more", 1)));
        assert_eq!(full.len(), VECTOR_NODES_MAX);
        assert!(VersionVector::from_json(many(VECTOR_NODES_MAX + 1).as_bytes()).is_err());
    }
}
