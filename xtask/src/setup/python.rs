//! Python environments with exact packages, from lists locked with hashes.
//!
//! The list each was built from lies in it as `requirements.lock`; the tests' `python::venv` accepts an
//! environment only when that is the current list, and so do we.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::For;
use crate::process::{program, root, run};

/// The Prefect that tests and the demo run against, as named in `tests/requirements` and `target/tools`.
const PREFECT: &str = "prefect-3.8.8";
/// The conformance suite for WebSockets, likewise.
const AUTOBAHN: &str = "autobahntestsuite-25.10.1";

pub(super) fn install(purpose: For) -> Result<()> {
    environment(PREFECT)?;
    if purpose == For::Checking {
        environment(AUTOBAHN)?;
    }
    Ok(())
}

fn environment(name: &str) -> Result<()> {
    let lists = root().join("tests/requirements");
    let list = lists.join(format!("{name}.txt"));
    let content = fs::read(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let venv = root().join("target/tools").join(name);
    let stamp = venv.join("requirements.lock");
    if fs::read(&stamp).ok().as_ref() == Some(&content) {
        return Ok(());
    }
    println!("setup: installing {name} into {}", venv.display());
    create(&venv)?;
    // Wheels only: nothing of a package runs before it is asked to.
    pip(&venv, &["--only-binary=:all:"], &list)?;
    // But for what there is no wheel of. Its setup script runs, with what has just been installed and nothing else.
    let source = lists.join(format!("{name}.source.txt"));
    if source.exists() {
        pip(&venv, &["--no-deps", "--use-pep517", "--no-build-isolation", "--no-compile"], &source)?;
    }
    // Last, so that an interrupted installation does not look finished.
    fs::write(&stamp, content).with_context(|| format!("cannot write {}", stamp.display()))
}

fn pip(venv: &Path, options: &[&str], list: &Path) -> Result<()> {
    run(program(venv.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"])
        .args(options)
        .arg("-r")
        .arg(list))
}

fn create(venv: &Path) -> Result<()> {
    run(program("python3").args(["-m", "venv", "--clear"]).arg(venv))
        .context("no virtual environment: Python 3.11 or later with its venv module (Debian: python3-venv) is needed")
}
