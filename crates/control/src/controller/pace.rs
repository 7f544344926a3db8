//! How long to wait until the next try.
//!
//! 1. A ceiling doubles with each failure in a row, up to a bound: a server that is down is asked less and less.
//! 2. The delay is drawn at random from below the ceiling ("full jitter": Brooker, "Exponential Backoff And Jitter",
//!    AWS Architecture Blog, 2015): many who saw the same server go away are soon spread evenly, and stay so when it is
//!    back. Not from nothing: a least part of the ceiling is always waited, so that no draw makes haste.
//!
//! The dice are part of the state and seeded by the driver: the same events give the same effects.

use std::time::Duration;

/// A way to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The ceiling after the first failure.
    first: Duration,
    /// The highest.
    longest: Duration,
    /// What is waited at least, in eighths of the ceiling.
    least: u32,
}

/// After a failure: at once spread over seconds, later over half a minute, in which a server that is back is found.
pub(super) const BACKOFF: Pace = Pace { first: Duration::from_secs(4), longest: Duration::from_secs(30), least: 1 };

/// After a refused credential: each try counts towards a lock-out where the edge has one.
pub(super) const PATIENCE: Pace =
    Pace { first: Duration::from_secs(60), longest: Duration::from_secs(15 * 60), least: 6 };

/// While all is well.
pub(super) const LEISURE: Pace = Pace { first: Duration::from_secs(30), longest: Duration::from_secs(30), least: 6 };

/// While all is well and nobody would see it: nobody uses the gateway, or has it or the manager in a window; or the
/// battery is saved.
pub(super) const QUIET: Pace =
    Pace { first: Duration::from_secs(2 * 60), longest: Duration::from_secs(2 * 60), least: 6 };

impl Pace {
    /// After so many failures in a row, not counting this one.
    pub(super) fn delay(self, failures: u32, dice: &mut Dice) -> Duration {
        let factor = 2_u32.saturating_pow(failures);
        let ceiling = self.first.saturating_mul(factor).min(self.longest);
        let least = ceiling / 8 * self.least;
        least + (ceiling - least).mul_f64(dice.throw())
    }
}

/// splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// From 0 to below 1.
    fn throw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        f64::from((z >> 32) as u32) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_drawn_from_below_a_ceiling_that_doubles_up_to_a_bound() {
        for (pace, failures, least, ceiling) in [
            (BACKOFF, 0, 0.5, 4.0),
            (BACKOFF, 1, 1.0, 8.0),
            (BACKOFF, 2, 2.0, 16.0),
            (BACKOFF, 3, 3.75, 30.0),
            (BACKOFF, u32::MAX, 3.75, 30.0),
            (PATIENCE, 0, 45.0, 60.0),
            (PATIENCE, 1, 90.0, 120.0),
            (PATIENCE, 4, 675.0, 900.0),
            (PATIENCE, u32::MAX, 675.0, 900.0),
            (LEISURE, 0, 22.5, 30.0),
            (QUIET, 0, 90.0, 120.0),
        ] {
            let mut dice = Dice(7);
            let delays: Vec<f64> = (0..1000).map(|_| pace.delay(failures, &mut dice).as_secs_f64()).collect();
            let (low, high) =
                (delays.iter().copied().fold(f64::MAX, f64::min), delays.iter().copied().fold(0.0, f64::max));
            assert!(low >= least && high <= ceiling, "{pace:?} {failures}: {low} to {high}");
            // All of the room is used.
            let room = (ceiling - least) / 50.0;
            assert!(low < least + room && high > ceiling - room, "{pace:?} {failures}: {low} to {high}");
        }
    }

    #[test]
    fn delays_are_the_same_for_the_same_seed_and_no_other() {
        let delays = |seed| {
            let mut dice = Dice(seed);
            (0..50).map(|_| LEISURE.delay(0, &mut dice)).collect::<Vec<_>>()
        };
        assert_eq!(delays(1), delays(1));
        assert_ne!(delays(1), delays(2));
    }
}
