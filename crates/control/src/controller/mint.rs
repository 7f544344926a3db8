//! Makes what is handed out once: generations, timers, and the delays between tries.

use std::time::Duration;

use super::pace::{Dice, Pace};
use super::{Generation, Timer};

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mint {
    count: u64,
    dice: Dice,
}

impl Mint {
    pub(super) fn new(seed: u64) -> Self {
        Self { count: 0, dice: Dice(seed) }
    }

    pub(super) fn generation(&mut self) -> Generation {
        Generation(self.next())
    }

    pub(super) fn timer(&mut self) -> Timer {
        Timer(self.next())
    }

    /// A look's number, at a profile as it is saved.
    pub(super) fn look(&mut self) -> u64 {
        self.next()
    }

    /// The number of a wish to see something of the manager.
    pub(super) fn lead(&mut self) -> u64 {
        self.next()
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// How long to wait, after so many failures in a row before this one.
    pub(super) fn delay(&mut self, pace: Pace, failures: u32) -> Duration {
        pace.delay(failures, &mut self.dice)
    }
}
