//! The glossary: words that have another name in this house.
//!
//! Looks into identifiers, comments and prose, whole words only.

/// A word that is not ours, and ours.
const OTHERS: &[(&str, &str)] = &[
    ("checkpoint", "snapshot"),
    ("checkpoints", "snapshots"),
    ("database", "store"),
    ("databases", "stores"),
    ("gc", "compaction"),
    ("journal", "segment"),
    ("lsn", "position"),
    ("memtable", "index"),
    ("persist", "flush, sync or durable"),
    ("persisted", "flushed, synced or durable"),
    ("persistence", "durability"),
    ("persists", "flushes, syncs"),
    ("purge", "trim"),
    ("purged", "trimmed"),
    ("topic", "log or room"),
    ("topics", "logs or rooms"),
    ("transaction", "batch"),
    ("transactions", "batches"),
    ("vacuum", "compaction"),
    ("wal", "segment"),
    ("worker", "shard, or name the thread"),
    ("workers", "shards, or name the threads"),
];

/// Words that the wire of a dialect has for something else than what we call so, and the dialect.
const ON_WIRES: &[(&str, &str)] =
    &[("checkpoint", "oplog"), ("checkpoints", "oplog"), ("gc", "maps")];

/// Whether a word is on the wire of the dialect that the place, a path or a line, is about.
#[must_use]
pub fn is_on_wire(word: &str, place: &str) -> bool {
    ON_WIRES.iter().any(|(theirs, dialect)| *theirs == word && place.contains(dialect))
}

/// The foreign words of a text, each with ours and how often it stands there, sorted.
#[must_use]
pub fn foreign(text: &str) -> Vec<(&'static str, &'static str, usize)> {
    let words = words(text);
    let count = |theirs: &str| words.iter().filter(|w| *w == theirs).count();
    OTHERS
        .iter()
        .map(|(theirs, ours)| (*theirs, *ours, count(theirs)))
        .filter(|(_, _, times)| *times > 0)
        .collect()
}

/// The words of a text in lower case; `snake_case` and `CamelCase` names fall into their parts.
fn words(text: &str) -> Vec<String> {
    let (mut found, mut word, mut lower_before) = (Vec::new(), String::new(), false);
    for c in text.chars().chain([' ']) {
        let parts = !c.is_alphabetic() || (c.is_uppercase() && lower_before);
        if parts && !word.is_empty() {
            found.push(std::mem::take(&mut word));
        }
        if c.is_alphabetic() {
            word.extend(c.to_lowercase());
        }
        lower_before = c.is_lowercase();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::foreign;

    #[test]
    fn parts_of_names_count_and_parts_of_words_do_not() {
        let found = foreign("fn open_wal(t: TransactionLog) // the WAL of walls, transactional");
        assert_eq!(found, [("transaction", "batch", 1), ("wal", "segment", 2)]);
    }

    #[test]
    fn our_own_words_pass() {
        assert!(foreign("a store of logs and maps in segments; a batch is atomic").is_empty());
    }
}
