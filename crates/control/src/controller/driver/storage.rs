//! Changes to profiles.toml and the vault, and what others do to the file; and the settings.
//!
//! One task does it all in order, so that the controller hears of the file's states in the order they had.

mod folder;

use tokio::sync::mpsc;

use self::folder::Folder;
use super::Outcomes;
use crate::change::{Change, ChangeError, Files};
use crate::controller::Event;
use crate::folders::Folders;
use crate::settings::{Setting, Settings};
use crate::store::Store;
use crate::vault::Vault;
use crate::view::{SaveErrors, Trouble};

/// What the controller is to know of the file.
pub(super) fn loaded(store: &Store) -> Event {
    Event::Loaded(store.trouble().map_or_else(|| Ok(store.profiles().to_vec()), |trouble| Err(trouble.clone())))
}

/// Writes settings in the order they were made, until nobody makes any more.
pub(super) async fn settle(folders: Folders, mut wanted: mpsc::UnboundedReceiver<Setting>, outcomes: Outcomes) {
    while let Some(setting) = wanted.recv().await {
        let folders = folders.clone();
        let written = tokio::task::spawn_blocking(move || Settings::save(&folders, setting)).await;
        outcomes.send(Event::Settled(written.unwrap_or_else(|error| Err(Trouble::internal(&error))))).await;
    }
}

/// Carries out changes and watches the file, until nobody wants changes any more.
pub(super) async fn keep(store: Store, vault: Vault, mut changes: mpsc::UnboundedReceiver<Change>, outcomes: Outcomes) {
    // The command line or an editor may do something to the file.
    let mut folder = Folder::new(store.folders().config().to_owned());
    let files = Files::new(store);
    loop {
        tokio::select! {
            change = changes.recv() => {
                let Some(change) = change else { return };
                let (shared, vault) = (files.clone(), vault.clone());
                let done = tokio::spawn(async move { change.make(&shared, &vault).await }).await;
                let done = done.unwrap_or_else(|error| Err(ChangeError::Internal(Trouble::internal(&error))));
                // It may have failed over what somebody else did to the file, which has been read by now.
                if done.is_err() && let Ok(event) = files.with(|store| loaded(store)).await {
                    outcomes.send(event).await;
                }
                outcomes.send(Event::Stored(done.map_err(SaveErrors::from))).await;
            }
            () = folder.changed() => {
                if let Ok(Some(event)) = files.with(|store| store.reload().then(|| loaded(store))).await {
                    outcomes.send(event).await;
                }
            }
        }
    }
}
