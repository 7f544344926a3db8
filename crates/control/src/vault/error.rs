//! What can go wrong with a vault: told apart, because each wants something else from a person.

use std::fmt;

use crate::profile::{ProfileId, Slot, Unfit};
use crate::view::Trouble;

/// Why the vault did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no keychain service at all.
    #[error("This machine has no keychain service that answers: {reason}.")]
    Absent {
        /// The system's words.
        reason: String,
    },
    /// Secrets are kept in memory, and what the keychain may hold cannot be removed.
    #[error("The keychain is not there, and may hold secrets for this server.")]
    OutOfReach,
    /// It waits for a person to unlock it.
    #[error("The keychain is locked and waits to be unlocked.")]
    Locked,
    /// It, or the person asked, said no.
    #[error("The keychain refused access: {reason}.")]
    Refused {
        /// The system's words.
        reason: String,
    },
    /// It tried and failed.
    #[error("The keychain failed: {reason}.")]
    Failed {
        /// The system's words.
        reason: String,
    },
    /// The environment cannot be written.
    #[error("With `--vault env`, secrets are only read from the environment.")]
    ReadOnly {
        /// The variable to set.
        variable: String,
    },
    /// The value could not be used; it was not saved.
    #[error("{}.", crate::text::capitalised(&.0.to_string()))]
    Unfit(#[from] Unfit),
    /// The value that is there could not be used.
    #[error("{place} has a value for {} that {}.", .unfit.slot, .unfit.problem)]
    Unusable {
        /// What is wrong with it.
        unfit: Unfit,
        /// Where it was read.
        place: Place,
    },
}

/// Where a value was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// What was saved for a profile.
    Saved {
        /// Whose.
        id: ProfileId,
    },
    /// A variable of the environment.
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Saved { .. } => f.write_str("The keychain"),
            Self::Variable(name) => write!(f, "The variable {name}"),
        }
    }
}

impl VaultError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Absent { .. } | Self::OutOfReach => "vault_absent",
            Self::Locked => "vault_locked",
            Self::Refused { .. } => "vault_refused",
            Self::Failed { .. } => "vault_failed",
            Self::ReadOnly { .. } => "vault_read_only",
            Self::Unfit(_) => "secret_unfit",
            Self::Unusable { .. } => "secret_unusable",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Absent { .. } if cfg!(target_os = "linux") => {
                "Install and start one (gnome-keyring, KWallet or KeePassXC with its Secret Service on); or keep secrets in \
                 memory for this session, in the manager; or, on a machine without a desktop, use `--vault env`."
                    .into()
            }
            Self::Absent { .. } => "Use `--vault env` on a machine without a keychain.".into(),
            Self::OutOfReach => {
                "Remove it, or move it to another address, when the keychain is back: what is in there must go first, and \
                 would be sent to the new address. Or add the other server as one of its own."
                    .into()
            }
            Self::Locked => "Unlock it: its window may be behind others. Then try again.".into(),
            Self::Refused { .. } => "Allow Postern to use it when the keychain asks, and try again.".into(),
            Self::Failed { .. } => {
                "Try again. If it stays so, restart the keychain service, or log out and in again.".into()
            }
            Self::ReadOnly { variable } => format!("Set the variable {variable} where Postern is started."),
            Self::Unfit(_) => "Copy the value again from where it was given to you; nothing was saved.".into(),
            Self::Unusable { place: Place::Variable(_), .. } => {
                "Copy the value again from where it was given to you, and start Postern with it.".into()
            }
            Self::Unusable { unfit: Unfit { slot: Slot::LocalKey, .. }, place: Place::Saved { id } } => {
                format!("Run `postern secret clear {id} local-key`; Postern then makes a new one.")
            }
            Self::Unusable { unfit, place: Place::Saved { id } } => {
                format!("Enter it again in the manager, or run `postern secret set {id} {}`.", unfit.slot)
            }
        }
    }

    /// The same, to be shown.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        Trouble { code: self.code().to_owned(), sentence: self.to_string(), remedy: self.remedy() }
    }
}
