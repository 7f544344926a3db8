//! The `.rpm`, for Fedora, openSUSE and their kin. `rpmbuild` finds the libraries and asks for them by their own names,
//! which all distributions share. It runs on Debian as well.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};

use super::{DESCRIPTION, Profile, SUMMARY, date, files, version, write};
use crate::process::{self, program};

/// As for Debian; Fedora and openSUSE call KDE's keychain differently.
const RECOMMENDED: &str = "(gnome-keyring or kf6-kwallet or kwalletd6 or keepassxc), xdg-utils, ca-certificates";

/// Where zsh looks, outside Debian.
const ZSH: (&str, &str) = ("/usr/share/zsh/vendor-completions/", "/usr/share/zsh/site-functions/");

pub(super) fn pack(profile: Profile, source: &Path, stage: &Path, folder: &Path) -> Result<PathBuf> {
    let compression = match profile {
        Profile::Release => "w19.zstdio",
        Profile::Debug => "w.ufdio",
    };
    let spec = source.join("postern.spec");
    write(&spec, &self::spec(stage)?)?;
    let architecture = process::text(program("rpm").args(["--eval", "%{_arch}"]))?.trim().to_owned();
    let package = format!("postern-{}-1.{architecture}.rpm", version());
    let mut build = program("rpmbuild");
    for (name, value) in [
        ("_topdir", text(&source.join("rpm"))?),
        ("_rpmdir", text(folder)?),
        ("_build_name_fmt", &package),
        ("_binary_payload", compression),
        // What is packed is what was staged: nothing is stripped, compressed or linked anew.
        ("__os_install_post", "%{nil}"),
        ("debug_package", "%{nil}"),
        ("_build_id_links", "none"),
        // The same tree makes the same bytes, wherever and whenever it is packed.
        ("_buildhost", "localhost"),
        ("use_source_date_epoch_as_buildtime", "1"),
        ("clamp_mtime_to_source_date_epoch", "1"),
    ] {
        build.arg("--define").arg(format!("{name} {value}"));
    }
    build.args(["-bb", "--quiet"]).arg(&spec).env("SOURCE_DATE_EPOCH", date());
    process::run(build.stdout(Stdio::null()))?;
    Ok(folder.join(package))
}

fn spec(stage: &Path) -> Result<String> {
    let mut listed = Vec::new();
    for (file, _) in files(&stage.join("usr"))? {
        let path = Path::new("/").join(file.strip_prefix(stage)?);
        listed.push(text(&path)?.replace(ZSH.0, ZSH.1));
    }
    listed.sort();
    Ok(format!(
        "Name: postern\n\
         Version: {version}\n\
         Release: 1\n\
         Summary: {SUMMARY}\n\
         License: {license}\n\
         Recommends: {RECOMMENDED}\n\
         %description\n{DESCRIPTION}\n\
         %install\n\
         mkdir -p %{{buildroot}}\n\
         cp --archive --link '{stage}/usr' %{{buildroot}}\n\
         mv %{{buildroot}}{here} %{{buildroot}}{there}\n\
         %files\n\
         %defattr(-, root, root)\n\
         {files}\n",
        version = version(),
        license = env!("CARGO_PKG_LICENSE"),
        stage = text(stage)?,
        here = ZSH.0,
        there = ZSH.1,
        files = listed.join("\n"),
    ))
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("not a path in UTF-8")
}
