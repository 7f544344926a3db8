//! What is counted, and the table it ends in.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many of what went wrong are told in full.
const TOLD: usize = 12;

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wrong {
    /// An answer, or a part of one, that belongs to another request.
    MixedUp,
    /// No fault was injected, and no answer came.
    Lost,
    /// A fault was injected, and the client saw something else of it than is due.
    NotDue,
    /// A client that went away was not told to the server.
    NotTold,
}

impl Wrong {
    const ALL: [(Self, &str); 4] = [
        (Self::MixedUp, "answers mixed up"),
        (Self::Lost, "answers lost"),
        (Self::NotDue, "faults not told as due"),
        (Self::NotTold, "ends not passed on"),
    ];
}

#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counts>);

#[derive(Clone, Debug, Default)]
struct Counts {
    traffic: BTreeMap<&'static str, u64>,
    faults: BTreeMap<&'static str, u64>,
    wrong: BTreeMap<Wrong, u64>,
    told: Vec<String>,
}

impl Tally {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more request, or message, of this kind.
    pub(crate) fn traffic(&self, kind: &'static str) {
        *self.counts().traffic.entry(kind).or_default() += 1;
    }

    /// One more fault, and it was told as due.
    pub(crate) fn fault(&self, kind: &'static str) {
        *self.counts().faults.entry(kind).or_default() += 1;
    }

    pub(crate) fn wrong(&self, what: Wrong, how: impl FnOnce() -> String) {
        let mut counts = self.counts();
        *counts.wrong.entry(what).or_default() += 1;
        if counts.told.len() < TOLD {
            counts.told.push(how());
        }
    }

    pub(crate) fn sums(&self) -> Sums {
        let counts = self.counts();
        let sum = |of: &BTreeMap<&'static str, u64>| of.values().sum();
        Sums { traffic: sum(&counts.traffic), faults: sum(&counts.faults), wrong: counts.wrong.values().sum() }
    }
}

/// For the line that tells how it goes on.
pub(crate) struct Sums {
    pub(crate) traffic: u64,
    pub(crate) faults: u64,
    pub(crate) wrong: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sums { traffic, faults, .. } = self.sums();
        let counts = self.counts();
        for (title, of, sum) in [("requests", &counts.traffic, traffic), ("faults injected", &counts.faults, faults)] {
            writeln!(f, "{}", Row(title, sum))?;
            for (kind, count) in of {
                writeln!(f, "{}", Row(&format!("  {kind}"), *count))?;
            }
        }
        writeln!(f, "must be 0")?;
        for (what, name) in Wrong::ALL {
            writeln!(f, "{}", Row(&format!("  {name}"), counts.wrong.get(&what).copied().unwrap_or_default()))?;
        }
        for told in &counts.told {
            writeln!(f, "    {told}")?;
        }
        Ok(())
    }
}

/// A name and a number.
pub(crate) struct Row<'a>(pub(crate) &'a str, pub(crate) u64);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:34}{:>10}", self.0, self.1)
    }
}
