//! The operating system's keychain, through the `keyring` crate.

use keyring::{Entry, Error};
use postern_gateway::Secret;

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
    fn entry(account: &str) -> Result<Entry, VaultError> {
        Entry::new(SERVICE, account).map_err(decode)
    }
}

impl Items for Keychain {
    fn get(&mut self, account: &str) -> Result<Option<Secret>, VaultError> {
        match Self::entry(account)?.get_secret() {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(Secret::new(text))),
                Err(error) => {
                    drop(zeroize::Zeroizing::new(error.into_bytes()));
                    Err(VaultError::Failed { reason: format!("the item {account} is not text") })
                }
            },
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(decode(error)),
        }
    }

    fn set(&mut self, account: &str, secret: &Secret) -> Result<(), VaultError> {
        Self::entry(account)?.set_secret(secret.expose().as_bytes()).map_err(decode)
    }

    fn delete(&mut self, account: &str) -> Result<bool, VaultError> {
        match Self::entry(account)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(decode(error)),
        }
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
fn words(error: &(impl std::fmt::Display + ?Sized)) -> String {
    error.to_string().trim_end_matches('.').to_owned()
}
