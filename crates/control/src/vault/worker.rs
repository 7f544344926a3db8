//! Blocking calls on a thread of their own, with a deadline.
//!
//! A thread of its own and not the runtime's blocking pool: a locked keychain blocks for as long as its prompt
//! stands, and a runtime waits for its pool when the process ends. One thread also means one prompt.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Items, VaultError, lock};

type Job = Box<dyn FnOnce(&mut dyn Items) + Send>;

/// Runs calls one after the other, on a thread that is started with the first. Clones share it.
#[derive(Clone)]
pub(super) struct Worker {
    open: fn() -> Box<dyn Items>,
    deadline: Duration,
    jobs: Arc<Mutex<Option<mpsc::Sender<Job>>>>,
}

impl Worker {
    /// `open` is called on the thread.
    pub(super) fn new(open: fn() -> Box<dyn Items>, deadline: Duration) -> Self {
        Self { open, deadline, jobs: Arc::default() }
    }

    /// The outcome of `call`, or [`VaultError::Locked`] when it takes longer than the deadline.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut dyn Items) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let (answer, outcome) = oneshot::channel();
        self.send(Box::new(move |items| {
            // Nobody waits any more: they were told that nothing happened, so nothing must.
            if !answer.is_closed() {
                drop(answer.send(call(items)));
            }
        }))?;
        match tokio::time::timeout(self.deadline, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(VaultError::Failed { reason: "the call broke off".to_owned() }),
            Err(_) => Err(VaultError::Locked),
        }
    }

    fn send(&self, job: Job) -> Result<(), VaultError> {
        let mut jobs = lock(&self.jobs);
        let sender = match jobs.take() {
            Some(sender) => sender,
            None => self.start().map_err(|source| VaultError::Failed { reason: source.to_string() })?,
        };
        let sent = sender.send(job).map_err(|_| VaultError::Failed { reason: "its thread ended".to_owned() });
        *jobs = Some(sender);
        sent
    }

    fn start(&self) -> io::Result<mpsc::Sender<Job>> {
        let (sender, jobs) = mpsc::channel::<Job>();
        let open = self.open;
        std::thread::Builder::new().name("vault".to_owned()).spawn(move || {
            let mut items = open();
            for job in jobs {
                // The call's own answer is dropped with it, which tells its caller.
                if panic::catch_unwind(AssertUnwindSafe(|| job(&mut *items))).is_err() {
                    items = open();
                }
            }
        })?;
        Ok(sender)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use postern_gateway::Secret;

    use super::super::memory::Memory;
    use super::*;

    fn worker(deadline: Duration) -> Worker {
        Worker::new(|| Box::new(Memory::default()), deadline)
    }

    #[tokio::test]
    async fn a_vault_that_waits_for_its_prompt_is_locked_and_what_timed_out_is_not_done_later() {
        let worker = worker(Duration::from_millis(20));
        let (unlock, prompt) = channel::<()>();
        let blocked = worker.run(move |_| Ok(prompt.recv().is_ok())).await;
        assert_eq!(blocked, Err(VaultError::Locked));
        let late = worker.run(|items| items.set("id/slot", &Secret::new("x"))).await;
        assert_eq!(late, Err(VaultError::Locked));
        unlock.send(()).unwrap();
        let found = loop {
            match worker.run(|items| items.get("id/slot")).await {
                Err(VaultError::Locked) => {}
                found => break found,
            }
        };
        assert_eq!(found, Ok(None));
    }

    #[tokio::test]
    async fn a_call_that_panics_does_not_take_the_vault_with_it() {
        let worker = worker(Duration::from_secs(10));
        let failed = worker.run::<()>(|_| panic!("on purpose")).await;
        assert!(matches!(failed, Err(VaultError::Failed { .. })), "{failed:?}");
        assert_eq!(worker.run(|items| items.get("id/slot")).await, Ok(None));
    }
}
