//! Runs what [`update()`] decides: one task owns the [`State`], takes events in, publishes what differs, and
//! hands each effect to a task of its own, whose outcome comes back as an event.
//!
//! - `driver/gateway.rs` is one start of one gateway; `driver/storage.rs` writes file and vault, in order;
//!   `driver/world.rs` hears what the system has to say.
//! - The owner never waits for an effect: a vault that shows its prompt holds up nobody else.
//! - A task that panics is an outcome like others: that profile has failed, or that save; the rest lives on. Where the
//!   owner itself panics, its state is published no more: whoever watches it sees that it never came to its end.

mod gateway;
mod sight;
mod storage;
#[cfg(test)]
mod tests;
mod world;

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};

use self::gateway::{Order, Place};
use super::{AtStart, Connection, Effect, Event, Generation, Phase, ShellRequest, Sight, State, Ticket, Timer, update};
use crate::activity::Activity;
use crate::change::Change;
use crate::folders::Folders;
use crate::import::{self, Found, Surroundings};
use crate::profile::ProfileId;
use crate::settings::{Setting, Settings};
use crate::store::Store;
use crate::vault::Vault;
use crate::view::{Draft, SaveErrors, Trouble, label};

/// How many events may wait. Senders wait for room; the owner never does.
const INBOX: usize = 256;

/// Between a mistake and the next try, where nobody asks for one.
const ANEW: Duration = Duration::from_secs(60);

/// What the controller works with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where profiles.toml is.
    pub folders: Folders,
    /// Where secrets are.
    pub vault: Vault,
    /// Which profiles are connected as soon as they are known.
    pub at_start: AtStart,
    /// Where exchanges are recorded, if anywhere.
    pub activity: Option<Activity>,
    /// Where Prefect keeps its settings.
    pub surroundings: Surroundings,
}

/// The owner of all state.
#[derive(Debug)]
pub struct Controller {
    state: State,
    published: watch::Sender<Arc<State>>,
    gateways: HashMap<Generation, mpsc::UnboundedSender<Order>>,
    /// Those that somebody waits for: one at most for each profile.
    alarms: HashMap<Timer, Alarm>,
    /// The last of each, over or not.
    looks: HashMap<Sight, Alarm>,
    changes: mpsc::UnboundedSender<Change>,
    settings: mpsc::UnboundedSender<Setting>,
    waiting: HashMap<Ticket, oneshot::Sender<Result<ProfileId, SaveErrors>>>,
    tickets: u64,
    place: Place,
    surroundings: Surroundings,
}

/// A task that ends with this: a timer's, a look's.
#[derive(Debug)]
struct Alarm(tokio::task::AbortHandle);

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What reaches the owner.
#[derive(Debug)]
enum Message {
    Event(Event),
    /// As [`Event::Save`], with where the answer goes.
    Save(Box<Draft>, oneshot::Sender<Result<ProfileId, SaveErrors>>),
    /// As [`Event::Remove`], with where the answer goes.
    Remove(ProfileId, oneshot::Sender<Result<ProfileId, SaveErrors>>),
    /// Has this gateway's task make a mistake.
    #[cfg(test)]
    Break(Generation),
}

/// The way back for outcomes.
#[derive(Clone, Debug)]
struct Outcomes(mpsc::Sender<Message>);

impl Outcomes {
    async fn send(&self, event: Event) {
        // Nobody listens any more when all is closed and the program ends: nothing is lost.
        drop(self.0.send(Message::Event(event)).await);
    }
}

