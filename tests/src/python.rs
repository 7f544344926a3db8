//! Python environments with exact packages, from locked lists with hashes.
//!
//! `cargo xtask setup` builds them under `target/tools`; here they are only looked up. The list each was built
//! from lies in it as `requirements.lock`: one built from another list counts as missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::process::command;
use crate::scratch::workspace;

/// The Prefect that tests run against, as named in `tests/requirements` and `target/tools`.
pub const PREFECT: &str = "prefect-3.8.8";

/// A finished environment.
#[derive(Clone, Debug)]
pub struct Venv(PathBuf);

impl Venv {
    /// A program of the environment, as a [`command`].
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        command(self.0.join("bin").join(program))
    }
}

/// Looks up the environment built for `name` (such as [`PREFECT`]).
///
/// # Errors
/// When it is missing or was built from another list.
pub fn venv(name: &str) -> anyhow::Result<Venv> {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements").join(format!("{name}.txt"));
    let list = fs::read(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let root = workspace().join("target/tools").join(name);
    if fs::read(root.join("requirements.lock")).ok() != Some(list) {
        bail!("{} is missing or outdated: run `cargo xtask setup`", root.display());
    }
    Ok(Venv(root))
}
