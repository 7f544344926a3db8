//! How large a page is shown.

use serde::{Deserialize, Serialize};

/// How large a page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Zoom(u16);

impl Default for Zoom {
    fn default() -> Self {
        Self(100)
    }
}

impl Zoom {
    /// As browsers have them, in percent.
    const STEPS: [u16; 14] = [30, 50, 67, 80, 90, 100, 110, 120, 133, 150, 170, 200, 240, 300];

    /// One step larger, up to the largest.
    #[must_use]
    pub fn larger(self) -> Self {
        Self::STEPS.into_iter().find(|step| *step > self.0).map_or(self.bounded(), Self)
    }

    /// One step smaller, down to the smallest.
    #[must_use]
    pub fn smaller(self) -> Self {
        Self::STEPS.into_iter().rev().find(|step| *step < self.0).map_or(self.bounded(), Self)
    }

    /// In percent.
    #[must_use]
    pub fn percent(self) -> u16 {
        self.bounded().0
    }

    /// 1 for 100 %.
    #[must_use]
    pub fn factor(self) -> f64 {
        f64::from(self.percent()) / 100.0
    }

    /// A file may say anything.
    fn bounded(self) -> Self {
        let [smallest, .., largest] = Self::STEPS;
        Self(self.0.clamp(smallest, largest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zoom_goes_in_steps_and_ends_somewhere() {
        let steps = |step: fn(Zoom) -> Zoom| {
            let zooms = std::iter::successors(Some(Zoom::default()), |zoom| Some(step(*zoom)));
            zooms.map(Zoom::percent).take(10).collect::<Vec<_>>()
        };
        assert_eq!(steps(Zoom::larger), [100, 110, 120, 133, 150, 170, 200, 240, 300, 300]);
        assert_eq!(steps(Zoom::smaller), [100, 90, 80, 67, 50, 30, 30, 30, 30, 30]);
        assert_eq!((Zoom(105).larger().percent(), Zoom(105).smaller().percent()), (110, 100));
    }
}
