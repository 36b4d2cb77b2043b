//! How much work is done. Knows nothing of who does it.

use serde_json::{Value, json};

/// How much work is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Records of the buffered append and of the point reads.
    pub records: u64,
    /// Logs of the many-logs measurement.
    pub logs: u32,
    /// Seconds of everything that runs for a time and has no own below.
    pub seconds: f64,
    /// Keys and records of the memory measurement.
    pub memory_records: u64,
    /// Records of the store that is opened.
    pub open_records: u64,
    /// Keys of the map that is overwritten.
    pub overwrite_keys: u64,
    /// Seconds of overwriting.
    pub overwrite_seconds: f64,
    /// Keys of the map of the mixed run.
    pub mixed_keys: u64,
    /// Seconds of the mixed run.
    pub mixed_seconds: f64,
}

impl Scale {
    /// What goals are checked with.
    pub const FULL: Self = Self {
        records: 2_000_000,
        logs: 100_000,
        seconds: 2.0,
        memory_records: 1_000_000,
        open_records: 5_000_000,
        overwrite_keys: 1_000_000,
        overwrite_seconds: 20.0,
        mixed_keys: 100_000,
        mixed_seconds: 20.0,
    };
    /// Shows that it works.
    pub const QUICK: Self = Self {
        records: 50_000,
        logs: 2_000,
        seconds: 0.2,
        memory_records: 50_000,
        open_records: 50_000,
        overwrite_keys: 50_000,
        overwrite_seconds: 1.0,
        mixed_keys: 10_000,
        mixed_seconds: 1.0,
    };
    /// So small that a test can do all of it.
    pub const TINY: Self = Self {
        records: 1_000,
        logs: 20,
        seconds: 0.01,
        memory_records: 1_000,
        open_records: 2_000,
        overwrite_keys: 1_000,
        overwrite_seconds: 0.05,
        mixed_keys: 1_000,
        mixed_seconds: 0.05,
    };

    /// As it stands in a file of results.
    pub fn json(&self) -> Value {
        json!({
            "records": self.records, "logs": self.logs, "seconds": self.seconds,
            "memory_records": self.memory_records, "open_records": self.open_records,
            "overwrite_keys": self.overwrite_keys, "overwrite_seconds": self.overwrite_seconds,
            "mixed_keys": self.mixed_keys, "mixed_seconds": self.mixed_seconds,
        })
    }

    /// From a file of results.
    pub fn from_json(value: &Value) -> Option<Self> {
        let whole = |name: &str| value.get(name)?.as_u64();
        let seconds = |name: &str| value.get(name)?.as_f64();
        Some(Self {
            records: whole("records")?,
            logs: u32::try_from(whole("logs")?).ok()?,
            seconds: seconds("seconds")?,
            memory_records: whole("memory_records")?,
            open_records: whole("open_records")?,
            overwrite_keys: whole("overwrite_keys")?,
            overwrite_seconds: seconds("overwrite_seconds")?,
            mixed_keys: whole("mixed_keys")?,
            mixed_seconds: seconds("mixed_seconds")?,
        })
    }

    /// In words.
    pub fn shown(&self) -> String {
        format!(
            "append and read {} records; memory {} records and keys; open {} records; overwrite {} keys for {} s; {} logs; \
             mixed {} keys for {} s; the rest {} s each",
            self.records,
            self.memory_records,
            self.open_records,
            self.overwrite_keys,
            self.overwrite_seconds,
            self.logs,
            self.mixed_keys,
            self.mixed_seconds,
            self.seconds,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_comes_back_from_its_file() {
        for scale in [Scale::FULL, Scale::QUICK, Scale::TINY] {
            assert_eq!(Scale::from_json(&scale.json()), Some(scale));
        }
        assert_eq!(Scale::from_json(&Value::Null), None);
    }
}
