//! Makes the `.deb`: both programs, the desktop entry, icons in every size, the manual, completions.
//!
//! A Debian package is a folder and a few fields, so `dpkg-deb` makes it straight from one: what is in the
//! package is what [`stage`] lists. `dpkg-shlibdeps` finds the libraries, with the versions they need.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{env, fs};

use anyhow::{Context, Result};

use crate::process::{self, cargo, program, root};
use crate::{build, setup};

/// A keychain, a browser to open links in, the certificates of public authorities.
const RECOMMENDED: &str = "gnome-keyring | kwalletmanager | keepassxc, xdg-utils, ca-certificates";

/// The first line of the package's description, then the rest as Debian wants it indented.
const DESCRIPTION: &str = "\
A private door to your secured Prefect servers
 Postern opens the dashboards of secured, self-hosted Prefect servers in a
 window that is already signed in, and lets the Prefect command line and SDK
 on this machine in through the same door. Credentials stay in the system's
 keychain.";

/// Which build goes into the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// For people.
    Release,
    /// What the tests have built anyway, uncompressed: to test the package, not to ship it.
    Debug,
}

/// Builds and packages; says where the package is.
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
    let package = pack(profile)?;
    println!("package: {}", package.display());
    Ok(())
}

fn pack(profile: Profile) -> Result<PathBuf> {
    let target = build::target()?;
    let (programs, folder, compression) = match profile {
        Profile::Release => (target.join("release"), target.join("debian"), "-Zxz"),
        Profile::Debug => (target.join("debug"), target.join("debian/debug"), "-Znone"),
    };
    // Where Debian's tools expect a package that is being made.
    let source = folder.join("source");
    let stage = source.join("debian/postern");
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    // By this folder they know it for one.
    fs::create_dir_all(stage.join("DEBIAN"))?;
    self::stage(&programs, &stage)?;

    let architecture = process::text(program("dpkg").arg("--print-architecture"))?.trim().to_owned();
    let version = env!("CARGO_PKG_VERSION");
    let control = control(&source, &stage, version, &architecture)?;
    write(&stage.join("DEBIAN/control"), &control)?;

    let package = folder.join(format!("postern_{version}_{architecture}.deb"));
    // The same tree makes the same bytes, whenever it is packed.
    process::run(
        program("dpkg-deb")
            .args(["--build", "--root-owner-group", compression])
            .args([&stage, &package])
            .env("SOURCE_DATE_EPOCH", date())
            .stdout(Stdio::null()),
    )?;
    fs::remove_dir_all(&source)?;
    Ok(package)
}

/// When the tree came to be, in seconds since 1970: as said, or as git knows, or 0 for a tree without history.
fn date() -> String {
    let commit = || process::text(program("git").args(["log", "-1", "--format=%ct"]).stderr(Stdio::null()));
    let date = env::var("SOURCE_DATE_EPOCH").or_else(|_| commit());
    date.map_or_else(|_| "0".to_owned(), |date| date.trim().to_owned())
}

/// Every file of the package.
fn stage(programs: &Path, stage: &Path) -> Result<()> {
    let root = root();
    for name in ["postern", "postern-desktop"] {
        copy(&programs.join(name), &stage.join("usr/bin").join(name), 0o755)?;
    }
    let share = stage.join("usr/share");
    papers(&programs.join("postern"), &share)?;
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
    for (size, file) in [("32x32", "32x32"), ("128x128", "128x128"), ("256x256", "128x128@2x"), ("512x512", "icon")] {
        let there = share.join("icons/hicolor").join(size).join("apps/postern.png");
        data.push((root.join("icons").join(format!("{file}.png")), there));
    }
    for (from, to) in data {
        copy(&from, &to, 0o644)?;
    }
    Ok(())
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

fn control(source: &Path, stage: &Path, version: &str, architecture: &str) -> Result<String> {
    let kibibytes = size(stage)?.div_ceil(1024);
    let libraries = libraries(source, stage)?;
    Ok(format!(
        "Package: postern\n\
         Version: {version}\n\
         Architecture: {architecture}\n\
         Maintainer: {maintainer}\n\
         Installed-Size: {kibibytes}\n\
         Depends: {libraries}\n\
         Recommends: {RECOMMENDED}\n\
         Section: devel\n\
         Priority: optional\n\
         Description: {DESCRIPTION}\n",
        maintainer = env!("CARGO_PKG_AUTHORS"),
    ))
}

/// What the programs are linked with, as packages and versions.
fn libraries(source: &Path, stage: &Path) -> Result<String> {
    write(&source.join("debian/control"), "Source: postern\n\nPackage: postern\nArchitecture: any\n")?;
    let listed = process::text(
        program("dpkg-shlibdeps")
            .current_dir(source)
            .arg("-O")
            .args(["postern", "postern-desktop"].map(|name| stage.join("usr/bin").join(name))),
    )?;
    let libraries = listed.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    Ok(libraries.context("dpkg-shlibdeps found no libraries")?.to_owned())
}

/// Bytes of all files below.
fn size(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let data = entry.metadata()?;
        sum += if data.is_dir() { size(&entry.path())? } else { data.len() };
    }
    Ok(sum)
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
