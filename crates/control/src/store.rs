//! profiles.toml on disk, and its profiles in memory.
//!
//! - A change is made to a copy, saved, and only then taken over. What cannot be saved has not happened.
//! - A file that cannot be read is never written: [`Store::trouble`] says why, and every change is refused.
//! - Nor is one that has vanished or become empty since profiles were read from it: an editor empties before it
//!   writes, a checkout removes before it puts back. A file that shall have no profiles says `version = 1`.
//! - The app and the command line run side by side. A change holds a lock, reads the file again, and is made to
//!   what is there *now*; a profile that somebody else changed meanwhile is not overwritten.
//! - Comments, order and formatting stay as they are, except in what a change is about.
//!
//! Calls block (disk, and for a moment another process's lock): not for an async thread.

pub(crate) mod disk;
mod error;
mod port;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::time::Duration;

pub use self::error::StoreError;
use crate::folders::Folders;
use crate::lock::Lock;
use crate::profile::file::{self, FileRemark};
use crate::profile::{Profile, ProfileId, Remark, Written};
use crate::view::Trouble;

/// The profiles, as last read or saved.
#[derive(Debug)]
pub struct Store {
    folders: Folders,
    content: Content,
    trouble: Option<Trouble>,
}

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq)]
struct Content {
    text: String,
    profiles: Vec<Profile>,
    warnings: Vec<FileRemark>,
}

impl Store {
    /// Reads profiles.toml. No file is no profiles; a bad one is a [`Store::trouble`].
    #[must_use]
    pub fn load(folders: Folders) -> Self {
        let mut store = Self { folders, content: Content::default(), trouble: None };
        store.reload();
        store
    }

    /// Reads it again, as another process may have changed it; whether anything is different.
    ///
    /// When it cannot be read any more, or is gone, the profiles in memory stay and the trouble is told.
    pub fn reload(&mut self) -> bool {
        let path = self.folders.profiles_file();
        let (content, trouble) = match read(&path) {
            Ok(content) if content.text.trim().is_empty() && !self.content.profiles.is_empty() => {
                (self.content.clone(), Some(error::vanished(&path)))
            }
            Ok(content) => (content, None),
            Err(trouble) => (self.content.clone(), Some(trouble)),
        };
        let different = content != self.content || trouble != self.trouble;
        self.content = content;
        self.trouble = trouble;
        different
    }

    /// Where the files are.
    #[must_use]
    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// In the file's order.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.content.profiles
    }

    /// What is allowed but should be seen.
    #[must_use]
    pub fn warnings(&self) -> &[FileRemark] {
        &self.content.warnings
    }

    /// Why the file cannot be used.
    #[must_use]
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// What [`Store::add`], or with `before` [`Store::replace`], makes of it as the file is now. Nothing is saved.
    ///
    /// # Errors
    /// As those.
    pub fn preview(&mut self, before: Option<&Profile>, written: Written) -> Result<Profile, StoreError> {
        self.reload();
        let (profile, _) = match before {
            Some(before) => self.changed(|profiles| replace(profiles, before, written))?,
            None => self.changed(|profiles| add(profiles, written))?,
        };
        Ok(profile)
    }

    /// Adds a profile, making what was left out: an id from its name, and the lowest free port.
    ///
    /// # Errors
    /// See [`StoreError`]. Then nothing has changed.
    pub fn add(&mut self, written: Written) -> Result<Profile, StoreError> {
        self.change(|profiles| add(profiles, written))
    }

    /// Puts `written` in the place of `before`, which keeps its id, and its port where none is given.
    ///
    /// # Errors
    /// See [`StoreError`]; [`StoreError::ChangedMeanwhile`] when the profile is not as `before` any more. Then
    /// nothing has changed.
    pub fn replace(&mut self, before: &Profile, written: Written) -> Result<Profile, StoreError> {
        self.change(|profiles| replace(profiles, before, written))
    }

    /// Removes a profile; its secrets are the vault's ([`crate::vault::Vault::forget`]).
    ///
    /// # Errors
    /// See [`StoreError`]. Then nothing has changed.
    pub fn remove(&mut self, id: &ProfileId) -> Result<Profile, StoreError> {
        self.change(|profiles| {
            let index = profiles
                .iter()
                .position(|profile| profile.id == *id)
                .ok_or_else(|| StoreError::NoSuchProfile(id.to_string()))?;
            Ok(profiles.remove(index))
        })
    }

    /// Clone, change, compare, save, *then* swap.
    fn change<T>(&mut self, change: impl FnOnce(&mut Vec<Profile>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let path = self.folders.profiles_file();
        let _lock = lock(&path)?;
        if self.reload() {
            tracing::info!("profiles.toml was changed by another program");
        }
        let (outcome, profiles) = self.changed(change)?;
        if profiles != self.content.profiles {
            let text = file::edit(&self.content.text, &self.content.profiles, &profiles);
            self.content = save(&path, text, &profiles)?;
        }
        Ok(outcome)
    }

    /// What the change makes of the profiles there are.
    fn changed<T>(
        &self,
        change: impl FnOnce(&mut Vec<Profile>) -> Result<T, StoreError>,
    ) -> Result<(T, Vec<Profile>), StoreError> {
        if let Some(trouble) = &self.trouble {
            return Err(StoreError::File(trouble.clone()));
        }
        let mut profiles = self.content.profiles.clone();
        let outcome = change(&mut profiles)?;
        let clashes = clashes(&profiles);
        if clashes.is_empty() { Ok((outcome, profiles)) } else { Err(StoreError::Invalid(clashes)) }
    }
}

