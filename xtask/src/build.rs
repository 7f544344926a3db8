//! Builds the programs, in one way only, so that no crate is built twice.
//!
//! Cargo unites the features of all packages that one command selects, development dependencies included
//! where a test or example is selected. Every command here therefore selects the whole workspace and at
//! least the examples: otherwise `tokio`, and all that stands on it, would exist in several variants.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{cargo, npm, root, run};

/// The manager's page, which the desktop program embeds: where nothing of it has changed, the program stays as it is.
pub(crate) fn page() -> Result<()> {
    let (made, embedded) = (target()?.join("page"), root().join("ui/dist"));
    let out = made.to_str().context("the target folder's path is not valid UTF-8")?;
    run(npm().args(["run", "build", "--silent", "--", "--logLevel=warn", "--emptyOutDir", "--outDir", out]))?;
    let files = contents(&made)?;
    if embedded.exists() {
        if contents(&embedded)? == files {
            return Ok(());
        }
        fs::remove_dir_all(&embedded)?;
    }
    for (name, bytes) in files {
        let path = embedded.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&embedded))?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// All files below a folder, by their paths from there.
fn contents(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(folder)?.to_owned(), fs::read(&path)?);
            }
        }
    }
    Ok(files)
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
