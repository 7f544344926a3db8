//! One change to profiles.toml and the vault: all of it, or none.
//!
//! 1. What is wrong with the profile is found first; then nothing has been touched.
//! 2. Secrets are saved before the file. They are what may be refused; and a gateway that runs takes a changed file
//!    up at once: with the file first, it would send the old credential to the new address.
//! 3. What fails puts the secrets back that were there.
//! 4. Where the keychain is not there and secrets are in memory instead, a profile that it may know keeps its id and its
//!    address: the keychain's secrets would outlive the change, and be sent to another server.
//! 5. Secrets that nothing needs any more go last. That they could not be removed undoes nothing; it is told.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use postern_gateway::Secret;
use url::Url;

use crate::profile::{Profile, ProfileId, Slot, Written};
use crate::store::{Store, StoreError};
use crate::vault::{Before, Vault, VaultError};
use crate::view::Trouble;

/// One change to profiles.toml and the vault: all of it, or none.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Add a profile, or edit one.
    Put {
        /// As it was when it was edited; `None` adds one.
        before: Option<Box<Profile>>,
        /// As it shall be, with its id.
        written: Box<Written>,
        /// What goes into the vault, before the file is written.
        secrets: Vec<SecretChange>,
    },
    /// Take the profile out of the file, then its secrets out of the vault and its assets out of the cache.
    Remove {
        /// Which.
        id: ProfileId,
    },
}

/// One change to a profile's secrets.
#[derive(Clone, Debug, PartialEq)]
pub enum SecretChange {
    /// This from now on.
    Set(Slot, Secret),
    /// What the first holds goes into the second as well.
    Copy(Slot, Slot),
}

impl SecretChange {
    /// What it changes.
    pub(crate) fn slot(&self) -> &Slot {
        match self {
            Self::Set(slot, _) | Self::Copy(_, slot) => slot,
        }
    }
}

/// What a save or removal did.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// What was saved or removed.
    pub id: ProfileId,
    /// What the file says now, in its order.
    pub profiles: Vec<Profile>,
    /// Slots whose secret is another one now.
    pub secrets: Vec<Slot>,
    /// Why secrets that nothing needs any more are still in the vault.
    pub vault_trouble: Option<Trouble>,
}

/// Why a change was not made. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The profile is not valid, or the file cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault does not take the secrets.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A secret that was to be copied is not there.
    #[error("The vault has no {0} to take over.")]
    NothingToCopy(Slot),
    /// Postern's own mistake.
    #[error("{}", .0.sentence)]
    Internal(Trouble),
}

/// The store, used on threads that may block. Clones share it.
#[derive(Clone, Debug)]
pub struct Files(Arc<Mutex<Store>>);

impl Files {
    /// From now on the store is used through this alone.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Mutex::new(store)))
    }

    /// What `work` makes of the store.
    ///
    /// # Errors
    /// When it panics; [`ChangeError::Internal`].
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> T + Send + 'static,
    ) -> Result<T, ChangeError> {
        let store = Arc::clone(&self.0);
        // A panic leaves a store that takes over a change only when it is saved: go on with it.
        let work = move || work(&mut store.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(work).await.map_err(|error| ChangeError::Internal(Trouble::internal(&error)))
    }

    async fn change(
        &self,
        change: impl FnOnce(&mut Store) -> Result<Profile, StoreError> + Send + 'static,
    ) -> Result<(Profile, Vec<Profile>), ChangeError> {
        Ok(self.with(move |store| change(store).map(|profile| (profile, store.profiles().to_vec()))).await??)
    }
}

impl Change {
    /// Makes it.
    ///
    /// # Errors
    /// See [`ChangeError`]. Then nothing has changed.
    pub async fn make(self, files: &Files, vault: &Vault) -> Result<Stored, ChangeError> {
        match self {
            Self::Put { before, written, secrets } => {
                put(before.map(|before| *before), *written, secrets, files, vault).await
            }
            Self::Remove { id } => remove(id, files, vault).await,
        }
    }
}

async fn put(
    before: Option<Profile>,
    mut written: Written,
    secrets: Vec<SecretChange>,
    files: &Files,
    vault: &Vault,
) -> Result<Stored, ChangeError> {
    let (old, new) = (before.clone(), written.clone());
    let preview = files.with(move |store| store.preview(old.as_ref(), new)).await??;
    let places = |profile: &Profile| (profile.url.origin(), profile.api_url.as_ref().map(Url::origin));
    if before.as_ref().is_some_and(|before| places(before) != places(&preview)) {
        vault.has_all_of(&preview.id)?;
    }
    let id = preview.id;
    // The id is in the secrets' names; a port that was left out is assigned when the file is written.
    written.id = id.to_string();

    let mut replaced = Replaced { id: &id, vault, secrets: Vec::new() };
    if let Err(error) = replaced.all(secrets).await {
        replaced.put_back().await;
        return Err(error);
    }
    let old = before.clone();
    let done = files.change(move |store| match &old {
        Some(before) => store.replace(before, written),
        None => store.add(written),
    });
    let (profile, profiles) = match done.await {
        Ok(done) => done,
        Err(error) => {
            replaced.put_back().await;
            return Err(error);
        }
    };
    if before.is_none() {
        vault.adds(&id);
        // What a dashboard of an earlier profile of the same id kept was another server's.
        let new = id.clone();
        if let Ok(Err(error)) = files.with(move |store| store.folders().delete_dashboard(&new)).await {
            tracing::warn!(profile = %id, %error, "what a dashboard of an earlier profile kept is still there");
        }
    }
    let secrets: Vec<Slot> = replaced.secrets.into_iter().map(|(slot, _)| slot).collect();
    let forgotten = match &before {
        Some(before) => vault.forget_unneeded(before, &profile).await,
        None => vault.forget_all_but(&secrets, &profile).await,
    };
    let vault_trouble = forgotten.err().map(|error| left_over(&profile, &error));
    Ok(Stored { id, profiles, secrets, vault_trouble })
}

async fn remove(id: ProfileId, files: &Files, vault: &Vault) -> Result<Stored, ChangeError> {
    vault.has_all_of(&id)?;
    let which = id.clone();
    let (profile, profiles) = files.change(move |store| store.remove(&which)).await?;
    let vault_trouble = vault.forget(&profile).await.err().map(|error| left_over(&profile, &error));
    let which = id.clone();
    if let Ok(Err(error)) = files.with(move |store| store.folders().delete_assets(&which)).await {
        tracing::warn!(profile = %id, %error, "files of the removed profile's UI are still in the cache");
    }
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
    secrets: Vec<(Slot, Before)>,
}

impl Replaced<'_> {
    async fn all(&mut self, changes: Vec<SecretChange>) -> Result<(), ChangeError> {
        for change in changes {
            let (slot, secret) = match change {
                SecretChange::Set(slot, secret) => (slot, secret),
                SecretChange::Copy(from, to) => {
                    let secret = self.vault.get(self.id, &from).await?;
                    (to, secret.ok_or(ChangeError::NothingToCopy(from))?)
                }
            };
            let before = self.vault.replace(self.id, &slot, secret).await?;
            self.secrets.push((slot, before));
        }
        Ok(())
    }

    async fn put_back(self) {
        for (slot, before) in self.secrets.into_iter().rev() {
            if let Err(error) = self.vault.put_back(self.id, &slot, before).await {
                tracing::warn!(profile = %self.id, %slot, %error, "a secret could not be put back after a failed save");
            }
        }
    }
}
