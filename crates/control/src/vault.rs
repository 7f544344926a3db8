//! Where secrets live: the operating system's keychain, or memory, or (read-only) the environment.
//!
//! - Service `postern` (debug builds `postern-dev`, so that trying things out never touches real secrets),
//!   account `<id>/<slot>`.
//! - Absent, locked, refused and failed are four results with four messages; a secret that was never saved is
//!   none of them: `Ok(None)`.
//! - The keychain may block for as long as its prompt stands. It is asked on a thread of its own, with a
//!   deadline; a call that ran into the deadline is not carried out later, or is undone.
//! - A value that could not be used is refused before it is saved, and when it is read: others write to the
//!   keychain and the environment too ([`Slot::check`]).
//! - There is no plaintext fallback. A machine without a keychain has `--vault env`; or, once its person has said so,
//!   memory in the keychain's place, for as long as the process lives.

mod env;
mod error;
mod memory;
mod os;
mod split;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use postern_gateway::Secret;
use tokio::sync::watch;

use self::env::Environment;
pub use self::env::{Variables, variable};
pub use self::error::{Place, VaultError};
use self::memory::Memory;
use self::worker::Worker;
use crate::lock::Lock;
use crate::profile::{Profile, ProfileId, Slot};

/// Which vault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// The operating system's keychain.
    #[default]
    Os,
    /// This process's memory: for tests.
    Memory,
    /// Variables named `POSTERN_SECRET_<ID>_<SLOT>`, read-only: for containers and CI.
    Env,
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        match text {
            "os" => Ok(Self::Os),
            "memory" => Ok(Self::Memory),
            "env" => Ok(Self::Env),
            _ => Err(UnknownKind),
        }
    }
}

/// The text names no kind of vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a vault is os, memory or env")]
pub struct UnknownKind;

/// A handle on the vault; clones share it.
#[derive(Clone)]
pub struct Vault {
    backend: Backend,
    /// In place of a keychain that is not there.
    instead: Arc<OnceLock<Backend>>,
    /// The profiles that were added since: of them the keychain has nothing.
    added: Arc<Mutex<BTreeSet<ProfileId>>>,
}

#[derive(Clone)]
enum Backend {
    Os(Worker),
    Memory(Arc<Mutex<Memory>>),
    Env(Arc<Environment>),
}

/// A vault's items by account. Calls may block.
trait Items {
    fn get(&mut self, account: &str) -> Result<Option<Secret>, VaultError>;
    fn set(&mut self, account: &str, secret: &Secret) -> Result<(), VaultError>;
    /// Whether there was one.
    fn delete(&mut self, account: &str) -> Result<bool, VaultError>;

    /// What is there; saves `new` where nothing is.
    fn get_or_set(&mut self, account: &str, new: Secret) -> Result<Secret, VaultError> {
        if let Some(secret) = self.get(account)? {
            return Ok(secret);
        }
        self.set(account, &new)?;
        Ok(new)
    }

    /// Saves `new`, or deletes where there is none.
    fn put(&mut self, account: &str, new: Option<&Secret>) -> Result<(), VaultError> {
        match new {
            Some(secret) => self.set(account, secret),
            None => self.delete(account).map(drop),
        }
    }

    /// The same, and what was there before.
    fn replace(&mut self, account: &str, new: Option<&Secret>) -> Result<Before, VaultError> {
        let before = match self.get(account) {
            Ok(before) => Before::Known(before),
            // An item that is broken is there to be saved over.
            Err(VaultError::Failed { .. }) => Before::Unreadable,
            Err(error) => return Err(error),
        };
        self.put(account, new)?;
        Ok(before)
    }
}

/// What an account held before it was changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Before {
    /// This, or nothing; fit for use or not.
    Known(Option<Secret>),
    /// Something that could not be read, and cannot be put back.
    Unreadable,
}

impl Vault {
    /// How long the keychain may take: long enough to type its password into a prompt.
    pub const DEADLINE: Duration = Duration::from_secs(30);
    /// The same where a person sees that it is waited for, and can end that: a prompt may stand since the session began.
    pub const PATIENCE: Duration = Duration::from_secs(60 * 60);

    /// Opens it. The keychain itself is first asked when a secret is.
    #[must_use]
    pub fn open(kind: Kind) -> Self {
        match kind {
            Kind::Os => Self::os(Self::DEADLINE),
            Kind::Memory => Self::memory(),
            Kind::Env => Self::env(Variables::inherited()),
        }
    }

    /// The operating system's keychain; a call that takes longer than `deadline` is [`VaultError::Locked`].
    #[must_use]
    pub fn os(deadline: Duration) -> Self {
        Backend::Os(Worker::new(os::keychain, || Box::pin(os::gone()), deadline)).into()
    }

