//! Checkers written in Rust, into `target/tools/bin`. Built without optimisation: they run for a second, and
//! would take ten times that to optimise.

use std::fs;

use anyhow::Result;

use crate::process::{cargo, root, run};

/// Licences, sources, duplicates and advisories of dependencies; dependencies that nothing uses.
const TOOLS: &[(&str, &str)] = &[("cargo-deny", "0.20.2"), ("cargo-machete", "0.9.2")];

pub(super) fn install() -> Result<()> {
    let tools = root().join("target/tools");
    // Where cargo itself notes what it installed: `"name version (source)" = …`.
    let installed = fs::read_to_string(tools.join(".crates.toml")).unwrap_or_default();
    let missing: Vec<_> = TOOLS
        .iter()
        .filter(|(name, version)| !installed.contains(&format!("\"{name} {version} (")))
        .map(|(name, version)| format!("{name}@{version}"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("setup: building {}", missing.join(" and "));
    let build = tools.join("build");
    run(cargo()
        .args(["install", "--quiet", "--locked", "--debug", "--root"])
        .arg(&tools)
        .args(&missing)
        .env("CARGO_TARGET_DIR", &build)
        .env("CARGO_PROFILE_DEV_DEBUG", "none"))?;
    fs::remove_dir_all(&build)?;
    Ok(())
}
