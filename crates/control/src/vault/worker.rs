//! Blocking calls on a thread of their own, with a deadline.
//!
//! A thread of its own and not the runtime's blocking pool: a locked keychain blocks for as long as its prompt
//! stands, and a runtime waits for its pool when the process ends. One thread also means one prompt: who refuses it
//! has refused all that waited behind it. A keychain that goes away takes its prompt with it, and who waits for that is
//! told nothing: the thread is then left to itself, and the next call has another.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use postern_gateway::Secret;

use super::{Before, Items, VaultError, lock};

type Job = Box<dyn FnOnce(&mut dyn Items) + Send>;
type Answer<T> = oneshot::Sender<Result<T, VaultError>>;
/// Ends when the keychain goes away that is there, or comes, from now on.
pub(super) type Gone = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs calls one after the other, on a thread that is started with the first. Clones share it.
#[derive(Clone)]
pub(super) struct Worker {
    open: fn() -> Box<dyn Items>,
    gone: fn() -> Gone,
    deadline: Duration,
    jobs: Arc<Mutex<Option<mpsc::Sender<Job>>>>,
    /// How many calls have waited for longer than [`SOON`].
    waiting: Arc<watch::Sender<usize>>,
    /// Counts how often a person did not want to wait.
    given_up: Arc<watch::Sender<usize>>,
    /// Counts how often the keychain went away.
    went_away: Arc<watch::Sender<usize>>,
    /// When, and how, access was refused last.
    refused: Arc<Mutex<Option<(Instant, VaultError)>>>,
}

/// What takes longer waits for a person: its prompt stands.
const SOON: Duration = Duration::from_secs(1);

/// A call that waits for a person, for as long as it does.
struct Waiting<'w>(&'w watch::Sender<usize>);

