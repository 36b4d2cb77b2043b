//! Reads a whole store through its public interface, every way it can be read.

use syncline_engine::{Error, Log, Map, Seq, Store};

use super::model::{LOGS, LogModel, MAPS, MapModel, Model, keys};

/// What the store holds.
///
/// # Panics
/// When two ways to read the same thing disagree.
pub(crate) fn observe(store: &Store) -> Result<Model, Error> {
    let mut model = Model::default();
    for (at, name) in LOGS.iter().enumerate() {
        model.logs[at] = store.find_log(name)?.map(|log| observe_log(&log)).transpose()?;
    }
    for (at, name) in MAPS.iter().enumerate() {
        model.maps[at] = store.find_map(name)?.map(|map| observe_map(&map)).transpose()?;
    }
    Ok(model)
}

pub(crate) fn observe_log(log: &Log) -> Result<LogModel, Error> {
    let first = log.first_seq().0;
    let mut records = Vec::new();
    for (record, seq) in log.read(..).zip(first..) {
        let record = record?;
        assert_eq!(record.seq, Seq(seq), "sequence numbers are dense");
        let single = log.get(Seq(seq))?;
        assert_eq!(single.as_ref(), Some(&record.payload), "get and read agree on {seq}");
        records.push(record.payload.to_vec());
    }
    let model = LogModel { first, records };
    assert_eq!(log.next_seq().0, model.next());
    assert_eq!(log.get(Seq(model.next()))?, None);
    assert_eq!(log.len(), model.records.len() as u64);
    if first > 1 {
        assert_eq!(log.get(Seq(first - 1))?, None, "what was trimmed is gone");
    }
    Ok(model)
}

pub(crate) fn observe_map(map: &Map) -> Result<MapModel, Error> {
    let mut model = MapModel::new();
    for entry in map {
        let (key, value) = entry?;
        assert!(model.insert(key.to_vec(), value.to_vec()).is_none(), "{key:?} comes twice");
    }
    for key in keys() {
        let value = map.get(&key)?;
        assert_eq!(value.as_deref(), model.get(&key).map(Vec::as_slice), "get and iter agree");
        assert_eq!(map.contains(&key)?, value.is_some());
    }
    assert_eq!(map.len(), model.len() as u64);
    Ok(model)
}

/// The counts that reading does not show. After damage they may be too high, never otherwise.
pub(crate) fn check_counts(store: &Store, model: &Model) {
    for (name, log) in LOGS.iter().zip(&model.logs) {
        let Some(log) = log else { continue };
        let bytes = log.records.iter().map(|record| record.len() as u64).sum::<u64>();
        let found = store.find_log(name).expect("finds").expect("is there");
        assert_eq!(found.bytes(), bytes, "payload bytes of {name}");
    }
}
