//! Where Postern keeps its files.

use std::io;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;

use crate::profile::ProfileId;

/// The four folders: configuration (profiles.toml and the certificates it names), data, cache, and state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    config: PathBuf,
    data: PathBuf,
    cache: PathBuf,
    state: PathBuf,
}

impl Folders {
    /// Where the platform keeps such things; `None` for a user without a home.
    #[must_use]
    pub fn system() -> Option<Self> {
        let project = ProjectDirs::from("", "", "Postern")?;
        Some(Self {
            config: project.config_dir().to_owned(),
            data: project.data_local_dir().to_owned(),
            cache: project.cache_dir().to_owned(),
            state: project.state_dir().unwrap_or(project.data_local_dir()).to_owned(),
        })
    }

    /// All below one folder, given with `--config-dir`.
    ///
    /// # Errors
    /// When the current folder is needed to tell where `dir` is, and cannot be told.
    pub fn at(dir: &Path) -> io::Result<Self> {
        let config = std::path::absolute(dir)?;
        Ok(Self { data: config.join("data"), cache: config.join("cache"), state: config.join("state"), config })
    }

    /// Where profiles.toml is; relative paths in it start here.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// What is kept between runs and is no configuration.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// `profiles.toml`
    #[must_use]
    pub fn profiles_file(&self) -> PathBuf {
        self.config.join("profiles.toml")
    }

    /// `settings.toml`
    #[must_use]
    pub fn settings_file(&self) -> PathBuf {
        self.config.join("settings.toml")
    }

    /// Where the desktop program writes its log: see [`crate::log`].
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    /// There while the desktop program runs: see [`crate::crash`].
    #[must_use]
    pub fn running_file(&self) -> PathBuf {
        self.state.join("running.toml")
    }

    /// Cookies and storage of one profile's dashboard. The prefix keeps ids like `con` off names that Windows
    /// reserves.
    #[must_use]
    pub fn dashboard(&self, id: &ProfileId) -> PathBuf {
        self.data.join("dashboards").join(format!("profile-{id}"))
    }

    /// Deletes [`Self::dashboard`] and all in it.
    ///
    /// # Errors
    /// The system's. That there is nothing is none.
    pub fn delete_dashboard(&self, id: &ProfileId) -> io::Result<()> {
        delete(&self.dashboard(id))
    }

    /// The UI's files that one profile's gateway has fetched before.
    #[must_use]
    pub fn assets(&self, id: &ProfileId) -> PathBuf {
        self.cache.join("assets").join(format!("profile-{id}"))
    }

    /// Deletes [`Self::assets`] and all in it.
    ///
    /// # Errors
    /// The system's. That there is nothing is none.
    pub fn delete_assets(&self, id: &ProfileId) -> io::Result<()> {
        delete(&self.assets(id))
    }
}

fn delete(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
