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
    Box::new(Split::new(Keychain, LIMIT))
}

struct Keychain;

impl Keychain {
    /// Makes one call, and once more on a fresh connection where there is none or it is no good any more.
    fn call<T>(account: &str, call: impl Fn(&Entry) -> keyring::Result<T>) -> keyring::Result<T> {
        match Entry::new(SERVICE, account).and_then(|entry| call(&entry)) {
            Err(error @ (Error::NoDefaultStore | Error::PlatformFailure(_))) => match service::reconnected(account) {
                Some(entry) => call(&entry),
                None => Err(error),
            },
            outcome => outcome,
        }
    }
}

impl Items for Keychain {
    fn get(&mut self, account: &str) -> Result<Option<Secret>, VaultError> {
        match Self::call(account, Entry::get_secret) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(Secret::new(text))),
                Err(error) => {
                    drop(Zeroizing::new(error.into_bytes()));
                    Err(VaultError::Failed { reason: format!("the item {account} is not text") })
                }
            },
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(decode(error)),
        }
    }

    fn set(&mut self, account: &str, secret: &Secret) -> Result<(), VaultError> {
        Self::call(account, |entry| entry.set_secret(secret.expose().as_bytes())).map_err(decode)
    }

    fn delete(&mut self, account: &str) -> Result<bool, VaultError> {
        match Self::call(account, Entry::delete_credential) {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(decode(error)),
        }
    }
}

/// The Secret Service is another program: it may start after this one, and it may be restarted, which ends the
/// session that secrets travel in. `keyring` connects once in a process's life.
#[cfg(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android"))))]
mod service {
    use keyring::Entry;

    use super::SERVICE;

    /// The item, on a connection made now; `None` where there is still no service.
    pub(super) fn reconnected(account: &str) -> Option<Entry> {
        keyring_core::set_default_store(zbus_secret_service_keyring_store::Store::new().ok()?);
        Some(Entry { inner: keyring_core::Entry::new(SERVICE, account).ok()? })
    }
}

/// Elsewhere the keychain is the system itself.
#[cfg(not(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android")))))]
mod service {
    use keyring::Entry;

    pub(super) fn reconnected(_: &str) -> Option<Entry> {
        None
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
