//! What holds for every vault, shown with the one in memory.

use std::future::pending;

use super::*;
use crate::profile::{Unfit, Written, WrittenEdge};

fn profile() -> Profile {
    let written = Written {
        id: "prod-eu".to_owned(),
        url: "https://prefect.example.com".to_owned(),
        port: Some(4201),
        edge: Some(WrittenEdge::basic("alice")),
        prefect_username: Some("admin".to_owned()),
        headers: vec!["X-Key".to_owned()],
        ..Written::default()
    };
    written.check().unwrap()
}

async fn filled(vault: &Vault, profile: &Profile) -> String {
    let filled = vault.filled(profile).await.unwrap();
    filled.iter().map(|(slot, there)| format!("{slot}={there}")).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_secret_is_there_from_its_saving_to_its_clearing() {
    let (vault, profile) = (Vault::memory(), profile());
    assert_eq!(vault.get(&profile.id, &Slot::EdgePassword).await, Ok(None));
    vault.set(&profile.id, &Slot::EdgePassword, Secret::new("one")).await.unwrap();
    vault.set(&profile.id, &Slot::EdgePassword, Secret::new("two")).await.unwrap();
    assert_eq!(vault.get(&profile.id, &Slot::EdgePassword).await, Ok(Some(Secret::new("two"))));
    assert_eq!(filled(&vault, &profile).await, "edge-password=true prefect-password=false header-x-key=false");
    assert_eq!(vault.clear(&profile.id, &Slot::EdgePassword).await, Ok(true));
    assert_eq!(vault.clear(&profile.id, &Slot::EdgePassword).await, Ok(false));
}

#[tokio::test]
async fn a_header_value_with_a_line_break_is_refused_and_the_old_one_stays() {
    let (vault, profile) = (Vault::memory(), profile());
    let slot = Slot::Header("x-key".parse().unwrap());
    vault.set(&profile.id, &slot, Secret::new("old")).await.unwrap();
    let refused = vault.set(&profile.id, &slot, Secret::new("canary\r\nEvil: 1")).await.unwrap_err();
    assert!(matches!(&refused, VaultError::Unfit(Unfit { .. })));
    insta::assert_snapshot!(format!("{refused} {}", refused.remedy()), @"The value for header-x-key has a line break in it. Copy the value again from where it was given to you; nothing was saved.");
    assert_eq!(vault.get(&profile.id, &slot).await, Ok(Some(Secret::new("old"))));
}

#[tokio::test]
async fn the_local_key_is_made_once_and_goes_with_its_profile() {
    let (vault, profile) = (Vault::memory(), profile());
    let key = vault.local_key(&profile.id, Path::new("unused")).await.unwrap();
    assert_eq!(vault.clone().local_key(&profile.id, Path::new("unused")).await, Ok(key.clone()));
    vault.forget(&profile).await.unwrap();
    assert_ne!(vault.local_key(&profile.id, Path::new("unused")).await, Ok(key));
}

#[tokio::test]
async fn what_an_edited_profile_no_longer_needs_is_removed() {
    let (vault, before) = (Vault::memory(), profile());
    for slot in before.slots() {
        vault.set(&before.id, &slot, Secret::new("x")).await.unwrap();
    }
    let key = vault.local_key(&before.id, Path::new("unused")).await.unwrap();
    let after = Profile { edge: None, headers: Vec::new(), ..before.clone() };
    vault.forget_unneeded(&before, &after).await.unwrap();
    assert_eq!(filled(&vault, &before).await, "edge-password=false prefect-password=true header-x-key=false");
    assert_eq!(vault.local_key(&before.id, Path::new("unused")).await, Ok(key));
}

#[tokio::test]
async fn the_environment_is_only_read() {
    let (vault, profile) = (Vault::open(Kind::Env), profile());
    let refused = vault.set(&profile.id, &Slot::EdgePassword, Secret::new("x")).await.unwrap_err();
    insta::assert_snapshot!(format!("{refused} {}", refused.remedy()), @"With `--vault env`, secrets are only read from the environment. Set the variable POSTERN_SECRET_PROD_EU_EDGE_PASSWORD where Postern is started.");
    assert_eq!(
        variable(&profile.id, &Slot::Header("x-api.key".parse().unwrap())),
        "POSTERN_SECRET_PROD_EU_HEADER_X_API_KEY"
    );
    let key = vault.local_key(&profile.id, Path::new("unused")).await.unwrap();
    assert_eq!(vault.local_key(&profile.id, Path::new("unused")).await, Ok(key), "for this process's life");
    vault.forget(&profile).await.unwrap();
}

#[tokio::test]
async fn a_value_that_somebody_else_put_there_is_checked_too_and_can_be_saved_over() {
    let (vault, profile) = (Vault::memory(), profile());
    for (slot, value) in [(Slot::EdgePassword, "canary\n"), (Slot::LocalKey, "")] {
        let Backend::Memory(memory) = vault.backend() else { panic!("another vault") };
        lock(memory).set(&account(&profile.id, &slot), &Secret::new(value)).unwrap();
    }
    let refused = vault.get(&profile.id, &Slot::EdgePassword).await.unwrap_err();
    insta::assert_snapshot!(format!("{refused} {}", refused.remedy()), @"The keychain has a value for edge-password that has a line break in it. Enter it again in the manager, or run `postern secret set prod-eu edge-password`.");
    assert_eq!(filled(&vault, &profile).await, "edge-password=false prefect-password=false header-x-key=false");
    let refused = vault.local_key(&profile.id, Path::new("unused")).await.unwrap_err();
    insta::assert_snapshot!(format!("{refused} {}", refused.remedy()), @"The keychain has a value for local-key that is empty. Run `postern secret clear prod-eu local-key`; Postern then makes a new one.");
    vault.set(&profile.id, &Slot::EdgePassword, Secret::new("new")).await.unwrap();
    vault.clear(&profile.id, &Slot::LocalKey).await.unwrap();
    assert_eq!(vault.get(&profile.id, &Slot::EdgePassword).await, Ok(Some(Secret::new("new"))));
    vault.local_key(&profile.id, Path::new("unused")).await.unwrap();
}

/// What two processes see: items that are shared, and say when they were looked at.
struct Shared(tokio::sync::mpsc::UnboundedSender<()>);

static SHARED: Mutex<Option<Memory>> = Mutex::new(None);
static LOOKED: Mutex<Option<tokio::sync::mpsc::UnboundedSender<()>>> = Mutex::new(None);

impl Items for Shared {
    fn get(&mut self, account: &str) -> Result<Option<Secret>, VaultError> {
        let found = lock(&SHARED).get_or_insert_default().get(account);
        self.0.send(()).unwrap();
        found
    }
    fn set(&mut self, account: &str, secret: &Secret) -> Result<(), VaultError> {
        lock(&SHARED).get_or_insert_default().set(account, secret)
    }
    fn delete(&mut self, account: &str) -> Result<bool, VaultError> {
        lock(&SHARED).get_or_insert_default().delete(account)
    }
}

#[tokio::test]
async fn a_local_key_that_another_process_makes_meanwhile_is_the_key() {
    let config = tempfile::tempdir().unwrap();
    let (looked, mut looks) = tokio::sync::mpsc::unbounded_channel();
    *lock(&LOOKED) = Some(looked);
    let open: fn() -> Box<dyn Items> = || Box::new(Shared(lock(&LOOKED).clone().unwrap()));
    let vault = Vault::from(Backend::Os(Worker::new(open, || Box::pin(pending()), Vault::DEADLINE)));

    let other = key_lock(&config.path().join("keys.lock")).unwrap();
    let (id, folder) = (profile().id, config.path().to_owned());
    let key = tokio::spawn(async move { vault.local_key(&id, &folder).await });
    looks.recv().await.unwrap();
    let theirs = Secret::new("made by the other");
    Shared(lock(&LOOKED).clone().unwrap()).set(&account(&profile().id, &Slot::LocalKey), &theirs).unwrap();
    drop(other);
    assert_eq!(key.await.unwrap(), Ok(theirs));
}

#[tokio::test]
async fn memory_takes_a_keychains_place_for_every_handle_and_takes_none_from_others() {
    struct Nobody;
    impl Items for Nobody {
        fn get(&mut self, _: &str) -> Result<Option<Secret>, VaultError> {
            Err(VaultError::Absent { reason: "on purpose".to_owned() })
        }
        fn set(&mut self, account: &str, _: &Secret) -> Result<(), VaultError> {
            self.get(account).map(drop)
        }
        fn delete(&mut self, account: &str) -> Result<bool, VaultError> {
            self.get(account).map(|_| false)
        }
    }
    let vault = Vault::from(Backend::Os(Worker::new(|| Box::new(Nobody), || Box::pin(pending()), Vault::DEADLINE)));
    let (other, id, slot) = (vault.clone(), profile().id, Slot::EdgePassword);
    assert!(matches!(vault.answers().await, Err(VaultError::Absent { .. })));
    vault.keep_in_memory();
    assert_eq!((other.answers().await, other.kind()), (Ok(()), Kind::Memory));
    vault.set(&id, &slot, Secret::new("s3cret")).await.unwrap();
    vault.keep_in_memory();
    assert_eq!(other.get(&id, &slot).await, Ok(Some(Secret::new("s3cret"))));

    let env = Vault::env(Variables::default());
    env.keep_in_memory();
    assert_eq!(env.kind(), Kind::Env);
}
