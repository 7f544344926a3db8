//! Builds the programs, in one way only, so that no crate is built twice.
//!
//! Cargo unites the features of all packages that one command selects, development dependencies included
//! where a test or example is selected. Every command here therefore selects the whole workspace and at
//! least the examples: otherwise `tokio`, and all that stands on it, would exist in several variants.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{cargo, npm, run};

/// The manager's page, which the desktop program embeds.
pub(crate) fn page() -> Result<()> {
    run(npm().args(["run", "build", "--silent", "--", "--logLevel=warn"]))
}

/// Everything that runs: both programs, and the examples of the tests crate.
pub(crate) fn programs() -> Result<()> {
    page()?;
    run(cargo().args(["build", "--workspace", "--bins", "--examples"]))
}

/// A program that was built: `postern`, `examples/demo`.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    Ok(target()?.join("debug").join(name))
}

/// Where cargo puts what it builds: this very program lies in `<target>/debug`.
pub(crate) fn target() -> Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell where this program lies")?;
    let target = this.parent().and_then(|debug| debug.parent());
    Ok(target.context("this program does not lie in a target folder")?.to_path_buf())
}

/// Tells a program where Postern's two programs are.
pub(crate) fn with_programs(command: &mut Command) -> Result<&mut Command> {
    Ok(command.env("POSTERN_BIN", program("postern")?).env("POSTERN_DESKTOP_BIN", program("postern-desktop")?))
}
