//! The operating system's keychain, through the `keyring` crate.

use keyring::{Entry, Error};
use postern_gateway::Secret;
use zeroize::Zeroizing;

use super::split::Split;
use super::{Items, VaultError};

/// Debug builds keep to a namespace of their own.
const SERVICE: &str = if cfg!(debug_assertions) { "postern-dev" } else { "postern" };

/// Bytes that fit into one item, where the platform has a limit (`CRED_MAX_CREDENTIAL_BLOB_SIZE`).
const LIMIT: Option<usize> = if cfg!(windows) { Some(2_560) } else { None };

/// The keychain of the user who runs this process.
pub(super) fn keychain() -> Box<dyn Items> {
    Box::new(Split::new(Keychain::default(), LIMIT))
}

pub(super) use self::service::gone;

#[derive(Default)]
struct Keychain(service::Connection);

impl Keychain {
    /// What one call brings, made once more on a fresh connection where the one there was is no good any more; `None`
    /// where there is no such item.
    fn call<T>(&mut self, account: &str, call: impl Fn(&Entry) -> keyring::Result<T>) -> Result<Option<T>, VaultError> {
        let mut outcome = call(&self.0.entry(account)?);
        if let Err(Error::PlatformFailure(_)) = outcome
            && self.0.renew()
        {
            outcome = call(&self.0.entry(account)?);
        }
        match outcome {
            Ok(found) => Ok(Some(found)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(decode(error)),
        }
    }
}

impl Items for Keychain {
    fn get(&mut self, account: &str) -> Result<Option<Secret>, VaultError> {
        let Some(bytes) = self.call(account, Entry::get_secret)? else { return Ok(None) };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(VaultError::Failed { reason: format!("the item {account} is not text") })
            }
        }
    }

    fn set(&mut self, account: &str, secret: &Secret) -> Result<(), VaultError> {
        self.call(account, |entry| entry.set_secret(secret.expose().as_bytes())).map(drop)
    }

    fn delete(&mut self, account: &str) -> Result<bool, VaultError> {
        self.call(account, Entry::delete_credential).map(|deleted| deleted.is_some())
    }
}

/// The Secret Service is another program: it may start after this one, and it may be restarted, which ends the
/// session that secrets travel in.
#[cfg(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android"))))]
mod service {
    use std::sync::Arc;

    use futures_util::StreamExt as _;
    use keyring::Entry;
    use keyring_core::api::CredentialStoreApi as _;
    use zbus_secret_service_keyring_store::Store;

    use super::{SERVICE, VaultError, decode, words};

    /// Its own, not the one that `keyring` makes once in a process's life: who waits for a prompt keeps others from it.
    #[derive(Default)]
    pub(super) struct Connection(Option<Arc<Store>>);

    impl Connection {
        pub(super) fn entry(&mut self, account: &str) -> Result<Entry, VaultError> {
            let absent = |error| VaultError::Absent { reason: words(&error) };
            let store = match &mut self.0 {
                Some(store) => store,
                none => none.insert(Store::new().map_err(absent)?),
            };
            Ok(Entry { inner: store.build(SERVICE, account, None).map_err(decode)? })
        }

        /// Whether the next item is on a fresh connection.
        pub(super) fn renew(&mut self) -> bool {
            self.0.take().is_some()
        }
    }

    /// Ends when the service goes away. Where nobody tells, never.
    pub(in super::super) async fn gone() {
        if let Err(error) = leaves().await {
            tracing::debug!(%error, "nobody tells when the keychain goes away");
            std::future::pending::<()>().await;
        }
    }

    async fn leaves() -> zbus::Result<()> {
        let bus = zbus::Connection::session().await?;
        let names = zbus::fdo::DBusProxy::new(&bus).await?;
        let mut owners = names.receive_name_owner_changed_with_args(&[(0, "org.freedesktop.secrets")]).await?;
        while let Some(change) = owners.next().await {
            if change.args()?.old_owner.is_some() {
                return Ok(());
            }
        }
        Err(zbus::Error::InputOutput(Arc::new(std::io::ErrorKind::ConnectionAborted.into())))
    }
}

/// Elsewhere the keychain is the system itself.
#[cfg(not(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android")))))]
mod service {
    use keyring::Entry;

    use super::{SERVICE, VaultError, decode};

    #[derive(Default)]
    pub(super) struct Connection;

    impl Connection {
        pub(super) fn entry(&mut self, account: &str) -> Result<Entry, VaultError> {
            Entry::new(SERVICE, account).map_err(decode)
        }

        pub(super) fn renew(&mut self) -> bool {
            false
        }
    }

    pub(in super::super) async fn gone() {
        std::future::pending::<()>().await;
    }
}

/// `keyring`'s errors may carry the secret itself (`BadEncoding`, `BadDataFormat`): only the words are kept.
fn decode(error: Error) -> VaultError {
    match error {
        Error::NoDefaultStore => VaultError::Absent {
            reason: match Entry::store_status() {
                Err(cause) => words(cause),
                Ok(()) => words(&error),
            },
        },
        Error::NoStorageAccess(cause) => VaultError::Refused { reason: words(&*cause) },
        Error::PlatformFailure(cause) => VaultError::Failed { reason: words(&*cause) },
        Error::Ambiguous(_) => VaultError::Failed { reason: "it has several items of the same name".to_owned() },
        Error::BadEncoding(_) | Error::BadDataFormat(..) => {
            VaultError::Failed { reason: "the item cannot be read as text".to_owned() }
        }
        Error::NoEntry
        | Error::BadStoreFormat(_)
        | Error::TooLong(..)
        | Error::Invalid(..)
        | Error::NotSupportedByStore(_)
        | _ => VaultError::Failed { reason: words(&error) },
    }
}

/// The system's words, to stand within a sentence.
///
/// The outer errors say "platform failure" and the like, which the sentence says already.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    let text = text.trim_start_matches("SS error: ");
    // D-Bus begins with a name for programs.
    let text = match text.split_once(": ") {
        Some((name, said)) if name.starts_with("org.freedesktop.") => said,
        Some(_) | None => text,
    };
    text.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_keychain_is_told_apart_and_repeats_no_secret() {
        let cause = || Box::new(io::Error::other("SS error: prompt dismissed."));
        let canary = || b"canary".to_vec();
        let told: Vec<String> = [
            Error::NoStorageAccess(cause()),
            Error::PlatformFailure(cause()),
            Error::BadEncoding(canary()),
            Error::BadDataFormat(canary(), cause()),
            Error::Ambiguous(Vec::new()),
            Error::TooLong("secret".to_owned(), 2560),
        ]
        .into_iter()
        .map(decode)
        .map(|error| format!("{}: {error}", error.code()))
        .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        vault_refused: The keychain refused access: prompt dismissed.
        vault_failed: The keychain failed: prompt dismissed.
        vault_failed: The keychain failed: the item cannot be read as text.
        vault_failed: The keychain failed: the item cannot be read as text.
        vault_failed: The keychain failed: it has several items of the same name.
        vault_failed: The keychain failed: Value of 'secret' is longer than the platform limit of 2560 chars.
        ");
    }
}