fn add(profiles: &mut Vec<Profile>, mut written: Written) -> Result<Profile, StoreError> {
    if written.id.is_empty() {
        let name = if written.name.trim().is_empty() { host(&written.url) } else { written.name.clone() };
        let taken: Vec<ProfileId> = profiles.iter().map(|profile| profile.id.clone()).collect();
        written.id = ProfileId::from_name(&name, &taken).to_string();
    }
    if written.port.is_none() {
        written.port = port::free(profiles).map(i64::from);
    }
    let profile = written.check().map_err(StoreError::Invalid)?;
    profiles.push(profile.clone());
    Ok(profile)
}

fn replace(profiles: &mut [Profile], before: &Profile, mut written: Written) -> Result<Profile, StoreError> {
    let place = profiles
        .iter_mut()
        .find(|profile| profile.id == before.id)
        .ok_or_else(|| StoreError::NoSuchProfile(before.id.to_string()))?;
    if place != before {
        return Err(StoreError::ChangedMeanwhile(before.id.clone()));
    }
    written.id = before.id.to_string();
    written.port = written.port.or(Some(before.port.into()));
    *place = written.check().map_err(StoreError::Invalid)?;
    Ok(place.clone())
}

/// One change at a time. A file of its own: profiles.toml is replaced while the lock is held.
fn lock(path: &Path) -> Result<Lock, Trouble> {
    const PATIENCE: Duration = Duration::from_secs(5);
    Lock::take(&path.with_extension("lock"), PATIENCE).map_err(|error| {
        if error.kind() == io::ErrorKind::WouldBlock { error::busy(path) } else { error::unwritable(path, &error) }
    })
}

/// What two profiles may not share. The remarks are about the later one.
fn clashes(profiles: &[Profile]) -> Vec<Remark> {
    let written: Vec<Written> = profiles.iter().map(Written::from).collect();
    file::clashes(written.iter()).into_iter().map(|(_, remark)| remark).collect()
}

/// For a name, where none was given.
fn host(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

fn read(path: &Path) -> Result<Content, Trouble> {
    let Some(text) = disk::read(path)? else { return Ok(Content::default()) };
    match file::parse(&text) {
        Ok((profiles, warnings)) => Ok(Content { text, profiles, warnings }),
        Err(remarks) => Err(error::invalid_file(path, &remarks)),
    }
}

/// Writes the text, once it is sure that it says what is meant.
fn save(path: &Path, text: String, profiles: &[Profile]) -> Result<Content, StoreError> {
    match file::parse(&text) {
        Ok((read_back, warnings)) if read_back == profiles => {
            disk::write(path, &text)?;
            Ok(Content { text, profiles: read_back, warnings })
        }
        Ok(_) | Err(_) => Err(StoreError::File(error::not_editable(path))),
    }
}
