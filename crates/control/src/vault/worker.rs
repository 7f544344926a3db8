//! Blocking calls on a thread of their own, with a deadline.
//!
//! A thread of its own and not the runtime's blocking pool: a locked keychain blocks for as long as its prompt
//! stands, and a runtime waits for its pool when the process ends. One thread also means one prompt.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use postern_gateway::Secret;

use super::{Before, Items, VaultError, lock};

type Job = Box<dyn FnOnce(&mut dyn Items) + Send>;
type Answer<T> = oneshot::Sender<Result<T, VaultError>>;

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
        self.ask(move |items, answer| drop(answer.send(call(items)))).await
    }

    /// Changes an item; what was there before. A change that was still waiting for its prompt at the deadline is
    /// undone when it has happened.
    pub(super) async fn replace(&self, account: String, new: Option<Secret>) -> Result<Before, VaultError> {
        self.ask(move |items, answer| {
            let outcome = items.replace(&account, new.as_ref());
            if let Err(Ok(before)) = answer.send(outcome)
                && let Before::Known(before) = before
                && let Err(error) = items.put(&account, before.as_ref())
            {
                tracing::warn!(account, %error, "a secret that came too late could not be put back");
            }
        })
        .await
    }

    /// What `work` answers in time. Nobody waits any more after the deadline: they were told that nothing happened,
    /// so nothing must.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Items, Answer<T>) + Send + 'static,
    ) -> Result<T, VaultError> {
        let (answer, mut outcome) = oneshot::channel();
        self.send(Box::new(move |items| {
            if !answer.is_closed() {
                work(items, answer);
            }
        }))?;
        match tokio::time::timeout(self.deadline, &mut outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(VaultError::Failed { reason: "the call broke off".to_owned() }),
            Err(_) => {
                // From here on it is too late, and what came in the same moment is in time.
                outcome.close();
                outcome.try_recv().unwrap_or(Err(VaultError::Locked))
            }
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

    /// Items that ask before each change: says so, and waits for the answer.
    struct Prompting {
        items: Memory,
        asks: tokio::sync::mpsc::UnboundedSender<()>,
        answers: mpsc::Receiver<()>,
    }

    impl Items for Prompting {
        fn get(&mut self, account: &str) -> Result<Option<Secret>, VaultError> {
            self.items.get(account)
        }
        fn set(&mut self, account: &str, secret: &Secret) -> Result<(), VaultError> {
            self.asks.send(()).unwrap();
            self.answers.recv().unwrap();
            self.items.set(account, secret)
        }
        fn delete(&mut self, account: &str) -> Result<bool, VaultError> {
            self.asks.send(()).unwrap();
            self.answers.recv().unwrap();
            self.items.delete(account)
        }
    }

    /// What the next [`Prompting`] is made with.
    static PROMPTING: Mutex<Option<Prompting>> = Mutex::new(None);

    #[tokio::test]
    async fn a_change_that_is_let_through_when_its_caller_has_gone_is_undone() {
        let (asks, mut asked) = tokio::sync::mpsc::unbounded_channel();
        let (answer, answers) = channel();
        let old = Secret::new("old");
        let mut items = Memory::default();
        items.set("id/slot", &old).unwrap();
        *lock(&PROMPTING) = Some(Prompting { items, asks, answers });
        let worker = Worker::new(|| Box::new(lock(&PROMPTING).take().unwrap()), Duration::from_secs(10));
        for new in [Some(Secret::new("new")), None] {
            let caller = worker.clone();
            let change = tokio::spawn(async move { caller.replace("id/slot".to_owned(), new).await });
            asked.recv().await.unwrap();
            change.abort();
            assert!(change.await.unwrap_err().is_cancelled());
            // The change, and what undoes it.
            answer.send(()).unwrap();
            answer.send(()).unwrap();
            assert_eq!(worker.run(|items| items.get("id/slot")).await, Ok(Some(old.clone())));
            asked.recv().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_call_that_panics_does_not_take_the_vault_with_it() {
        let worker = worker(Duration::from_secs(10));
        let failed = worker.run::<()>(|_| panic!("on purpose")).await;
        assert!(matches!(failed, Err(VaultError::Failed { .. })), "{failed:?}");
        assert_eq!(worker.run(|items| items.get("id/slot")).await, Ok(None));
    }
}
