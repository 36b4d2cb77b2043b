//! What a process uses, read from /proc. Knows nothing of what it does.

use std::{fs, io};

use rustix::process::getpid;

use crate::error::Error;

/// A process that is watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    pid: u32,
}

impl Probe {
    /// Watches a process.
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// Watches this process.
    pub(crate) fn own() -> Self {
        Self { pid: getpid().as_raw_nonzero().get().unsigned_abs() }
    }

    /// CPU time its threads have used so far, in seconds. From the scheduler's own nanoseconds where the kernel
    /// shows them, else from ticks of 10 ms.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, Error> {
        self.schedstat_seconds().or_else(|_| self.stat_seconds()).map_err(|error| {
            Error::Server(format!("cannot read the CPU time of process {}: {error}", self.pid))
        })
    }

    fn schedstat_seconds(&self) -> io::Result<f64> {
        let mut nanos = 0_u64;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            nanos += number(text.split(' ').next())?;
        }
        Ok(nanos as f64 / 1e9)
    }

    fn stat_seconds(&self) -> io::Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The name in parentheses may hold spaces; the numbers begin after it, with field 3.
        let fields = text.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
        let mut fields = fields.split_whitespace().skip(14 - 3);
        let ticks = number(fields.next())? + number(fields.next())?;
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Resident memory now, in bytes.
    pub(crate) fn rss_bytes(&self) -> Result<u64, Error> {
        let read = || -> io::Result<u64> {
            let text = fs::read_to_string(format!("/proc/{}/statm", self.pid))?;
            Ok(number(text.split(' ').nth(1))? * rustix::param::page_size() as u64)
        };
        read().map_err(|error| {
            Error::Server(format!("cannot read the memory of process {}: {error}", self.pid))
        })
    }
}

fn number(text: Option<&str>) -> io::Result<u64> {
    text.and_then(|text| text.trim().parse().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_of_this_process_agree_to_a_tick_or_two() {
        let probe = Probe::own();
        let mut sum = 0_u64;
        while probe.stat_seconds().unwrap() < 0.05 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let (fine, coarse) = (probe.schedstat_seconds().unwrap(), probe.stat_seconds().unwrap());
        assert!((fine - coarse).abs() < 0.5, "{fine} {coarse}");
        assert!(probe.rss_bytes().unwrap() > 100_000);
    }
}
