//! sled.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use sled::{Batch, Config, Db};

use super::{
    CACHE_BYTES, Failure, Wait,
    keyed::{Hand, Ordered, Pairs, View},
};

/// An open database with its default tree. A handle is for one thread: each gets a clone.
pub struct Sled {
    database: Mutex<Db>,
    wait: Wait,
}

/// One thread's handle to write with.
pub struct Pen {
    database: Db,
    wait: Wait,
}

impl Sled {
    /// Opens the database.
    pub fn open(dir: &Path, wait: Wait) -> Result<Self, Failure> {
        let config = Config::new().path(dir.join("sled")).cache_capacity_bytes(CACHE_BYTES);
        Ok(Self { database: Mutex::new(config.open()?), wait })
    }

    fn handle(&self) -> Db {
        self.database.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Ordered for Sled {
    type View<'a> = Db;
    type Hand<'a> = Pen;

    fn hand(&self) -> Pen {
        Pen { database: self.handle(), wait: self.wait }
    }

    fn view(&self) -> Result<Db, Failure> {
        Ok(self.handle())
    }

    fn flush(&self) -> Result<(), Failure> {
        // It has nothing between its cache and the device.
        self.sync()
    }

    fn sync(&self) -> Result<(), Failure> {
        self.handle().flush()?;
        Ok(())
    }
}

impl Hand for Pen {
    fn write(&mut self, pairs: &mut Pairs<'_>, _last: bool) -> Result<(), Failure> {
        if pairs.size_hint().1 == Some(1) {
            for (key, value) in pairs {
                self.database.insert(key, value)?;
            }
        } else {
            let mut batch = Batch::default();
            for (key, value) in pairs {
                batch.insert(key.as_ref(), value);
            }
            self.database.apply_batch(batch)?;
        }
        if self.wait == Wait::Durable {
            self.database.flush()?;
        }
        Ok(())
    }
}

impl View for Db {
    fn get(&mut self, key: &[u8]) -> Result<Option<usize>, Failure> {
        let value = (**self).get(key)?;
        Ok(value.map(|bytes| std::hint::black_box(&bytes[..]).len()))
    }

    fn range(&mut self, from: &[u8], to: &[u8]) -> Result<usize, Failure> {
        let mut bytes = 0;
        for pair in (**self).range(from..=to) {
            bytes += std::hint::black_box(&pair?.1[..]).len();
        }
        Ok(bytes)
    }
}