    /// Variables, to be read and not to be written.
    #[must_use]
    pub fn env(variables: Variables) -> Self {
        Backend::Env(Arc::new(Environment::new(variables))).into()
    }

    /// An empty vault in this process's memory.
    #[must_use]
    pub fn memory() -> Self {
        Backend::Memory(Arc::default()).into()
    }

    fn backend(&self) -> &Backend {
        self.instead.get().unwrap_or(&self.backend)
    }

    /// From here on, secrets are in this process's memory in place of the keychain. What the keychain has stays there.
    pub fn keep_in_memory(&self) {
        if matches!(self.backend, Backend::Os(_)) {
            self.instead.get_or_init(|| Backend::Memory(Arc::default()));
        }
    }

    /// A profile was added. Nothing of an earlier one of this id was left in the keychain, or that was told.
    pub(crate) fn adds(&self, id: &ProfileId) {
        if self.instead.get().is_some() {
            lock(&self.added).insert(id.clone());
        }
    }

    /// Whether all that there is of a profile's secrets can be removed.
    ///
    /// # Errors
    /// When the keychain may have some, and is not there.
    pub(crate) fn has_all_of(&self, id: &ProfileId) -> Result<(), VaultError> {
        let in_reach = self.instead.get().is_none() || lock(&self.added).contains(id);
        if in_reach { Ok(()) } else { Err(VaultError::OutOfReach) }
    }

    /// How many calls wait for a person to unlock the keychain.
    #[must_use]
    pub fn waiting(&self) -> watch::Receiver<usize> {
        match self.backend() {
            Backend::Os(worker) => worker.waiting(),
            Backend::Memory(_) | Backend::Env(_) => watch::channel(0).1,
        }
    }

    /// Ends their waiting: each ends as [`VaultError::Locked`]. A prompt that stands stays.
    pub fn give_up(&self) {
        if let Backend::Os(worker) = self.backend() {
            worker.give_up();
        }
    }