impl<'w> Waiting<'w> {
    fn begin(count: &'w watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Worker {
    /// `open` is called on the thread.
    pub(super) fn new(open: fn() -> Box<dyn Items>, gone: fn() -> Gone, deadline: Duration) -> Self {
        Self {
            open,
            gone,
            deadline,
            jobs: Arc::default(),
            waiting: Arc::default(),
            given_up: Arc::default(),
            went_away: Arc::default(),
            refused: Arc::default(),
        }
    }

    /// How many calls wait for a person.
    pub(super) fn waiting(&self) -> watch::Receiver<usize> {
        self.waiting.subscribe()
    }

    /// Ends the waiting of all calls there are now, as their deadline would.
    pub(super) fn give_up(&self) {
        self.given_up.send_modify(|times| *times += 1);
    }

    /// The outcome of `call`, or [`VaultError::Locked`] when it takes longer than the deadline.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut dyn Items) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let (asked, refused) = (Instant::now(), Arc::clone(&self.refused));
        self.ask(move |items, answer| {
            let before = lock(&refused).clone().filter(|(when, _)| *when > asked);
            let outcome = before.map_or_else(|| call(items), |(_, error)| Err(error));
            if let Err(error @ VaultError::Refused { .. }) = &outcome {
                *lock(&refused) = Some((Instant::now(), error.clone()));
            }
            drop(answer.send(outcome));
        })
        .await
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
        let went_away = self.send(Box::new(move |items| {
            if !answer.is_closed() {
                work(items, answer);
            }
        }))?;
        match self.in_time(&mut outcome, went_away).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(VaultError::Failed { reason: "the call broke off".to_owned() }),
            Err(error) => {
                // From here on it is too late, and what came in the same moment is in time.
                outcome.close();
                outcome.try_recv().unwrap_or(Err(error))
            }
        }
    }

    /// An error at the deadline, when nobody wants to wait any more, and when there is nothing to wait for.
    async fn in_time<T>(
        &self,
        outcome: impl Future<Output = T> + Unpin,
        went_away: watch::Receiver<usize>,
    ) -> Result<T, VaultError> {
        let (mut outcome, mut went_away) = (outcome, went_away);
        let mut given_up = self.given_up.subscribe();
        let soon = SOON.min(self.deadline);
        if let Ok(outcome) = tokio::time::timeout(soon, &mut outcome).await {
            return Ok(outcome);
        }
        let _waiting = Waiting::begin(&self.waiting);
        tokio::select! {
            outcome = tokio::time::timeout(self.deadline - soon, outcome) => outcome.map_err(|_| VaultError::Locked),
            _ = given_up.changed() => Err(VaultError::Locked),
            _ = went_away.changed() => {
                Err(VaultError::Failed { reason: "it went away while Postern waited for it".to_owned() })
            }
        }
    }

    /// What tells when the keychain goes away that it is sent to.
    fn send(&self, job: Job) -> Result<watch::Receiver<usize>, VaultError> {
        let mut jobs = lock(&self.jobs);
        let sender = match jobs.take() {
            Some(sender) => sender,
            None => self.start().map_err(|source| VaultError::Failed { reason: source.to_string() })?,
        };
        let sent = sender.send(job).map_err(|_| VaultError::Failed { reason: "its thread ended".to_owned() });
        *jobs = Some(sender);
        sent.map(|()| self.went_away.subscribe())
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
        let (gone, jobs, went_away) = ((self.gone)(), Arc::downgrade(&self.jobs), Arc::clone(&self.went_away));
        tokio::spawn(async move {
            gone.await;
            if let Some(jobs) = jobs.upgrade() {
                let mut jobs = lock(&jobs);
                *jobs = None;
                went_away.send_modify(|times| *times += 1);
            }
        });
        Ok(sender)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::mpsc::channel;

    use tokio::sync::Notify;

    use super::super::memory::Memory;
    use super::*;

    fn worker(deadline: Duration) -> Worker {
        Worker::new(|| Box::new(Memory::default()), || Box::pin(pending()), deadline)
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
    async fn who_gives_up_waiting_ends_it_for_all_and_who_asks_again_waits_anew() {
        let worker = worker(Duration::from_secs(600));
        let mut waiting = worker.waiting();
        let (unlock, prompt) = channel::<()>();
        let blocked = {
            let worker = worker.clone();
            tokio::spawn(async move { worker.run(move |_| Ok(prompt.recv().is_ok())).await })
        };
        let behind = {
            let worker = worker.clone();
            tokio::spawn(async move { worker.run(|items| items.get("id/slot")).await })
        };
        waiting.wait_for(|count| *count == 2).await.unwrap();
        worker.give_up();
        assert_eq!(blocked.await.unwrap(), Err(VaultError::Locked));
        assert_eq!(behind.await.unwrap(), Err(VaultError::Locked));
        waiting.wait_for(|count| *count == 0).await.unwrap();
        let again = {
            let worker = worker.clone();
            tokio::spawn(async move { worker.run(|items| items.get("id/slot")).await })
        };
        waiting.wait_for(|count| *count == 1).await.unwrap();
        unlock.send(()).unwrap();
        assert_eq!(again.await.unwrap(), Ok(None));
        assert_eq!(*waiting.borrow(), 0);
    }

    #[tokio::test]
    async fn a_prompt_that_is_refused_is_not_put_up_again_for_those_that_waited_behind_it() {
        let worker = worker(Duration::from_secs(600));
        let refused = || VaultError::Refused { reason: "dismissed".to_owned() };
        let (dismiss, prompt) = channel::<()>();
        let mut calls = vec![tokio::spawn({
            let worker = worker.clone();
            async move {
                worker
                    .run(move |_| -> Result<Option<Secret>, _> {
                        assert!(prompt.recv().is_ok());
                        Err(refused())
                    })
                    .await
            }
        })];
        for _ in 0..2 {
            let worker = worker.clone();
            calls.push(tokio::spawn(async move { worker.run(|items| items.get("id/slot")).await }));
        }
        worker.waiting().wait_for(|count| *count == 3).await.unwrap();
        dismiss.send(()).unwrap();
        for call in calls {
            assert_eq!(call.await.unwrap(), Err(refused()));
        }
        // Who asks from now on is heard.
        assert_eq!(worker.run(|items| items.get("id/slot")).await, Ok(None));
    }

    #[tokio::test]
    async fn a_keychain_that_goes_away_over_its_prompt_ends_the_waiting_and_the_next_call_is_made() {
        static GOES: Notify = Notify::const_new();
        let gone: fn() -> Gone = || Box::pin(GOES.notified());
        let worker = Worker::new(|| Box::new(Memory::default()), gone, Duration::from_secs(600));
        let (_prompt, never) = channel::<()>();
        let mut calls = vec![tokio::spawn({
            let worker = worker.clone();
            async move { worker.run(move |_| Ok(never.recv().is_ok())).await }
        })];
        calls.push(tokio::spawn({
            let worker = worker.clone();
            async move { worker.run(|_| Ok(true)).await }
        }));
        worker.waiting().wait_for(|count| *count == 2).await.unwrap();
        GOES.notify_one();
        for call in calls {
            let error = call.await.unwrap().unwrap_err();
            assert_eq!(error.to_string(), "The keychain failed: it went away while Postern waited for it.");
        }
        assert_eq!(worker.run(|items| items.get("id/slot")).await, Ok(None));
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
        let open: fn() -> Box<dyn Items> = || Box::new(lock(&PROMPTING).take().unwrap());
        let worker = Worker::new(open, || Box::pin(pending()), Duration::from_secs(10));
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
