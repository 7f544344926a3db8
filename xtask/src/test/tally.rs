//! Counts of tests.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

/// How many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

impl Tally {
    pub(super) const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    pub(super) const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };
    pub(super) const SKIPPED: Self = Self { passed: 0, failed: 0, skipped: 1 };

    /// From the line that closes each of libtest's runs:
    /// `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.20s`.
    pub(super) fn from_libtest(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |what: &str| {
            let number = counts.split(';').find_map(|part| part.trim().strip_suffix(what))?;
            number.trim().parse().ok()
        };
        Some(Self { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? })
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtest_s_closing_lines_are_counted_and_nothing_else() {
        let tally = |passed, failed, skipped| Some(Tally { passed, failed, skipped });
        let table = [
            (
                "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.20s",
                tally(5, 0, 1),
            ),
            (
                "test result: FAILED. 0 passed; 12 failed; 0 ignored; 0 measured; 3 filtered out; finished in 9s",
                tally(0, 12, 0),
            ),
            ("running 5 tests", None),
            ("test result: unheard of", None),
            ("test the_test_result: ok. 5 passed ... ok", None),
        ];
        for (line, expected) in table {
            assert_eq!(Tally::from_libtest(line), expected, "{line}");
        }
    }
}