    /// Whether the keychain can be asked at all; a locked one may answer that without a prompt.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub async fn answers(&self) -> Result<(), VaultError> {
        match self.backend() {
            // No profile has this id: an item that is not there is looked for, and nothing is unlocked.
            Backend::Os(worker) => worker.run(|items| items.get("-/none")).await.map(drop),
            Backend::Memory(_) | Backend::Env(_) => Ok(()),
        }
    }

    /// Which vault this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.backend() {
            Backend::Os(_) => Kind::Os,
            Backend::Memory(_) => Kind::Memory,
            Backend::Env(_) => Kind::Env,
        }
    }

    /// The secret, or `None` when none was saved.
    ///
    /// # Errors
    /// See [`VaultError`]. A value that could not be used is [`VaultError::Unusable`].
    pub async fn get(&self, id: &ProfileId, slot: &Slot) -> Result<Option<Secret>, VaultError> {
        let found = self.read(id, slot).await?;
        if let Some(secret) = &found {
            slot.check(secret).map_err(|unfit| VaultError::Unusable { unfit, place: self.place(id, slot) })?;
        }
        Ok(found)
    }

    /// What is there, fit for use or not.
    async fn read(&self, id: &ProfileId, slot: &Slot) -> Result<Option<Secret>, VaultError> {
        match self.backend() {
            Backend::Os(worker) => {
                let account = account(id, slot);
                worker.run(move |items| items.get(&account)).await
            }
            Backend::Memory(memory) => lock(memory).get(&account(id, slot)),
            Backend::Env(environment) => environment.get(id, slot),
        }
    }

    /// Where a value comes from, as a person finds it there.
    fn place(&self, id: &ProfileId, slot: &Slot) -> Place {
        match self.kind() {
            Kind::Os | Kind::Memory => Place::Saved { id: id.clone() },
            Kind::Env => Place::Variable(variable(id, slot)),
        }
    }

    /// Saves a secret, over what was there.
    ///
    /// # Errors
    /// See [`VaultError`]. A value that could not be used is [`VaultError::Unfit`].
    pub async fn set(&self, id: &ProfileId, slot: &Slot, secret: Secret) -> Result<(), VaultError> {
        self.replace(id, slot, secret).await.map(drop)
    }

    /// The same, and what was there before.
    pub(crate) async fn replace(&self, id: &ProfileId, slot: &Slot, secret: Secret) -> Result<Before, VaultError> {
        slot.check(&secret)?;
        self.put(id, slot, Some(secret)).await
    }

    /// Puts there what [`Self::replace`] found.
    pub(crate) async fn put_back(&self, id: &ProfileId, slot: &Slot, before: Before) -> Result<(), VaultError> {
        match before {
            Before::Known(before) => self.put(id, slot, before).await.map(drop),
            Before::Unreadable => Err(VaultError::Failed { reason: "what was there could not be read".to_owned() }),
        }
    }

    /// Saves `new`, or deletes where there is none; what was there before.
    async fn put(&self, id: &ProfileId, slot: &Slot, new: Option<Secret>) -> Result<Before, VaultError> {
        let account = account(id, slot);
        match self.backend() {
            Backend::Os(worker) => worker.replace(account, new).await,
            Backend::Memory(memory) => lock(memory).replace(&account, new.as_ref()),
            Backend::Env(_) => Err(VaultError::ReadOnly { variable: variable(id, slot) }),
        }
    }

    /// Removes a secret; whether there was one.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub async fn clear(&self, id: &ProfileId, slot: &Slot) -> Result<bool, VaultError> {
        if let Backend::Env(environment) = self.backend()
            && environment.get(id, slot)?.is_none()
        {
            return Ok(false);
        }
        Ok(self.put(id, slot, None).await? != Before::Known(None))
    }

    /// Which of the slots a profile needs are filled with what can be used, in the order of [`Profile::slots`].
    ///
    /// # Errors
    /// See [`VaultError`].
    pub async fn filled(&self, profile: &Profile) -> Result<Vec<(Slot, bool)>, VaultError> {
        let mut filled = Vec::new();
        for slot in profile.slots() {
            let there = match self.get(&profile.id, &slot).await {
                Err(VaultError::Unusable { .. }) => false,
                found => found?.is_some(),
            };
            filled.push((slot, there));
        }
        Ok(filled)
    }

    /// The profile's local key, made when there is none yet; processes that do so at the same time agree on one.
    ///
    /// `config` is the folder of profiles.toml, which they have in common: the keychain itself has no way to save
    /// only what is not there yet. In the environment the key cannot be saved: without the variable it lasts as long
    /// as this process.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub async fn local_key(&self, id: &ProfileId, config: &Path) -> Result<Secret, VaultError> {
        if let Some(key) = self.get(id, &Slot::LocalKey).await? {
            return Ok(key);
        }
        let key = Secret::random().map_err(|source| VaultError::Failed { reason: source.to_string() })?;
        let account = account(id, &Slot::LocalKey);
        match self.backend() {
            Backend::Os(worker) => {
                let path = config.join("keys.lock");
                worker
                    .run(move |items| {
                        let _lock = key_lock(&path)?;
                        items.get_or_set(&account, key)
                    })
                    .await
            }
            Backend::Memory(memory) => lock(memory).get_or_set(&account, key),
            Backend::Env(environment) => Ok(environment.keep_local_key(id, key)),
        }
    }

    /// Removes everything a profile has here. What the environment holds stays: it is not ours.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub async fn forget(&self, profile: &Profile) -> Result<(), VaultError> {
        self.forget_slots(&profile.id, profile.slots().into_iter().chain([Slot::LocalKey])).await
    }

    /// Removes what an earlier profile of the same id may have left, except what has just been saved: it was for
    /// another server.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub async fn forget_all_but(&self, saved: &[Slot], profile: &Profile) -> Result<(), VaultError> {
        let slots = profile.slots().into_iter().chain([Slot::LocalKey]);
        self.forget_slots(&profile.id, slots.filter(|slot| !saved.contains(slot))).await
    }

    /// Removes what `before` needed and `after`, the same profile edited, does not.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub async fn forget_unneeded(&self, before: &Profile, after: &Profile) -> Result<(), VaultError> {
        let needed = after.slots();
        self.forget_slots(&before.id, before.slots().into_iter().filter(|slot| !needed.contains(slot))).await
    }

    async fn forget_slots(&self, id: &ProfileId, slots: impl Iterator<Item = Slot>) -> Result<(), VaultError> {
        if matches!(self.backend(), Backend::Env(_)) {
            return Ok(());
        }
        for slot in slots {
            self.clear(id, &slot).await?;
        }
        Ok(())
    }
}

impl From<Backend> for Vault {
    fn from(backend: Backend) -> Self {
        Self { backend, instead: Arc::default(), added: Arc::default() }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({:?})", self.kind())
    }
}

/// Nobody else makes a key while it is held. Who has it may be waiting for the keychain's prompt.
fn key_lock(path: &Path) -> Result<Option<Lock>, VaultError> {
    match Lock::take(path, Vault::DEADLINE) {
        Ok(lock) => Ok(Some(lock)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(VaultError::Locked),
        // A folder that cannot be written is no reason to serve nothing.
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "another process may make another local key meanwhile");
            Ok(None)
        }
    }
}

fn account(id: &ProfileId, slot: &Slot) -> String {
    format!("{id}/{slot}")
}

/// A panic elsewhere leaves a map of whole entries: go on with it.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
