//! Every figure that can come out: where it belongs, its unit, and which way is better. Knows no values.

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The larger value.
    More,
    /// The smaller one.
    Less,
    /// Neither: it says how something was measured.
    Neither,
}

/// What a figure says.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Its name, the only one in tables, files and goals.
    pub name: &'static str,
    /// What one of it is.
    pub unit: &'static str,
    /// Which way is better.
    pub better: Better,
    /// The section that shows it: a key of [`SECTIONS`].
    pub section: &'static str,
}

/// A group of figures on the page: key, title, and what was done.
pub const SECTIONS: &[(&str, &str, &str)] = &[
    (
        "append",
        "P1 · Buffered append",
        "Records of 256 B into one log by one thread, one by one (b1) and in batches of 100 (b100). Not waited for \
         the device; the time ends when all is with the operating system (redb and sled, which have no such point: with the \
         device).",
    ),
    (
        "durable",
        "P2 · Durable append",
        "1, 8 or 64 threads (durable 1, 8, 64), each appending a record of 256 B to a log of its own and waiting until it survives power loss.",
    ),
    (
        "pipelined",
        "P3 · Durable, callers not blocked",
        "One thread keeps 64 (or 256) records of 256 B on their way and takes each acknowledgement as it becomes durable. Peers \
         that have no such call: so many unsynced writes, then one sync. Raw disk: so many times its rate of syncs.",
    ),
    (
        "open",
        "P4 · Open",
        "1,000 logs with records of 256 B, synced, then the process that wrote them is killed; another opens them and reads \
         one record. The files are in the page cache. What an open checks differs: see the settings.",
    ),
    (
        "memory",
        "P5 · Memory",
        "Heap bytes that stay allocated after reopening, less an empty store's. Page caches and memory maps are not counted; \
         engines in C or C++, whose heap is not seen, are left out.",
    ),
    (
        "read",
        "P6 · Point reads, warm",
        "Uniform reads of records of 256 B of one log, and of values of 256 B of a map, after one pass over all.",
    ),
    (
        "overwrite",
        "P7 · Steady overwrite",
        "Values of 256 B of uniformly random keys of 16 B in a full map, in batches of 100 by one thread, every hundredth \
         batch synced. Space: blocks of the directory over live bytes, sampled five times a second. Write amplification: bytes \
         the process made the system write, over bytes put.",
    ),
    (
        "logs",
        "P8 · Many logs",
        "20 records for each of many logs, appended in batches of 100 for 100 logs in random order; then the last 10 records \
         of random logs are read.",
    ),
    (
        "mixed",
        "P9 · Stalls in a mixed run",
        "8 threads commit durable batches of 8 (seven of eight overwrite a map, one appends to logs) beside a reader, while \
         snapshots and compaction run; what a commit waited. Raw disk: one thread's write of as much and its sync.",
    ),
];

const fn more(section: &'static str, name: &'static str, unit: &'static str) -> Figure {
    Figure { name, unit, better: Better::More, section }
}

const fn less(section: &'static str, name: &'static str, unit: &'static str) -> Figure {
    Figure { name, unit, better: Better::Less, section }
}

const fn neither(section: &'static str, name: &'static str, unit: &'static str) -> Figure {
    Figure { name, unit, better: Better::Neither, section }
}

/// All of them, in the order of the tables.
pub const FIGURES: &[Figure] = &[
    more("append", "append b1, M/s", "million records per second"),
    more("append", "append b100, M/s", "million records per second"),
    more("durable", "durable 1, k/s", "thousand records per second"),
    less("durable", "durable 1, p50 ms", "milliseconds"),
    less("durable", "durable 1, p99 ms", "milliseconds"),
    less("durable", "durable 1, max ms", "milliseconds"),
    more("durable", "durable 8, k/s", "thousand records per second"),
    less("durable", "durable 8, p50 ms", "milliseconds"),
    less("durable", "durable 8, p99 ms", "milliseconds"),
    less("durable", "durable 8, max ms", "milliseconds"),
    more("durable", "durable 64, k/s", "thousand records per second"),
    less("durable", "durable 64, p50 ms", "milliseconds"),
    less("durable", "durable 64, p99 ms", "milliseconds"),
    less("durable", "durable 64, max ms", "milliseconds"),
    more("pipelined", "pipelined 64, k/s", "thousand records per second"),
    more("pipelined", "pipelined 256, k/s", "thousand records per second"),
    less("open", "open, ms", "milliseconds"),
    less("open", "open with snapshot, ms", "milliseconds"),
    less("memory", "bytes per record", "bytes"),
    less("memory", "bytes per record in runs of 100", "bytes"),
    less("memory", "bytes per log of 20 records", "bytes"),
    less("memory", "bytes per map key of 16 B", "bytes"),
    less("memory", "bytes per map key of 64 B", "bytes"),
    more("read", "read 1 thread, M/s", "million reads per second"),
    more("read", "read 2 threads, M/s", "million reads per second"),
    more("read", "map read 1 thread, M/s", "million reads per second"),
    more("read", "map read 2 threads, M/s", "million reads per second"),
    more("overwrite", "overwrite, k/s", "thousand puts per second"),
    less("overwrite", "overwrite: space, median ×", "times the live bytes"),
    less("overwrite", "overwrite: space, max ×", "times the live bytes"),
    less("overwrite", "overwrite: written ×", "times the bytes put"),
    neither("overwrite", "overwrite: put, × live", "times the live bytes (how long it ran)"),
    more("logs", "many logs: append, M/s", "million records per second"),
    more("logs", "many logs: tail reads, k/s", "thousand reads per second"),
    more("mixed", "mixed, k/s", "thousand commits per second"),
    less("mixed", "mixed, p50 ms", "milliseconds"),
    less("mixed", "mixed, p99 ms", "milliseconds"),
    less("mixed", "mixed, p99.99 ms", "milliseconds"),
    less("mixed", "mixed, max ms", "milliseconds"),
    neither("mixed", "mixed: reads, k/s", "thousand reads per second"),
];

/// The figure of this name.
pub fn named(name: &str) -> Option<&'static Figure> {
    FIGURES.iter().find(|figure| figure.name == name)
}

/// A value as the tables and the page write it.
pub fn shown(value: Option<f64>) -> String {
    match value {
        None => "–".into(),
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) if value.abs() >= 0.1 || value == 0.0 => format!("{value:.2}"),
        Some(value) => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_one_name_and_a_section() {
        for figure in FIGURES {
            assert_eq!(FIGURES.iter().filter(|other| other.name == figure.name).count(), 1);
            assert!(SECTIONS.iter().any(|section| section.0 == figure.section), "{figure:?}");
        }
    }
}
