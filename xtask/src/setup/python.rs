//! A Python environment with an exact Prefect, from a list locked with hashes.
//!
//! The list it was built from lies in it as `requirements.lock`; the tests' `python::venv` accepts an
//! environment only when that is the current list, and so do we.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::process::{program, root, run};

/// The Prefect that tests and the demo run against, as named in `tests/requirements` and `target/tools`.
const PREFECT: &str = "prefect-3.8.8";

pub(super) fn install() -> Result<()> {
    let list = root().join("tests/requirements").join(format!("{PREFECT}.txt"));
    let content = fs::read(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let venv = root().join("target/tools").join(PREFECT);
    let stamp = venv.join("requirements.lock");
    if fs::read(&stamp).ok().as_ref() == Some(&content) {
        return Ok(());
    }
    println!("setup: installing {PREFECT} into {}", venv.display());
    create(&venv)?;
    // Wheels only: nothing of a package runs before it is asked to.
    run(program(venv.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(["--require-hashes", "--only-binary=:all:", "-r"])
        .arg(&list))?;
    // Last, so that an interrupted installation does not look finished.
    fs::write(&stamp, content).with_context(|| format!("cannot write {}", stamp.display()))
}

fn create(venv: &Path) -> Result<()> {
    run(program("python3").args(["-m", "venv", "--clear"]).arg(venv))
        .context("no virtual environment: Python 3.11 or later with its venv module (Debian: python3-venv) is needed")
}
