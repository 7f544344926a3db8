//! What can go wrong with profiles.toml.

use std::io;
use std::path::Path;

use crate::profile::file::FileRemark;
use crate::profile::{ProfileId, Remark};
use crate::view::Trouble;

/// Why a change was not made. Nothing has changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// The profile is not valid, or clashes with another.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))]
    Invalid(Vec<Remark>),
    /// No profile has this id.
    #[error("No profile has the id {0}.")]
    NoSuchProfile(String),
    /// Another program changed the profile since it was read.
    #[error("Another program changed the profile {0} meanwhile.")]
    ChangedMeanwhile(ProfileId),
    /// The file cannot be used or written.
    #[error("{}", .0.sentence)]
    File(Trouble),
}

impl StoreError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Invalid(_) => "profile_invalid",
            Self::NoSuchProfile(_) => "no_such_profile",
            Self::ChangedMeanwhile(_) => "profile_changed_meanwhile",
            Self::File(trouble) => &trouble.code,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &str {
        match self {
            Self::Invalid(_) => "Correct this and save again; nothing has changed.",
            Self::NoSuchProfile(_) => "`postern list` shows the profiles there are.",
            Self::ChangedMeanwhile(_) => "Look at it as it is now, and make your change again.",
            Self::File(trouble) => &trouble.remedy,
        }
    }

    /// The same, to be shown.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        Trouble { code: self.code().to_owned(), sentence: self.to_string(), remedy: self.remedy().to_owned() }
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        Self::File(trouble)
    }
}

/// The file's text is not what it must be.
pub(super) fn invalid_file(path: &Path, remarks: &[FileRemark]) -> Trouble {
    let lines: Vec<String> = remarks.iter().map(|remark| format!("{}:{remark}", path.display())).collect();
    Trouble {
        code: "profiles_invalid".to_owned(),
        sentence: lines.join("\n"),
        remedy: "Correct the file; until then Postern runs without it and does not write to it.".to_owned(),
    }
}

/// There were profiles in the file, and nothing is there any more.
pub(super) fn vanished(path: &Path) -> Trouble {
    Trouble {
        code: "profiles_vanished".to_owned(),
        sentence: format!("{} is gone or empty; Postern keeps the servers it had read from it.", path.display()),
        remedy: "Put the file back. If there are to be no servers any more, write `version = 1` into it.".to_owned(),
    }
}

/// The file is written in a way that the change cannot be made to.
pub(super) fn not_editable(path: &Path) -> Trouble {
    Trouble {
        code: "profiles_not_saved".to_owned(),
        sentence: format!(
            "{} is written in a way that this change cannot be made to; nothing was saved.",
            path.display()
        ),
        remedy: "Write each profile as a [[profile]] table, as in the documentation, or make the change by hand."
            .to_owned(),
    }
}

/// The file, or what is there in its place, is not safe to use.
pub(super) fn unsafe_file(path: &Path, what: &str, remedy: String) -> Trouble {
    Trouble {
        code: "profiles_unsafe".to_owned(),
        sentence: format!("{} {what}; Postern does not use it.", path.display()),
        remedy,
    }
}

/// The system refused to read.
pub(super) fn unreadable(path: &Path, source: &io::Error) -> Trouble {
    Trouble {
        code: "profiles_unreadable".to_owned(),
        sentence: format!("{} cannot be read: {source}.", path.display()),
        remedy: "Make the file readable; until then Postern runs without it and does not write to it.".to_owned(),
    }
}

/// The system refused to write.
pub(super) fn unwritable(path: &Path, source: &io::Error) -> Trouble {
    Trouble {
        code: "profiles_not_saved".to_owned(),
        sentence: format!("{} cannot be written: {source}. Nothing has changed.", path.display()),
        remedy: "Make sure that the folder can be written and the disk is not full, and try again.".to_owned(),
    }
}

/// Another process holds the lock.
pub(super) fn busy(path: &Path) -> Trouble {
    Trouble {
        code: "profiles_busy".to_owned(),
        sentence: format!("Another program is changing {} and does not finish.", path.display()),
        remedy: "Try again; if it stays so, end the other Postern.".to_owned(),
    }
}
