//! Where a window is, and whether a person finds it there.

use serde::{Deserialize, Serialize};

/// Where a window is, in pixels of a screen whose scale is 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Of the left edge; to the left of the first screen it is negative.
    pub x: f64,
    /// Of the upper edge.
    pub y: f64,
    /// Without the frame.
    pub width: f64,
    /// Without the frame.
    pub height: f64,
    /// It fills its screen; what else is said here holds when it does so no more.
    #[serde(default)]
    pub maximized: bool,
}

/// A screen, in the same pixels as a [`Place`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Screen {
    /// Of its left edge.
    pub x: f64,
    /// Of its upper edge.
    pub y: f64,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
}

impl Place {
    /// Whether a person finds the window again on these screens: so much of its upper edge is on one of them that it can be
    /// taken hold of. A screen may have been unplugged since.
    #[must_use]
    pub fn is_on(&self, screens: &[Screen]) -> bool {
        const HOLD: (f64, f64) = (120.0, 40.0);
        screens.iter().any(|screen| {
            let seen = (self.x + self.width).min(screen.x + screen.width) - self.x.max(screen.x);
            let (top, bottom) = (screen.y, screen.y + screen.height);
            seen >= HOLD.0 && self.y >= top && self.y + HOLD.1 <= bottom
        })
    }

    /// The same place, no larger than the largest of these screens: a file may say anything. `None` for what is none at
    /// all.
    #[must_use]
    pub fn bounded(self, screens: &[Screen]) -> Option<Self> {
        let largest = |side: fn(&Screen) -> f64| screens.iter().map(side).reduce(f64::max);
        let (width, height) = (largest(|screen| screen.width)?, largest(|screen| screen.height)?);
        let finite = [self.x, self.y, self.width, self.height].into_iter().all(f64::is_finite);
        finite.then(|| Self { width: self.width.clamp(0.0, width), height: self.height.clamp(0.0, height), ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_only_where_the_window_can_be_taken_hold_of() {
        let left = Screen { x: 0.0, y: 0.0, width: 1440.0, height: 900.0 };
        let right = Screen { x: 1440.0, y: -180.0, width: 1920.0, height: 1080.0 };
        for (x, y, screens, expected) in [
            (100.0, 100.0, &[left][..], true),
            (1400.0, 100.0, &[left], false),
            (1400.0, 100.0, &[left, right], true),
            (2000.0, -180.0, &[left, right], true),
            (2000.0, -180.0, &[left], false),
            (-700.0, 10.0, &[left], false),
            (-600.0, 10.0, &[left], true),
            (100.0, -300.0, &[left], false),
            (100.0, 880.0, &[left], false),
            (100.0, 100.0, &[], false),
        ] {
            let place = Place { x, y, width: 800.0, height: 600.0, maximized: false };
            assert_eq!(place.is_on(screens), expected, "{x} {y} {screens:?}");
        }
    }

    #[test]
    fn a_window_is_no_larger_than_a_screen_and_has_a_size_at_all() {
        let wide = Screen { x: 0.0, y: 0.0, width: 1920.0, height: 1080.0 };
        let tall = Screen { x: 1920.0, y: 0.0, width: 1080.0, height: 1920.0 };
        for (width, height, screens, expected) in [
            (800.0, 600.0, &[wide][..], Some((800.0, 600.0))),
            (1e300, 600.0, &[wide], Some((1920.0, 600.0))),
            (5000.0, 5000.0, &[wide, tall], Some((1920.0, 1920.0))),
            (-5.0, 600.0, &[wide], Some((0.0, 600.0))),
            (f64::NAN, 600.0, &[wide], None),
            (800.0, f64::INFINITY, &[wide], None),
            (800.0, 600.0, &[], None),
        ] {
            let place = Place { x: 0.0, y: 0.0, width, height, maximized: false };
            let bounded = place.bounded(screens).map(|place| (place.width, place.height));
            assert_eq!(bounded, expected, "{width} {height} {screens:?}");
        }
        let nowhere = Place { x: f64::NAN, y: 0.0, width: 800.0, height: 600.0, maximized: false };
        assert_eq!(nowhere.bounded(&[wide]).map(|place| place.width), None);
    }
}
