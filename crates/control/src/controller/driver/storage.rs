//! profiles.toml and the vault, changed together: all of it, or none.
//!
//! One task does it all in order, so that the controller hears of the file's states in the order they had.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use postern_gateway::Secret;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::{Outcomes, internal};
use crate::controller::{Change, Event, SecretChange, Stored};
use crate::profile::{Profile, ProfileId, Slot, Written};
use crate::store::{Store, StoreError};
use crate::vault::{Vault, VaultError};
use crate::view::{FieldError, SaveErrors, Trouble};

/// How often the file is looked at, for what the command line or an editor did to it.
const GLANCE: Duration = Duration::from_secs(2);

/// What the controller is to know of the file.
pub(super) fn loaded(store: &Store) -> Event {
    Event::Loaded(store.trouble().map_or_else(|| Ok(store.profiles().to_vec()), |trouble| Err(trouble.clone())))
}

/// Carries out changes and watches the file, until nobody wants changes any more.
pub(super) async fn keep(store: Store, vault: Vault, mut changes: mpsc::UnboundedReceiver<Change>, outcomes: Outcomes) {
    let files = Files(Arc::new(Mutex::new(store)));
    let mut glance = tokio::time::interval(GLANCE);
    glance.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            change = changes.recv() => {
                let Some(change) = change else { return };
                let (shared, vault) = (files.clone(), vault.clone());
                let done = tokio::spawn(async move { apply(change, &shared, &vault).await }).await;
                let outcome = done.unwrap_or_else(|error| Err(SaveErrors::whole(&internal(&error))));
                // It may have failed over what somebody else did to the file, which has been read by now.
                if outcome.is_err() && let Ok(event) = files.with(|store| loaded(store)).await {
                    outcomes.send(event).await;
                }
                outcomes.send(Event::Stored(outcome)).await;
            }
            _ = glance.tick() => {
                if let Ok(Some(event)) = files.with(|store| store.reload().then(|| loaded(store))).await {
                    outcomes.send(event).await;
                }
            }
        }
    }
}

/// The store, used on threads that may block.
#[derive(Clone)]
struct Files(Arc<Mutex<Store>>);

impl Files {
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> T + Send + 'static,
    ) -> Result<T, tokio::task::JoinError> {
        let store = Arc::clone(&self.0);
        // A panic leaves a store that takes over a change only when it is saved: go on with it.
        tokio::task::spawn_blocking(move || work(&mut store.lock().unwrap_or_else(PoisonError::into_inner))).await
    }

    async fn change(
        &self,
        change: impl FnOnce(&mut Store) -> Result<Profile, StoreError> + Send + 'static,
    ) -> Result<(Profile, Vec<Profile>), SaveErrors> {
        let done = self.with(move |store| change(store).map(|profile| (profile, store.profiles().to_vec()))).await;
        Ok(done.map_err(|error| SaveErrors::whole(&internal(&error)))??)
    }
}

async fn apply(change: Change, files: &Files, vault: &Vault) -> Result<Stored, SaveErrors> {
    match change {
        Change::Put { before, written, secrets } => {
            put(before.map(|before| *before), *written, secrets, files, vault).await
        }
        Change::Remove { id } => remove(id, files, vault).await,
    }
}

/// Secrets first: they are what may be refused, and a file that names secrets which are not there is worse
/// than secrets that no file names.
async fn put(
    before: Option<Profile>,
    written: Written,
    secrets: Vec<SecretChange>,
    files: &Files,
    vault: &Vault,
) -> Result<Stored, SaveErrors> {
    let id: ProfileId =
        written.id.parse().map_err(|_| SaveErrors::whole(&StoreError::NoSuchProfile(written.id.clone()).trouble()))?;
    let mut replaced = Replaced { id: &id, vault, secrets: Vec::new() };
    if let Err(errors) = replaced.all(secrets).await {
        replaced.put_back().await;
        return Err(errors);
    }
    let old = before.clone();
    let done = files.change(move |store| match &old {
        Some(before) => store.replace(before, written),
        None => store.add(written),
    });
    let (profile, profiles) = match done.await {
        Ok(done) => done,
        Err(errors) => {
            replaced.put_back().await;
            return Err(errors);
        }
    };
    let secrets: Vec<Slot> = replaced.secrets.into_iter().map(|(slot, _)| slot).collect();
    let forgotten = match &before {
        Some(before) => vault.forget_unneeded(before, &profile).await,
        None => vault.forget_all_but(&secrets, &profile).await,
    };
    let vault_trouble = forgotten.err().map(|error| left_over(&profile, &error));
    Ok(Stored { id, profiles, secrets, vault_trouble })
}

async fn remove(id: ProfileId, files: &Files, vault: &Vault) -> Result<Stored, SaveErrors> {
    let which = id.clone();
    let (profile, profiles) = files.change(move |store| store.remove(&which)).await?;
    let vault_trouble = vault.forget(&profile).await.err().map(|error| left_over(&profile, &error));
    Ok(Stored { id, profiles, secrets: Vec::new(), vault_trouble })
}

fn left_over(profile: &Profile, error: &VaultError) -> Trouble {
    let trouble = error.trouble();
    let sentence = format!(
        "The change to “{}” is saved, but secrets it no longer needs are still in the keychain. {}",
        profile.name, trouble.sentence
    );
    Trouble { sentence, ..trouble }
}

/// What the vault held before, for when the rest fails.
struct Replaced<'v> {
    id: &'v ProfileId,
    vault: &'v Vault,
    secrets: Vec<(Slot, Option<Secret>)>,
}

impl Replaced<'_> {
    async fn all(&mut self, changes: Vec<SecretChange>) -> Result<(), SaveErrors> {
        for change in changes {
            let (slot, secret) = match change {
                SecretChange::Set(slot, secret) => (slot, secret),
                SecretChange::Copy(from, to) => {
                    let Some(secret) = self.vault.get(self.id, &from).await.map_err(|error| refused(&error))? else {
                        let message = "The vault has no password for the edge to take over. Enter it.";
                        return Err(SaveErrors { errors: vec![FieldError::new("edge.password", message)] });
                    };
                    (to, secret)
                }
            };
            let before = self.vault.get(self.id, &slot).await.map_err(|error| refused(&error))?;
            self.vault.set(self.id, &slot, secret).await.map_err(|error| refused(&error))?;
            self.secrets.push((slot, before));
        }
        Ok(())
    }

    async fn put_back(self) {
        for (slot, before) in self.secrets.into_iter().rev() {
            let done = match before {
                Some(secret) => self.vault.set(self.id, &slot, secret).await,
                None => self.vault.clear(self.id, &slot).await.map(drop),
            };
            if let Err(error) = done {
                tracing::warn!(profile = %self.id, %slot, %error, "a secret could not be put back after a failed save");
            }
        }
    }
}

fn refused(error: &VaultError) -> SaveErrors {
    SaveErrors::whole(&error.trouble())
}
