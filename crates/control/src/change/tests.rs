//! Changes to a real file and the vault in memory.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::controller::fixture::{id, written};
use crate::folders::Folders;

struct Place {
    _dir: TempDir,
    folders: Folders,
    files: Files,
    vault: Vault,
}

impl Place {
    /// With one profile, `prod`, which has an edge password and a header.
    async fn with_one() -> (Self, Profile) {
        let dir = TempDir::new().unwrap();
        let folders = Folders::at(dir.path()).unwrap();
        let files = Files::new(Store::load(folders.clone()));
        let place = Self { _dir: dir, folders, files, vault: Vault::memory() };
        let written = Written { headers: vec!["x-key".to_owned()], ..written("prod", 4201) };
        let stored = place.make(None, written, &[("edge-password", "old")]).await.unwrap();
        assert_eq!((stored.id, stored.secrets), (id("prod"), vec![Slot::EdgePassword]));
        let [profile] = stored.profiles.try_into().unwrap();
        (place, profile)
    }

    async fn make(
        &self,
        before: Option<&Profile>,
        written: Written,
        secrets: &[(&str, &str)],
    ) -> Result<Stored, ChangeError> {
        let secrets = secrets.iter().map(|(slot, value)| SecretChange::Set(slot.parse().unwrap(), Secret::new(*value)));
        let (before, secrets) = (before.cloned().map(Box::new), secrets.collect());
        Change::Put { before, written: Box::new(written), secrets }.make(&self.files, &self.vault).await
    }

    fn text(&self) -> String {
        fs::read_to_string(self.folders.profiles_file()).unwrap()
    }

    async fn secret(&self, slot: &Slot) -> Option<Secret> {
        self.vault.get(&id("prod"), slot).await.unwrap()
    }
}

fn header() -> Slot {
    "header-x-key".parse().unwrap()
}

fn moved(profile: &Profile) -> Written {
    Written { url: "https://new.example.com".to_owned(), ..Written::from(profile) }
}

#[tokio::test]
async fn a_secret_that_is_refused_takes_those_before_it_back_and_the_address_stays() {
    let (place, before) = Place::with_one().await;
    let text = place.text();
    let secrets = [("edge-password", "new"), ("header-x-key", "refused\n")];
    let refused = place.make(Some(&before), moved(&before), &secrets).await.unwrap_err();
    assert!(matches!(refused, ChangeError::Vault(VaultError::Unfit(_))), "{refused}");
    assert_eq!(place.text(), text);
    assert_eq!(place.secret(&Slot::EdgePassword).await, Some(Secret::new("old")));
}

#[tokio::test]
async fn what_an_absent_keychain_may_hold_goes_to_no_other_server() {
    let (mut place, old) = Place::with_one().await;
    // There is none here, or it is not asked.
    place.vault = Vault::os(Vault::DEADLINE);
    place.vault.keep_in_memory();
    let text = place.text();
    let out_of_reach = |error: ChangeError| matches!(error, ChangeError::Vault(VaultError::OutOfReach));
    assert!(out_of_reach(place.make(Some(&old), moved(&old), &[("edge-password", "new")]).await.unwrap_err()));
    let remove = |id| Change::Remove { id };
    assert!(out_of_reach(remove(id("prod")).make(&place.files, &place.vault).await.unwrap_err()));
    assert_eq!(place.text(), text);
    // Its name and its secrets may change; and what was added since may do all.
    let named = Written { name: "Other".to_owned(), ..Written::from(&old) };
    place.make(Some(&old), named, &[("edge-password", "new")]).await.unwrap();
    let added = place.make(None, written("next", 4202), &[("edge-password", "its own")]).await.unwrap();
    let next = added.profiles.iter().find(|profile| profile.id == id("next")).unwrap();
    place.make(Some(next), moved(next), &[]).await.unwrap();
    remove(id("next")).make(&place.files, &place.vault).await.unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_be_written_leaves_the_vault_as_it_was() {
    let (place, before) = Place::with_one().await;
    let lock = place.folders.profiles_file().with_extension("lock");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let secrets = [("edge-password", "new"), ("header-x-key", "new")];
    let refused = place.make(Some(&before), moved(&before), &secrets).await.unwrap_err();
    assert!(matches!(refused, ChangeError::Store(StoreError::File(_))), "{refused}");
    assert_eq!(place.secret(&Slot::EdgePassword).await, Some(Secret::new("old")));
    assert_eq!(place.secret(&header()).await, None);
}

#[tokio::test]
async fn what_is_wrong_with_the_profile_is_found_before_a_secret_is_touched() {
    let (place, before) = Place::with_one().await;
    let stale = Profile { name: "stale".to_owned(), ..before.clone() };
    let taken = Written { id: String::new(), ..Written::from(&before) };
    for (before, written) in [
        (Some(&before), Written { url: "nonsense".to_owned(), ..moved(&before) }),
        (Some(&stale), moved(&stale)),
        (None, taken),
    ] {
        // It would be refused, had it come so far.
        let refused = place.make(before, written, &[("edge-password", "")]).await.unwrap_err();
        assert!(matches!(refused, ChangeError::Store(_)), "{refused}");
    }
}

#[tokio::test]
async fn a_new_profile_gets_an_id_its_secrets_and_nothing_that_an_earlier_one_left() {
    let (place, _) = Place::with_one().await;
    for name in ["prod", "prod-2"] {
        fs::create_dir_all(place.folders.dashboard(&id(name)).join("cookies")).unwrap();
    }
    let new = Written { id: String::new(), name: "Prod".to_owned(), port: None, ..written("x", 4202) };
    let stored = place.make(None, new, &[("edge-password", "new")]).await.unwrap();
    assert_eq!(stored.id, id("prod-2"));
    assert!(place.folders.dashboard(&id("prod")).exists() && !place.folders.dashboard(&stored.id).exists());
    assert_eq!(place.vault.get(&stored.id, &Slot::EdgePassword).await, Ok(Some(Secret::new("new"))));
    assert_eq!(place.secret(&Slot::EdgePassword).await, Some(Secret::new("old")));
}

#[tokio::test]
async fn a_removed_profile_leaves_no_assets_and_takes_nobody_elses() {
    let (place, profile) = Place::with_one().await;
    for name in ["prod", "prod-2"] {
        fs::create_dir_all(place.folders.assets(&id(name))).unwrap();
        fs::write(place.folders.assets(&id(name)).join("asset"), "content").unwrap();
    }
    Change::Remove { id: profile.id }.make(&place.files, &place.vault).await.unwrap();
    assert!(!place.folders.assets(&id("prod")).exists());
    assert!(place.folders.assets(&id("prod-2")).join("asset").exists());
}
