//! Alarms for exchanges, which nearly always end long before. To make a timer for each takes longer than to put off one
//! that an exchange before has left. Until then it may wake whoever had it, for nothing.

use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// No more are kept.
const SPARE: usize = 64;

/// Those that nobody uses.
#[derive(Debug, Default)]
pub(super) struct Alarms(Mutex<Vec<Pin<Box<Sleep>>>>);

/// One in use.
#[derive(Debug)]
pub(super) struct Alarm<'a> {
    /// Taken when it is dropped.
    sleep: Option<Pin<Box<Sleep>>>,
    from: &'a Alarms,
}

impl Alarms {
    /// One that rings then.
    pub(super) fn at(&self, until: Instant) -> Alarm<'_> {
        let mut alarm = Alarm { sleep: self.spare(Vec::pop), from: self };
        match &mut alarm.sleep {
            Some(sleep) => sleep.as_mut().reset(until),
            none => *none = Some(Box::pin(sleep_until(until))),
        }
        alarm
    }

    fn spare<T>(&self, of: impl FnOnce(&mut Vec<Pin<Box<Sleep>>>) -> T) -> T {
        of(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Alarm<'_> {
    /// Whether it rings; however busy the task is that asks.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().map_or(Poll::Ready(()), |sleep| pin!(unconstrained(sleep.as_mut())).poll(cx))
    }

    /// It rings then instead.
    pub(super) fn reset(&mut self, until: Instant) {
        if let Some(sleep) = &mut self.sleep {
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

    use tokio::task::coop::poll_proceed;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_alarm_rings_when_it_is_due_whatever_it_was_set_for_before() {
        let alarms = Alarms::default();
        // Of each alarm how long it is set for, and after how long nobody waits any more; all in seconds.
        for (patience, leaves) in [(120, 0), (100, 30), (5, 9), (120, 0), (1, 9), (120, 121), (3, 9)] {
            let began = Instant::now();
            let mut alarm = alarms.at(began + Duration::from_secs(patience));
            tokio::select! {
                () = poll_fn(|cx| alarm.poll(cx)) => assert_eq!(began.elapsed().as_secs(), patience),
                () = sleep(Duration::from_secs(leaves)) => assert!(leaves < patience),
            }
        }
        assert_eq!(alarms.spare(|spare| spare.len()), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_rings_in_a_task_that_is_never_idle() {
        let alarms = Alarms::default();
        let mut alarm = alarms.at(Instant::now());
        sleep(Duration::from_secs(1)).await;
        poll_fn(|cx| {
            // All that a task may do at once.
            while let Poll::Ready(step) = poll_proceed(cx) {
                step.made_progress();
            }
            assert!(alarm.poll(cx).is_ready());
            Poll::Ready(())
        })
        .await;
    }
}
