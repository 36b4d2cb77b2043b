//! Writes the JSON of a changeset.

use data_encoding::BASE64;
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{
    super::row::Row,
    set::{Changes, Kind, Meta},
};

impl Changes {
    /// The payload of a `DATA_CHUNK`: tables by name, the rows of each in their order here. Without
    /// [`meta`](Self::meta) as version 1 knows it, and then without authors.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Nothing in it fails: the keys are texts and the target is memory.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Serialize for Changes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by(|one, other| one.table.cmp(&other.table));
        let mut map = serializer.serialize_map(None)?;
        if let Some(meta) = &self.meta {
            map.serialize_entry("$meta", &MetaOf { meta, rows: &rows })?;
        }
        for table in rows.chunk_by(|one, other| one.table == other.table) {
            let records: Vec<_> = table.iter().map(|row| Record(row)).collect();
            map.serialize_entry(table[0].table.as_str(), &records)?;
        }
        map.end()
    }
}

struct Record<'a>(&'a Row);

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(row) = self;
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("id", &row.id)?;
        map.serialize_entry("value", &row.value)?;
        map.serialize_entry("is_deleted", &u8::from(row.deleted))?;
        map.serialize_entry("hlc", &format_args!("{}", row.hlc))?;
        map.serialize_entry("node_id", row.hlc.node.as_str())?;
        map.end()
    }
}

struct MetaOf<'a> {
    meta: &'a Meta,
    rows: &'a [&'a Row],
}

impl Serialize for MetaOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("v", &2)?;
        match self.meta.kind {
            Kind::Live => map.serialize_entry("kind", "live")?,
            Kind::Sync => map.serialize_entry("kind", "sync")?,
            Kind::Unknown => {}
        }
        map.serialize_entry("prev", &self.meta.prev)?;
        map.serialize_entry("vc", &self.meta.vc)?;
        if self.rows.iter().any(|row| row.author.is_some()) {
            map.serialize_entry("auth", &Authors(self.rows))?;
        }
        map.end()
    }
}

struct Authors<'a>(&'a [&'a Row]);

impl Serialize for Authors<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for row in self.0 {
            if let Some(author) = &row.author {
                let signed = Signed { by: &author.by, sig: BASE64.encode(&author.sig) };
                map.serialize_entry(&format_args!("{}/{}", row.table, row.id), &signed)?;
            }
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Signed<'a> {
    by: &'a str,
    sig: String,
}