impl Controller {
    /// Reads profiles.toml (this blocks for a moment, before anything else runs), connects what is to be
    /// connected, and goes on until [`Event::Quit`].
    ///
    /// Belongs inside a tokio runtime, current-thread or not. The receiver gets what only a shell can do;
    /// a program without one drops it.
    #[must_use]
    pub fn start(options: Options) -> (Handle, mpsc::UnboundedReceiver<ShellRequest>) {
        let Options { folders, vault, at_start, activity, surroundings } = options;
        let (inbox, messages) = mpsc::channel(INBOX);
        let (shell, requests) = mpsc::unbounded_channel();
        let (changes, wanted) = mpsc::unbounded_channel();
        let outcomes = Outcomes(inbox.clone());
        let store = Store::load(folders.clone());
        let first = storage::loaded(&store);
        tokio::spawn(storage::keep(store, vault.clone(), wanted, outcomes.clone()));
        let (settings, made) = mpsc::unbounded_channel();
        tokio::spawn(storage::settle(folders.clone(), made, outcomes.clone()));
        tokio::spawn(watched(outcomes.clone()));
        tokio::spawn(vault_waits(vault.waiting(), outcomes.clone()));

        let seed = RandomState::new().build_hasher().finish();
        let mut state = State::new(at_start, seed);
        let read = Settings::load(&folders).map_err(|trouble| {
            tracing::warn!(code = trouble.code, "{}", trouble.sentence);
            state.settings_trouble = Some(trouble);
        });
        let (published, state_seen) = watch::channel(Arc::new(state.clone()));
        let mut controller = Self {
            state,
            published,
            place: Place { folders, vault, activity, shell, outcomes },
            gateways: HashMap::new(),
            alarms: HashMap::new(),
            looks: HashMap::new(),
            changes,
            settings,
            waiting: HashMap::new(),
            tickets: 0,
            surroundings,
        };
        // Before anyone can look: no menu says "no servers yet" for a moment.
        if let Ok(settings) = read {
            controller.take(Event::Settled(Ok(settings)));
        }
        controller.take(first);
        tokio::spawn(controller.run(messages));
        (Handle { inbox, state: state_seen, runtime: tokio::runtime::Handle::current() }, requests)
    }

