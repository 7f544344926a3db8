//! Makes the packages, a `.deb` and an `.rpm` of the same files: both programs, the desktop entry, icons in every
//! size, the manual, completions.
//!
//! What is in them is what [`stage`] lists; [`debian`] and [`rpm`] say of it what each system wants to know. Which
//! libraries the programs need, both find in the programs.

mod debian;
mod rpm;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{env, fs};

use anyhow::{Context, Result};

use crate::process::{self, cargo, program, root};
use crate::{build, setup};

const SUMMARY: &str = "A private door to your secured Prefect servers";

const DESCRIPTION: &str = "\
Postern opens the dashboards of secured, self-hosted Prefect servers in a
window that is already signed in, and lets the Prefect command line and SDK
on this machine in through the same door. Credentials stay in the system's
keychain.";

/// Which build goes into the packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// For people.
    Release,
    /// What the tests have built anyway, uncompressed: to test the packages, not to ship them.
    Debug,
}

/// Builds and packages; says where the packages are.
pub(crate) fn run(profile: Profile) -> Result<()> {
    match profile {
        Profile::Release => {
            setup::run(setup::For::Building)?;
            build::page()?;
            // Without development dependencies, whose features do not belong into what is shipped.
            process::run(cargo().args(["build", "--release", "-p", "postern-desktop", "-p", "postern-cli"]))?;
        }
        Profile::Debug => build::programs()?,
    }
    for package in pack(profile)? {
        println!("package: {}", package.display());
    }
    Ok(())
}

fn pack(profile: Profile) -> Result<[PathBuf; 2]> {
    let target = build::target()?;
    let (programs, folder) = match profile {
        Profile::Release => (target.join("release"), target.join("packages")),
        Profile::Debug => (target.join("debug"), target.join("packages/debug")),
    };
    let source = folder.join("source");
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    let stage = source.join(debian::STAGE);
    self::stage(&programs, &stage)?;
    let packages = [rpm::pack(profile, &source, &stage, &folder)?, debian::pack(profile, &source, &stage, &folder)?];
    fs::remove_dir_all(&source)?;
    Ok(packages)
}

/// `~` sorts before the end in both systems: what comes before a release is older than it.
fn version() -> String {
    env!("CARGO_PKG_VERSION").replace('-', "~")
}

/// When the tree came to be, in seconds since 1970: as said, or as git knows, or 0 for a tree without history.
fn date() -> String {
    let commit = || process::text(program("git").args(["log", "-1", "--format=%ct"]).stderr(Stdio::null()));
    let date = env::var("SOURCE_DATE_EPOCH").or_else(|_| commit());
    date.map_or_else(|_| "0".to_owned(), |date| date.trim().to_owned())
}

/// Every file of the packages.
fn stage(programs: &Path, stage: &Path) -> Result<()> {
    let root = root();
    for name in ["postern", "postern-desktop"] {
        copy(&programs.join(name), &stage.join("usr/bin").join(name), 0o755)?;
    }
    let share = stage.join("usr/share");
    papers(&programs.join("postern"), &share)?;
    write(&share.join("doc/postern/copyright"), &copyright()?)?;
    let mut data = vec![
        (
            root.join("src-tauri/dev.postern.Postern.metainfo.xml"),
            share.join("metainfo/dev.postern.Postern.metainfo.xml"),
        ),
        (root.join("src-tauri/postern.desktop"), share.join("applications/postern.desktop")),
        (root.join("LICENSE-MIT"), share.join("doc/postern/LICENSE-MIT")),
        (root.join("LICENSE-APACHE"), share.join("doc/postern/LICENSE-APACHE")),
        (root.join("icons/icon.svg"), share.join("icons/hicolor/scalable/apps/postern.svg")),
    ];
    for (edge, file) in [
        (16, "16x16"),
        (24, "24x24"),
        (32, "32x32"),
        (48, "48x48"),
        (64, "64x64"),
        (128, "128x128"),
        (256, "128x128@2x"),
        (512, "icon"),
    ] {
        let there = share.join(format!("icons/hicolor/{edge}x{edge}/apps/postern.png"));
        data.push((root.join("icons").join(format!("{file}.png")), there));
    }
    for (from, to) in data {
        copy(&from, &to, 0o644)?;
    }
    Ok(())
}

/// As Debian's programs read it: copyright-format 1.0. Expat is what the MIT licence is called there.
fn copyright() -> Result<String> {
    let mit = fs::read_to_string(root().join("LICENSE-MIT"))?;
    let whose = mit.lines().find_map(|line| line.strip_prefix("Copyright (c) "));
    let text = mit.lines().skip_while(|line| !line.starts_with("Permission"));
    let text: String = text.map(|line| format!(" {}\n", if line.is_empty() { "." } else { line })).collect();
    Ok(format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: Postern\n\n\
         Files: *\n\
         Copyright: {whose}\n\
         License: Apache-2.0 or Expat\n\n\
         License: Apache-2.0\n In /usr/share/common-licenses/Apache-2.0, or beside this file.\n\n\
         License: Expat\n\
         {text}",
        whose = whose.context("LICENSE-MIT does not say whose it is")?,
    ))
}

/// The manual and the shells' completions: what the program says of itself.
fn papers(postern: &Path, share: &Path) -> Result<()> {
    for (shell, place) in [
        ("bash", "bash-completion/completions/postern"),
        ("zsh", "zsh/vendor-completions/_postern"),
        ("fish", "fish/vendor_completions.d/postern.fish"),
    ] {
        let script = process::text(program(postern).args(["completions", shell]))?;
        write(&share.join(place), &script)?;
    }
    let manual = share.join("man/man1");
    fs::create_dir_all(&manual)?;
    process::run(program(postern).arg("man").arg(&manual))?;
    let pages: Vec<_> = fs::read_dir(&manual)?.map(|page| page.map(|page| page.path())).collect::<Result<_, _>>()?;
    // Without names and dates: the same pages make the same bytes.
    process::run(program("gzip").args(["--best", "--no-name"]).args(pages))
}

/// All files below, with their sizes in bytes.
fn files(folder: &Path) -> Result<Vec<(PathBuf, u64)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let data = entry.metadata()?;
        if data.is_dir() {
            all.extend(files(&entry.path())?);
        } else {
            all.push((entry.path(), data.len()));
        }
    }
    Ok(all)
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    make_room(to)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {} into the package", from.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}

fn write(path: &Path, content: &str) -> Result<()> {
    make_room(path)?;
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

fn make_room(path: &Path) -> Result<()> {
    let folder = path.parent().context("a file without a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}
