//! Time that jumps: the machine has slept, or its clock was set.
//!
//! Two clocks tell it on every system. One is the calendar's, the other only ever goes on; over a sleep the one that
//! goes on stands still on Linux and macOS, and on Windows is late for its next look.

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(3);
/// By so much the clocks may differ over one look, as they are set little by little.
const DRIFT: Duration = Duration::from_secs(2);
/// So late a look may be, on a machine that is busy.
const LATE: Duration = Duration::from_secs(15);

pub(super) async fn watch(changed: &Notify) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = Reading::now();
    loop {
        look.tick().await;
        let now = Reading::now();
        if now.is_a_jump_from(before) {
            changed.notify_one();
        }
        before = now;
    }
}

/// Both clocks at one moment.
#[derive(Clone, Copy)]
struct Reading {
    calendar: SystemTime,
    steady: Instant,
}

impl Reading {
    fn now() -> Self {
        Self { calendar: SystemTime::now(), steady: Instant::now() }
    }

    fn is_a_jump_from(self, before: Self) -> bool {
        let went_on = self.steady.duration_since(before.steady);
        let expected = before.calendar + went_on;
        let apart = self.calendar.duration_since(expected).unwrap_or_else(|error| error.duration());
        apart > DRIFT || went_on > LOOK + LATE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_and_a_clock_that_was_set_are_jumps_and_a_busy_machine_is_none() {
        const HOUR: f64 = 3600.0;
        for (what, calendar, steady, jumps) in [
            ("as ever", 3.0, 3.0, false),
            ("little by little", 3.4, 3.0, false),
            ("a busy machine", 12.0, 12.0, false),
            ("a sleep that the steady clock slept through", 3.0 + HOUR, 3.0, true),
            ("a sleep that the steady clock counted", HOUR, HOUR, true),
            ("set forward", 10.0, 3.0, true),
            ("set back", 3.0 - HOUR, 3.0, true),
        ] {
            let before = Reading::now();
            let since = |start: SystemTime, seconds: f64| {
                let by = Duration::from_secs_f64(seconds.abs());
                if seconds < 0.0 { start - by } else { start + by }
            };
            let now = Reading {
                calendar: since(before.calendar, calendar),
                steady: before.steady + Duration::from_secs_f64(steady),
            };
            assert_eq!(now.is_a_jump_from(before), jumps, "{what}");
        }
    }
}
