//! The `.deb`. A Debian package is a folder and a few fields, so `dpkg-deb` makes it straight from one;
//! `dpkg-shlibdeps` finds the libraries, with the versions they need.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};

use super::{DESCRIPTION, Profile, SUMMARY, date, files, version, write};
use crate::process::{self, program};

/// Where Debian's tools expect a package that is being made, below its source.
pub(super) const STAGE: &str = "debian/postern";

/// A keychain, a browser to open links in, the certificates of public authorities.
const RECOMMENDED: &str = "gnome-keyring | kwalletmanager | keepassxc, xdg-utils, ca-certificates";

pub(super) fn pack(profile: Profile, source: &Path, stage: &Path, folder: &Path) -> Result<PathBuf> {
    let compression = match profile {
        Profile::Release => "-Zxz",
        Profile::Debug => "-Znone",
    };
    // By this folder they know it for one.
    fs::create_dir_all(stage.join("DEBIAN"))?;
    let architecture = process::text(program("dpkg").arg("--print-architecture"))?.trim().to_owned();
    let control = control(source, stage, &architecture)?;
    write(&stage.join("DEBIAN/control"), &control)?;

    let package = folder.join(format!("postern_{}_{architecture}.deb", version()));
    // The same tree makes the same bytes, whenever it is packed.
    process::run(
        program("dpkg-deb")
            .args(["--build", "--root-owner-group", compression])
            .args([stage, &package])
            .env("SOURCE_DATE_EPOCH", date())
            .stdout(Stdio::null()),
    )?;
    Ok(package)
}

fn control(source: &Path, stage: &Path, architecture: &str) -> Result<String> {
    let bytes: u64 = files(stage)?.iter().map(|(_, bytes)| bytes).sum();
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
         Description: {SUMMARY}\n {description}\n",
        version = version(),
        maintainer = env!("CARGO_PKG_AUTHORS"),
        kibibytes = bytes.div_ceil(1024),
        description = DESCRIPTION.replace('\n', "\n "),
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
