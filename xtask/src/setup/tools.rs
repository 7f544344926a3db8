//! Checkers written in Rust. The toolchain's own come with it or by `rustup`; the others into `target/tools/bin`,
//! built without optimisation: they run for a second, and would take ten times that to optimise.

use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result};

use crate::process::{cargo, program, root, run};

/// Licences, sources, duplicates and advisories of dependencies; dependencies that nothing uses; fuzz targets.
const TOOLS: &[(&str, &str)] = &[("cargo-deny", "0.20.2"), ("cargo-machete", "0.9.2"), ("cargo-fuzz", "0.13.2")];

pub(super) fn install() -> Result<()> {
    components()?;
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

/// What a minimal toolchain leaves out.
fn components() -> Result<()> {
    let absent = |name: &&str| {
        let mut asked = cargo();
        asked.args([name, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
        !asked.status().is_ok_and(|status| status.success())
    };
    if !["fmt", "clippy"].iter().any(absent) {
        return Ok(());
    }
    println!("setup: adding rustfmt and clippy to the toolchain");
    run(program("rustup").args(["component", "add", "rustfmt", "clippy"]))
        .context("this toolchain has no `cargo fmt` or no `cargo clippy`, and rustup did not add them")
}
