//! Reads the JSON of a changeset, of a stranger as it may be: no value is built but what is kept.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use data_encoding::BASE64;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    super::{
        super::id::PEER_ID_BYTES_MAX,
        hlc::Hlc,
        row::{Author, ROW_ID_BYTES_MAX, Row, TableName, VALUE_BYTES_MAX},
        vector::VersionVector,
    },
    loose::Loose,
    set::{BadRow, Changes, Kind, Malformed, Meta, ROWS_MAX, Wrong},
};

impl Changes {
    /// Reads the payload of a `DATA_CHUNK`. A record that is no row is told in [`bad`](Self::bad) and left
    /// out; `node_id` and `modified` do not count, the timestamp says whose it is. Keys that begin with `$`
    /// are no tables.
    ///
    /// # Errors
    /// [`Malformed`] when it is no object of lists of objects, or has more than [`ROWS_MAX`] rows.
    pub fn from_json(json: &[u8]) -> Result<Self, Malformed> {
        let mut reading = Reading::default();
        let mut source = serde_json::Deserializer::from_slice(json);
        let read = reading.deserialize(&mut source).and_then(|()| source.end());
        if reading.too_many {
            return Err(Malformed::TooMany);
        }
        read.map_err(|_| Malformed::Json)?;
        Ok(reading.finish())
    }
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    changes: Changes,
    authors: BTreeMap<String, Author>,
    too_many: bool,
}

impl Reading {
    fn finish(self) -> Changes {
        let Self { mut changes, mut authors, .. } = self;
        if !authors.is_empty() {
            for row in &mut changes.rows {
                row.author = authors.remove(&format!("{}/{}", row.table, row.id));
            }
        }
        changes
    }

    /// One record more of this table; an error when there are too many.
    fn count<E: Error>(&mut self) -> Result<(), E> {
        if self.changes.rows.len() + self.changes.bad.len() >= ROWS_MAX {
            self.too_many = true;
            return Err(E::custom("too many rows"));
        }
        Ok(())
    }

    fn push(&mut self, table: &TableName, record: Record) {
        match record.check(table) {
            Ok(row) => self.changes.rows.push(row),
            Err((id, wrong)) => {
                self.changes.bad.push(BadRow { table: Some(table.clone()), id, wrong });
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Reading {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Reading {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of lists of rows by table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            if name == "$meta" {
                map.next_value_seed(MetaReader(self))?;
            } else if name.starts_with('$') {
                map.next_value::<IgnoredAny>()?;
            } else if let Some(table) = TableName::new(&name) {
                map.next_value_seed(Rows { table, reading: self })?;
            } else {
                self.count()?;
                self.changes.bad.push(BadRow { table: None, id: None, wrong: Wrong::Table });
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// A text that is borrowed where it can be.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The rows of one table.
struct Rows<'a> {
    table: TableName,
    reading: &'a mut Reading,
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(record) = seq.next_element::<Record>()? {
            self.reading.count()?;
            self.reading.push(&self.table, record);
        }
        Ok(())
    }
}

/// A record before it is a row.
#[derive(Default)]
struct Record {
    id: Option<Loose>,
    value: Option<Loose>,
    is_deleted: Option<Loose>,
    hlc: Option<Loose>,
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordReader)
    }
}

struct RecordReader;

impl<'de> Visitor<'de> for RecordReader {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
        let mut record = Record::default();
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            let field = match &*name {
                "id" => &mut record.id,
                "value" => &mut record.value,
                "is_deleted" => &mut record.is_deleted,
                "hlc" => &mut record.hlc,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *field = Some(map.next_value()?);
        }
        Ok(record)
    }
}

impl Record {
    fn check(self, table: &TableName) -> Result<Row, (Option<String>, Wrong)> {
        let id = match self.id {
            Some(Loose::Text(id)) if (1..=ROW_ID_BYTES_MAX).contains(&id.len()) => id,
            _ => return Err((None, Wrong::Id)),
        };
        let value = match self.value {
            Some(Loose::Text(value)) if value.len() <= VALUE_BYTES_MAX => Some(value),
            Some(Loose::Null) | None => None,
            _ => return Err((Some(id), Wrong::Value)),
        };
        let deleted = match self.is_deleted {
            Some(Loose::Whole(0)) | None => false,
            Some(Loose::Whole(1)) => true,
            _ => return Err((Some(id), Wrong::Deleted)),
        };
        let hlc = match self.hlc {
            Some(Loose::Text(hlc)) => Hlc::parse(&hlc).ok(),
            _ => None,
        };
        let Some(hlc) = hlc else { return Err((Some(id), Wrong::Hlc)) };
        Ok(Row { table: table.clone(), id, value, deleted, hlc, author: None })
    }
}

/// Reads `$meta` into what was read.
struct MetaReader<'a>(&'a mut Reading);

impl<'de> DeserializeSeed<'de> for MetaReader<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MetaReader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut meta = Meta { kind: Kind::Unknown, ..Meta::default() };
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            match &*name {
                "kind" => {
                    meta.kind = match map.next_value::<Loose>()? {
                        Loose::Text(kind) if kind == "live" => Kind::Live,
                        Loose::Text(kind) if kind == "sync" => Kind::Sync,
                        _ => Kind::Unknown,
                    };
                }
                "prev" => meta.prev = map.next_value::<VersionVector>()?,
                "vc" => meta.vc = map.next_value::<VersionVector>()?,
                "auth" => map.next_value_seed(Authors(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        self.0.changes.meta = Some(meta);
        Ok(())
    }
}

/// Reads `auth` of `$meta`.
struct Authors<'a>(&'a mut Reading);

impl<'de> DeserializeSeed<'de> for Authors<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// A signature as it is on the wire.
#[derive(Deserialize)]
struct Signed {
    by: Loose,
    sig: Loose,
}

impl<'de> Visitor<'de> for Authors<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of signatures by row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let authors = &mut self.0.authors;
        let mut entries = 0;
        while let Some((row, signed)) = map.next_entry::<String, Signed>()? {
            entries += 1;
            if entries > ROWS_MAX {
                self.0.too_many = true;
                return Err(A::Error::custom("too many authors"));
            }
            if let Some(author) = author(signed) {
                authors.insert(row, author);
            }
        }
        Ok(())
    }
}

/// A signature that cannot be one is left out: the row is then judged by who sent it.
fn author(signed: Signed) -> Option<Author> {
    let (Loose::Text(by), Loose::Text(sig)) = (signed.by, signed.sig) else { return None };
    let sig = BASE64.decode(sig.as_bytes()).ok()?.try_into().ok()?;
    (1..=PEER_ID_BYTES_MAX).contains(&by.len()).then_some(Author { by, sig })
}
