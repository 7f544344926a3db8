//! Time that jumps: the machine has slept, or its clock was set.
//!
//! Two clocks tell it on every system. One is the calendar's, the other only ever goes on; over a sleep the one that
//! goes on stands still on Linux and macOS, and on Windows is late for its next look.
//!
//! Linux says when to look: a look every few seconds would keep the processor from its rest.

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
    #[cfg(target_os = "linux")]
    if let Err(error) = linux::watch(changed).await {
        tracing::debug!(%error, "nobody tells of the clock: it is looked at");
    }
    looks(changed).await;
}

async fn looks(changed: &Notify) {
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

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::OwnedFd;

    use nix::errno::Errno;
    use nix::sys::time::TimeSpec;
    use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
    use nix::unistd::read;
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    use tokio::sync::Notify;

    /// timerfd_create(2): who waits for a moment of the calendar is told when its clock is set, and the kernel sets it
    /// after a sleep. The moment never comes.
    pub(super) async fn watch(changed: &Notify) -> io::Result<()> {
        let timer = TimerFd::new(ClockId::CLOCK_REALTIME, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        let told = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        timer.set(Expiration::OneShot(TimeSpec::new(i64::MAX, 0)), told)?;
        #[expect(deprecated, reason = "what came in its place is unsafe, and asks for what an `OwnedFd` keeps")]
        let timer = AsyncFd::with_interest(OwnedFd::from(timer), Interest::READABLE)?;
        loop {
            match timer.async_io(Interest::READABLE, |timer| Ok(read(timer, &mut [0; 8])?)).await {
                Err(error) if error.raw_os_error() == Some(Errno::ECANCELED as i32) => changed.notify_one(),
                Err(error) => return Err(error),
                Ok(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// proc(5) shows the timer: for the calendar, at an absolute time, cancelled when the clock is set. To set it is not
    /// for a test.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn linux_is_asked_to_tell_when_the_clock_is_set() {
        let changed = Notify::new();
        let asked = async {
            // Its first step comes before this one.
            let infos = std::fs::read_dir("/proc/self/fdinfo").unwrap().flatten();
            infos
                .filter_map(|info| std::fs::read_to_string(info.path()).ok())
                .any(|info| ["clockid: 0\n", "settime flags: 03\n"].iter().all(|line| info.contains(line)))
        };
        tokio::select! {
            biased;
            () = watch(&changed) => panic!("it has ended"),
            asked = asked => assert!(asked),
        }
    }

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
