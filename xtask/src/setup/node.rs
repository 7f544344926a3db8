//! The manager's npm packages, exactly as `ui/package-lock.json` lists them.

use std::fs;

use anyhow::{Context, Result};

use crate::process::{npm, root, run};

pub(super) fn install() -> Result<()> {
    let ui = root().join("ui");
    let lock = fs::read(ui.join("package-lock.json")).context("cannot read ui/package-lock.json")?;
    let stamp = ui.join("node_modules/.installed-from");
    if fs::read(&stamp).ok().as_ref() == Some(&lock) {
        return Ok(());
    }
    println!("setup: installing the manager's npm packages");
    run(npm().args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    // Last, so that an interrupted installation does not look finished.
    fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))
}
