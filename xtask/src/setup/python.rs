//! Python environments with exact packages, from lists locked with hashes.
//!
//! The list one was built from lies in it as `requirements.lock`; the tests' `python::venv` accepts an
//! environment only when that is the current list, and so do we.
//!
//! `uv` builds them: in seconds where pip takes a minute, on Python 3.11 whatever the system has, and from just
//! what the list says (`overrides.txt` there tells where that is not what a package asks for). pip brings `uv`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::For;
use crate::process::{program, root, run};

/// The Prefect that most tests and the demo run against, as named in `tests/requirements` and `target/tools`.
const PREFECT: &str = "prefect-3.8.8";
/// The conformance suite for WebSockets, likewise.
const AUTOBAHN: &str = "autobahntestsuite-25.10.1";

/// Those that `tests/tests/versions.rs` meets besides, each with the libraries of its day.
const EARLIER: [&str; 5] = ["prefect-2.14.21", "prefect-2.20.26", "prefect-3.0.11", "prefect-3.4.25", "prefect-3.6.29"];

pub(super) fn install(purpose: For) -> Result<()> {
    environment(PREFECT, build)?;
    if purpose == For::Checking {
        for name in EARLIER.iter().chain([&AUTOBAHN]) {
            environment(name, build)?;
        }
    }
    Ok(())
}

fn build(venv: &Path, list: &Path) -> Result<()> {
    let uv = uv()?;
    run(isolated(&uv).args(["venv", "--quiet", "--clear", "--python", "3.11"]).arg(venv))?;
    let pip = |arguments: &[&str], list: &Path| {
        let mut command = isolated(&uv);
        command.args(["pip", arguments[0], "--quiet", "--require-hashes", "--python"]).arg(venv.join("bin/python"));
        run(command.args(&arguments[1..]).arg(list))
    };
    // Wheels only: nothing of a package runs before it is asked to.
    pip(&["sync", "--compile-bytecode", "--only-binary", ":all:"], list)?;
    // But for what there is no wheel of. Its setup script runs, with what has just been installed and nothing else.
    let source = list.with_extension("source.txt");
    if source.exists() {
        pip(&["install", "--no-deps", "--no-build-isolation", "-r"], &source)?;
    }
    Ok(())
}

fn uv() -> Result<PathBuf> {
    environment("uv", |venv, list| {
        run(program("python3").args(["-m", "venv", "--clear"]).arg(venv))
            .context("no virtual environment: Python with its venv module (Debian: python3-venv) is needed")?;
        run(program(venv.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--require-hashes", "--only-binary=:all:", "-r"])
            .arg(list))
    })
    .map(|venv| venv.join("bin/uv"))
}

/// `uv` with nobody's settings but its environment's.
fn isolated(uv: &Path) -> Command {
    let mut command = program(uv);
    command.arg("--no-config");
    command
}

/// Builds `target/tools/<name>` from its list, where it was not built from that before.
fn environment(name: &str, build: impl FnOnce(&Path, &Path) -> Result<()>) -> Result<PathBuf> {
    let list = root().join("tests/requirements").join(format!("{name}.txt"));
    let content = fs::read(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let venv = root().join("target/tools").join(name);
    let stamp = venv.join("requirements.lock");
    if fs::read(&stamp).ok().as_ref() == Some(&content) {
        return Ok(venv);
    }
    println!("setup: installing {name} into {}", venv.display());
    build(&venv, &list)?;
    // Last, so that an interrupted installation does not look finished.
    fs::write(&stamp, content).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(venv)
}
