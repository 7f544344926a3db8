//! What a process has used so far, as the kernel counts it (proc(5)).

use std::fs;
use std::ops::Sub;

use anyhow::Context as _;

/// A process.
#[derive(Clone, Copy)]
pub(crate) struct Gauge(pub(crate) u32);

/// CPU time, in seconds.
#[derive(Clone, Copy)]
pub(crate) struct Time {
    pub(crate) user: f64,
    pub(crate) system: f64,
}

/// In MiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// What it has with others counts in parts: for the sum over processes (PSS).
    pub(crate) share: f64,
    /// What it has with others counts in full: what it would have if it were alone (RSS).
    pub(crate) resident: f64,
    /// What no file has too: the rest is the program and its libraries, which the system may drop and read again.
    pub(crate) own: f64,
}

impl Sub for Time {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { user: self.user - earlier.user, system: self.system - earlier.system }
    }
}

impl Gauge {
    /// CPU time of all its threads.
    pub(crate) fn time(self) -> anyhow::Result<Time> {
        /// `USER_HZ`: a hundred wherever Linux runs.
        const TICKS: f64 = 100.0;

        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).context("a process has gone away")?;
        // A program's name may have spaces in it; nothing after it has.
        let (_, fields) = stat.rsplit_once(") ").context("a process has a name")?;
        let ticks = |at| anyhow::Ok(fields.split(' ').nth(at).context("a process has spent time")?.parse::<f64>()?);
        // Fields 14 and 15, of which the name is the second.
        Ok(Time { user: ticks(11)? / TICKS, system: ticks(12)? / TICKS })
    }

    /// How much memory it has.
    pub(crate) fn memory(self) -> anyhow::Result<Memory> {
        let maps = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0)).context("a process has gone away")?;
        let mebibytes = |name| {
            let line = maps.lines().find_map(|line| line.strip_prefix(name)).context("a process has memory")?;
            anyhow::Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
        };
        Ok(Memory { share: mebibytes("Pss:")?, resident: mebibytes("Rss:")?, own: mebibytes("Pss_Anon:")? })
    }
}
