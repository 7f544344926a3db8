//! Makes what is handed out once: generations, timers, and the delays between tries.
//!
//! Delays are spread at random, so that a server that comes back is not asked by everybody in the same
//! second. The dice are part of the state and seeded by the driver: the same events give the same effects.

use std::time::Duration;

use super::{Generation, Timer};

/// The first delay after a failure; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(1);
/// The longest delay between tries, and the usual one while all is well.
const LONGEST: Duration = Duration::from_secs(30);

/// The first delay after a refused credential: each try counts towards a lock-out where the edge has one.
const FIRST_REFUSED: Duration = Duration::from_secs(60);
/// The longest of those.
const LONGEST_REFUSED: Duration = Duration::from_secs(15 * 60);

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mint {
    count: u64,
    dice: u64,
}

impl Mint {
    pub(super) fn new(seed: u64) -> Self {
        Self { count: 0, dice: seed }
    }

    pub(super) fn generation(&mut self) -> Generation {
        Generation(self.next())
    }

    pub(super) fn timer(&mut self) -> Timer {
        Timer(self.next())
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// After so many failures in a row: from 1 s, doubled, up to 30 s; less up to a quarter.
    pub(super) fn backoff(&mut self, failures: u32) -> Duration {
        self.jitter(doubled(FIRST, failures, LONGEST))
    }

    /// After a credential was refused so many times in a row: from 1 min, doubled, up to 15 min.
    pub(super) fn patience(&mut self, failures: u32) -> Duration {
        self.jitter(doubled(FIRST_REFUSED, failures, LONGEST_REFUSED))
    }

    /// While all is well.
    pub(super) fn leisure(&mut self) -> Duration {
        self.jitter(LONGEST)
    }

    /// From three quarters to the whole of it.
    fn jitter(&mut self, full: Duration) -> Duration {
        // splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let part = u32::try_from(z % 1000).unwrap_or_default();
        full - full / 4 * part / 1000
    }
}

fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    2_u32.checked_pow(times).map_or(longest, |factor| first.saturating_mul(factor).min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_from_a_second_to_half_a_minute() {
        let mut mint = Mint::new(7);
        for (failures, longest) in [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 30), (6, 30), (40, 30), (u32::MAX, 30)]
        {
            let longest = Duration::from_secs(longest);
            for _ in 0..200 {
                let delay = mint.backoff(failures);
                assert!(
                    delay <= longest && delay > longest * 3 / 4 - Duration::from_millis(1),
                    "{failures}: {delay:?}"
                );
            }
        }
    }

    #[test]
    fn a_refused_credential_is_tried_rarely() {
        let mut mint = Mint::new(7);
        for (failures, longest) in [(0, 60), (1, 120), (4, 900), (u32::MAX, 900)] {
            let (delay, longest) = (mint.patience(failures), Duration::from_secs(longest));
            assert!(delay <= longest && delay >= longest * 3 / 4, "{failures}: {delay:?}");
        }
    }

    #[test]
    fn delays_are_spread_and_the_same_for_the_same_seed() {
        let roll = |seed| {
            let mut mint = Mint::new(seed);
            (0..50).map(|_| mint.leisure()).collect::<Vec<_>>()
        };
        assert_eq!(roll(1), roll(1));
        assert_ne!(roll(1), roll(2));
        let mut distinct = roll(3);
        distinct.sort();
        distinct.dedup();
        assert!(distinct.len() > 40);
    }
}
