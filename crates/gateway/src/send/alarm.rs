//! Alarms for exchanges, which nearly always end long before. To set a timer anew for each would take longer than
//! to use one that was set for an exchange before: it rings too early, and is set again then.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// No more are kept.
const SPARE: usize = 64;

/// Those that nobody uses.
#[derive(Debug, Default)]
pub(super) struct Alarms(Mutex<Vec<Pin<Box<Sleep>>>>);

/// One in use.
#[derive(Debug)]
pub(super) struct Alarm<'a> {
    sleep: Option<Pin<Box<Sleep>>>,
    from: &'a Alarms,
}

impl Alarms {
    pub(super) fn one(&self) -> Alarm<'_> {
        Alarm { sleep: self.spare(Vec::pop), from: self }
    }

    fn spare<T>(&self, of: impl FnOnce(&mut Vec<Pin<Box<Sleep>>>) -> T) -> T {
        of(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Alarm<'_> {
    /// Ready from then on.
    pub(super) fn poll(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if sleep.deadline() > until {
            sleep.as_mut().reset(until);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= until {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(until);
        }
    }
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if let Some(sleep) = self.sleep.take() {
            self.from.spare(|spare| {
                if spare.len() < SPARE {
                    spare.push(sleep);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_alarm_rings_when_it_is_due_whatever_it_was_set_for_before() {
        let (alarms, began) = (Alarms::default(), Instant::now());
        let mut due = Duration::ZERO;
        for (patience, left_alone) in [(120, 0), (100, 30), (120, 0), (5, 5), (120, 0), (1, 1), (120, 120), (3, 3)] {
            let mut alarm = alarms.one();
            let until = Instant::now() + Duration::from_secs(patience);
            let early = Duration::from_secs(left_alone.min(patience - 1));
            tokio::select! {
                () = poll_fn(|cx| alarm.poll(until, cx)) => panic!("too early"),
                () = tokio::time::sleep(early) => {}
            }
            due += early;
            if left_alone >= patience {
                poll_fn(|cx| alarm.poll(until, cx)).await;
                due += Duration::from_secs(patience) - early;
            }
            assert_eq!(began.elapsed(), due, "{patience}");
        }
        assert_eq!(alarms.spare(|spare| spare.len()), 1);
    }
}
