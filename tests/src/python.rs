//! Python environments with an exact Prefect, from a locked list with hashes.
//!
//! `cargo xtask setup` builds them once under `target/tools` with [`ensure_venv`]; tests only look them
//! up with [`venv`]. The list each was built from lies beside it, so an outdated one is built anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::process::{command, run};
use crate::scratch::{Scratch, workspace};

/// The Prefect that tests run against, as named in `tests/requirements` and `target/tools`.
pub const PREFECT: &str = "prefect-3.8.8";

const LOCK: &str = "requirements.lock";
const INSTALL_LIMIT: Duration = Duration::from_secs(15 * 60);

/// A finished environment.
#[derive(Clone, Debug)]
pub struct Venv(PathBuf);

impl Venv {
    /// A program of the environment, as a [`command`].
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        command(self.bin().join(program))
    }

    /// Where its programs are.
    #[must_use]
    pub fn bin(&self) -> PathBuf {
        self.0.join("bin")
    }
}

/// Looks up the environment built for `name` (such as [`PREFECT`]).
///
/// # Errors
/// When it is missing or was built from another list.
pub fn venv(name: &str) -> anyhow::Result<Venv> {
    let root = root(name);
    if fs::read(root.join(LOCK)).ok() != Some(requirements(name)?.1) {
        bail!("{} is missing or outdated: run `cargo xtask setup`", root.display());
    }
    Ok(Venv(root))
}

/// Builds the environment for `name` from `tests/requirements/<name>.txt`, unless it is there already.
///
/// # Errors
/// When no fitting Python is found, or the packages cannot be fetched or have other hashes.
pub async fn ensure_venv(name: &str) -> anyhow::Result<Venv> {
    if let Ok(ready) = venv(name) {
        return Ok(ready);
    }
    let root = root(name);
    if root.exists() {
        fs::remove_dir_all(&root).with_context(|| format!("cannot clear {}", root.display()))?;
    }
    let scratch = Scratch::new("venv")?;
    let mut create = command("python3");
    create.args(["-m", "venv"]).arg(&root);
    let created = run("venv", create, "", &scratch, INSTALL_LIMIT).await?;
    created
        .success()
        .context("cannot create a virtual environment: install python3 (3.11 or later) and python3-venv")?;

    let (list, content) = requirements(name)?;
    let mut install = Venv(root.clone()).command("python");
    // Wheels only: nothing of a package runs before it is asked to.
    install.args(["-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary=:all:", "-r"]).arg(list);
    let installed = run("pip", install, "", &scratch, INSTALL_LIMIT).await?;
    installed.success().with_context(|| format!("cannot install {name}"))?;
    // Last, so that an interrupted build does not look finished.
    fs::write(root.join(LOCK), content)?;
    venv(name)
}

fn root(name: &str) -> PathBuf {
    workspace().join("target/tools").join(name)
}

fn requirements(name: &str) -> anyhow::Result<(PathBuf, Vec<u8>)> {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements").join(format!("{name}.txt"));
    let content = fs::read(&list).with_context(|| format!("cannot read {}", list.display()))?;
    Ok((list, content))
}
