//! The manager's TypeScript types, from the Rust types it exchanges with the shell.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::process::{self, cargo, program, root};

const FILE: &str = "ui/src/bindings.ts";

/// Writes them, or with `check` only says whether they are current.
pub(crate) fn run(check: bool) -> Result<()> {
    process::run(cargo().args(["build", "--quiet", "--workspace", "--example", "bindings"]))?;
    let current = process::text(&mut program(build::program("examples/bindings")?))?;
    let path = root().join(FILE);
    let written = fs::read_to_string(&path).unwrap_or_default();
    if written == current {
        return Ok(());
    }
    if check {
        let line = written.lines().zip(current.lines()).take_while(|(old, new)| old == new).count() + 1;
        bail!("{FILE} is not what the types in crates/control make, from line {line} on: run `cargo xtask bindings`");
    }
    fs::write(&path, current).with_context(|| format!("cannot write {FILE}"))
}