    async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        while self.state.phase != Phase::Ended
            && let Some(message) = messages.recv().await
        {
            let event = match message {
                Message::Event(event) => event,
                Message::Save(draft, answer) => Event::Save { ticket: self.ticket(answer), draft },
                #[cfg(test)]
                Message::Break(generation) => {
                    self.order(generation, Order::Break);
                    continue;
                }
                Message::Remove(id, answer) => Event::Remove { ticket: Some(self.ticket(answer)), id },
            };
            self.take(event);
        }
    }

    fn ticket(&mut self, answer: oneshot::Sender<Result<ProfileId, SaveErrors>>) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.waiting.insert(ticket, answer);
        ticket
    }

    fn take(&mut self, event: Event) {
        if let Event::StartFailed { generation, .. } | Event::Ended { generation, .. } = &event {
            self.gateways.remove(generation);
        }
        let effects = update(&mut self.state, event);
        self.alarms.retain(|timer, _| self.state.awaits(*timer));
        self.publish();
        for effect in effects {
            self.carry_out(effect);
        }
    }

    fn publish(&self) {
        self.published.send_if_modified(|seen| {
            let differs = **seen != self.state;
            if differs {
                tell(seen, &self.state);
                *seen = Arc::new(self.state.clone());
            }
            differs
        });
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Start { generation, profile } => {
                let (orders, taken) = mpsc::unbounded_channel();
                self.gateways.insert(generation, orders);
                let life = gateway::live(generation, *profile, self.place.clone(), taken);
                spawn(&self.place.outcomes, life, move |_| Event::Ended { generation, at: SystemTime::now() });
            }
            // A gateway without anyone to give it orders ends.
            Effect::Stop(generation) => drop(self.gateways.remove(&generation)),
            Effect::Probe(generation) => self.order(generation, Order::Probe),
            Effect::SeeCertificate(generation) => self.order(generation, Order::SeeCertificate),
            Effect::OpenLogs => self.place.ask(ShellRequest::OpenFolder { path: self.place.folders.logs() }),
            Effect::Settle(setting) => {
                if self.settings.send(setting).is_err() {
                    self.answer(Event::Settled(Err(nobody_writes("settings.toml"))));
                }
            }
            Effect::LetWindowsWrite { generation, until } => self.order(generation, Order::LetWindowsWrite(until)),
            Effect::Renew(generation) => self.order(generation, Order::Renew),
            Effect::Look { sight, number, plans, after } => {
                // The one before ends first: two would ask the server at once.
                self.looks.remove(&sight);
                let look = sight::look(sight.clone(), number, plans, after, self.place.clone());
                self.looks.insert(sight, look);
            }
            Effect::LookAway(sight) => drop(self.looks.remove(&sight)),
            Effect::FindImports => {
                let surroundings = self.surroundings.clone();
                let outcomes = self.place.outcomes.clone();
                let finding = tokio::task::spawn_blocking(move || import::find(&surroundings));
                tokio::spawn(async move {
                    let nothing = |error| Found { troubles: vec![Trouble::internal(&error)], ..Found::default() };
                    outcomes.send(Event::ImportsFound(finding.await.unwrap_or_else(nothing))).await;
                });
            }
            Effect::Advise { generation, advice } => self.order(generation, Order::Advise(advice)),
            Effect::OpenDoor { generation, profile, window } => {
                self.order(generation, Order::Open { profile, window });
            }
            Effect::Wake { timer, after } => {
                let outcomes = self.place.outcomes.clone();
                let task = tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    outcomes.send(Event::Due(timer)).await;
                });
                self.alarms.insert(timer, Alarm(task.abort_handle()));
            }
            Effect::Store(change) => {
                if self.changes.send(change).is_err() {
                    self.answer(Event::Stored(Err(SaveErrors::whole(&nobody_writes("profiles.toml")))));
                }
            }
            Effect::SeeVault => {
                let vault = self.place.vault.clone();
                let see = async move { Event::VaultSeen(vault.answers().await.map_err(|error| error.trouble())) };
                spawn(&self.place.outcomes, see, |trouble| Event::VaultSeen(Err(trouble)));
            }
            Effect::KeepInMemory => self.place.vault.keep_in_memory(),
            Effect::GiveUpUnlocking => self.place.vault.give_up(),
            Effect::LookUp(profile) => {
                let vault = self.place.vault.clone();
                let id = profile.id.clone();
                let look = async move {
                    let outcome = vault.filled(&profile).await.map_err(|error| error.trouble());
                    Event::LookedUp { id: profile.id, outcome }
                };
                spawn(&self.place.outcomes, look, move |trouble| Event::LookedUp { id, outcome: Err(trouble) });
            }
            Effect::CopyEnvironment(profile) => {
                let (place, name) = (self.place.clone(), profile.name.clone());
                tokio::spawn(async move {
                    let asks = place.clone();
                    if let Err(error) = tokio::spawn(async move { asks.copy_environment(&profile).await }).await {
                        let trouble = Trouble::internal(&error);
                        place.ask(ShellRequest::ShowTrouble { name: Some(name), trouble });
                    }
                });
            }
            Effect::Answer { ticket, outcome } => {
                if let Some(answer) = self.waiting.remove(&ticket) {
                    // Who asked may have gone away meanwhile.
                    drop(answer.send(outcome));
                }
            }
            Effect::CloseDashboard(id) => {
                self.place.forget(&id);
                self.place.ask(ShellRequest::CloseDashboard { id });
            }
            Effect::RemoveDashboard(id) => {
                self.place.forget(&id);
                let data_dir = self.place.folders.dashboard(&id);
                self.place.ask(ShellRequest::RemoveDashboard { id, data_dir });
            }
            Effect::Shell(request) => self.place.ask(request),
        }
    }

    /// In place of a task that is gone.
    fn answer(&self, event: Event) {
        let outcomes = self.place.outcomes.clone();
        tokio::spawn(async move { outcomes.send(event).await });
    }

    fn order(&self, generation: Generation, order: Order) {
        // Where it has ended meanwhile, its end is on the way as an event.
        if let Some(orders) = self.gateways.get(&generation) {
            drop(orders.send(order));
        }
    }
}

fn nobody_writes(file: &str) -> Trouble {
    let sentence = format!("Postern itself made a mistake, and writes {file} no more.");
    Trouble::new("internal", sentence, "Start Postern again, and repeat the change.")
}

