//! Running other programs: from the tree's root, with no standard input, and with errors that quote the
//! command that failed.

use std::ffi::OsStr;
use std::io::{IsTerminal as _, stdout};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The root of the tree.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// A program to run from the tree's root, by its name on `PATH`.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// The cargo that started us. Nothing is compiled in pieces: what is kept of those takes room, and may mislead the
/// compiler after a merge.
pub(crate) fn cargo() -> Command {
    let mut cargo = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.env("CARGO_INCREMENTAL", "0");
    cargo
}

/// npm, in the manager's folder.
pub(crate) fn npm() -> Command {
    let mut command = program("npm");
    command.current_dir(root().join("ui"));
    if !stdout().is_terminal() {
        // Some of what npm starts takes `CI` for a terminal with colours.
        command.env("NO_COLOR", "1");
    }
    command
}

/// Runs it to its end; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", name(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", line(command));
    }
    Ok(())
}

/// Runs it to its end and returns what it printed; its errors go to ours.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {}", name(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}", line(command), output.status);
    }
    Ok(output.stdout)
}

/// The same, for programs that print text.
pub(crate) fn text(command: &mut Command) -> Result<String> {
    let bytes = output(command)?;
    String::from_utf8(bytes).with_context(|| format!("{} printed something that is not text", name(command)))
}

/// Becomes that program: a Ctrl-C is its own, and so is what it ends with.
pub(crate) fn become_it(command: &mut Command) -> Result<()> {
    let failure = command.exec();
    Err(failure).with_context(|| format!("cannot start {}", name(command)))
}

/// Where a program of this name is: on `PATH`, or where Debian keeps servers, which is not on everyone's.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The command as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
