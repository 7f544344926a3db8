//! The figures of all rounds, and the table of their medians.

use std::collections::BTreeMap;
use std::fmt;

use super::contender::{NGINX, POSTERN};

/// What is measured, in the order in which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    Peak,
    Half,
    Slowest,
    Download,
    Upload,
    User,
    System,
    StreamTime,
    MemoryIdle,
    OwnIdle,
    MemoryAfter,
    OwnAfter,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Peak => "requests a second, at most",
            Self::Half => "latency p50 (ms)",
            Self::Slowest => "latency p99 (ms)",
            Self::Download => "download (MiB/s)",
            Self::Upload => "upload (MiB/s)",
            Self::User => "user time (s per 100,000)",
            Self::System => "system time (s per 100,000)",
            Self::StreamTime => "CPU time (s per GiB)",
            Self::MemoryIdle => "memory idle (MiB, RSS)",
            Self::MemoryAfter => "memory after (MiB, RSS)",
            Self::OwnIdle | Self::OwnAfter => "  of it no file's (MiB)",
        })
    }
}

/// All rounds.
pub(crate) struct Table {
    contenders: Vec<&'static str>,
    rounds: BTreeMap<(Figure, &'static str), Vec<f64>>,
}

impl Table {
    pub(crate) fn new(contenders: impl Iterator<Item = &'static str>) -> Self {
        Self { contenders: contenders.collect(), rounds: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, contender: &'static str, figure: Figure, value: f64) {
        self.rounds.entry((figure, contender)).or_default().push(value);
    }

    pub(crate) fn median(&self, contender: &'static str, figure: Figure) -> Option<f64> {
        let mut values = self.rounds.get(&(figure, contender))?.clone();
        values.sort_by(f64::total_cmp);
        let (low, high) = (values.get((values.len() - 1) / 2)?, values.get(values.len() / 2)?);
        Some(f64::midpoint(*low, *high))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:28}", "")?;
        for contender in &self.contenders {
            write!(f, "{contender:>12}")?;
        }
        writeln!(f, "{:>16}", format!("{POSTERN} / {NGINX}"))?;
        let mut figures: Vec<Figure> = self.rounds.keys().map(|(figure, _)| *figure).collect();
        figures.dedup();
        for figure in figures {
            write!(f, "{figure:28}")?;
            for contender in &self.contenders {
                let value = self.median(contender, figure).unwrap_or(f64::NAN);
                let digits = if value < 10.0 { 3 } else { usize::from(value < 100.0) };
                write!(f, "{value:>12.digits$}")?;
            }
            let ratio =
                self.median(POSTERN, figure).zip(self.median(NGINX, figure)).map(|(ours, theirs)| ours / theirs);
            writeln!(f, "{:>16.2}", ratio.unwrap_or(f64::NAN))?;
        }
        Ok(())
    }
}