/// Watches the world; after a mistake, anew.
async fn watched(outcomes: Outcomes) {
    while tokio::spawn(world::watch(outcomes.clone())).await.is_err() {
        tracing::error!("what the world does is not heard for a while");
        tokio::time::sleep(ANEW).await;
    }
}

/// Tells of a keychain that waits, and of the end of that.
async fn vault_waits(mut waiting: watch::Receiver<usize>, outcomes: Outcomes) {
    let mut told = false;
    loop {
        let changed = tokio::select! {
            changed = waiting.wait_for(|count| (*count > 0) != told) => changed.is_ok(),
            () = outcomes.0.closed() => false,
        };
        if !changed {
            return;
        }
        told = !told;
        outcomes.send(Event::VaultWaits(told)).await;
    }
}

/// Runs it as a task, and sends its outcome; or the one that stands for a panic.
fn spawn(
    outcomes: &Outcomes,
    work: impl Future<Output = Event> + Send + 'static,
    panicked: impl FnOnce(Trouble) -> Event + Send + 'static,
) {
    let outcomes = outcomes.clone();
    tokio::spawn(async move {
        let event = tokio::spawn(work).await.unwrap_or_else(|error| panicked(Trouble::internal(&error)));
        outcomes.send(event).await;
    });
}

/// Writes down how profiles came to be what they are.
fn tell(before: &State, after: &State) {
    for entry in &after.entries {
        let id = &entry.profile.id;
        let old = before.entry(id).map_or(&Connection::Off, |old| &old.connection);
        let (code, old_code) = (entry.connection.trouble().map(|t| &t.code), old.trouble().map(|t| &t.code));
        if label(old) != label(&entry.connection) || code != old_code {
            let code = code.map_or("", String::as_str);
            tracing::info!(profile = %id, code, "{}", label(&entry.connection));
        }
    }
}

/// The way in: clones share the controller.
#[derive(Clone, Debug)]
pub struct Handle {
    inbox: mpsc::Sender<Message>,
    state: watch::Receiver<Arc<State>>,
    runtime: tokio::runtime::Handle,
}

impl Handle {
    /// Sends an event, from any thread, without waiting. After the end it means nothing.
    pub fn send(&self, event: Event) {
        match self.inbox.try_send(Message::Event(event)) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(message)) => {
                let inbox = self.inbox.clone();
                self.runtime.spawn(async move { drop(inbox.send(message).await) });
            }
        }
    }

    /// The state as it is, and as it changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<Arc<State>> {
        self.state.clone()
    }

    /// Checks, saves, and connects again what was connected.
    ///
    /// # Errors
    /// Field by field; then nothing has changed.
    pub async fn save(&self, draft: Draft) -> Result<ProfileId, SaveErrors> {
        self.ask(|answer| Message::Save(Box::new(draft), answer)).await
    }

    /// Removes a profile and its secrets, and closes its dashboard.
    ///
    /// # Errors
    /// Says why; then nothing has changed.
    pub async fn remove(&self, id: ProfileId) -> Result<(), SaveErrors> {
        self.ask(|answer| Message::Remove(id, answer)).await.map(drop)
    }

    async fn ask(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<ProfileId, SaveErrors>>) -> Message,
    ) -> Result<ProfileId, SaveErrors> {
        let (answer, answered) = oneshot::channel();
        drop(self.inbox.send(message(answer)).await);
        answered.await.unwrap_or_else(|_| Err(SaveErrors::whole(&super::change::quitting())))
    }

    /// Stops all gateways; returns when they have stopped.
    pub async fn shutdown(&self) {
        drop(self.inbox.send(Message::Event(Event::Quit)).await);
        self.ended().await;
    }

    /// Returns when all gateways have stopped after [`Event::Quit`].
    pub async fn ended(&self) {
        let mut state = self.state();
        // An error means that the controller is gone: that is the end as well.
        drop(state.wait_for(|state| state.phase == Phase::Ended).await);
    }
}
