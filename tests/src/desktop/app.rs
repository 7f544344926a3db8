//! The app under test: `POSTERN_DESKTOP_BIN`, else `postern-desktop` beside the running test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::Desktop;
use crate::process::Process;

/// Where the program is.
///
/// # Errors
/// When it is not built.
pub fn binary() -> anyhow::Result<PathBuf> {
    let path = match std::env::var_os("POSTERN_DESKTOP_BIN") {
        Some(path) => PathBuf::from(path),
        None => {
            let test = std::env::current_exe()?;
            let folder = test.parent().and_then(Path::parent).context("the test lies nowhere")?;
            folder.join("postern-desktop")
        }
    };
    if !path.is_file() {
        anyhow::bail!("{} is not there: `cargo build -p postern-desktop`", path.display());
    }
    Ok(path)
}

/// What the app logs: all there is, so that a secret in it is found; less, where one looks for something else.
#[must_use]
pub fn log_filter() -> String {
    std::env::var("POSTERN_LOG").unwrap_or_else(|_| "trace".to_owned())
}

/// The app's command line on this desktop, saying all it can say on standard error.
///
/// # Errors
/// When it is not built.
pub fn command(desktop: &Desktop) -> anyhow::Result<Command> {
    let mut command = desktop.command(binary()?);
    command.env("POSTERN_LOG", log_filter());
    Ok(command)
}

/// Starts the app.
///
/// # Errors
/// When it is not built.
pub fn start(desktop: &Desktop, arguments: &[&str]) -> anyhow::Result<Process> {
    let mut command = command(desktop)?;
    command.args(arguments);
    Process::spawn("postern-desktop", command, desktop.scratch())
}

/// A process and all that came from it: what must be gone when it has ended.
#[must_use]
pub fn family(of: u32) -> BTreeSet<u32> {
    let mut family = BTreeSet::from([of]);
    loop {
        let children: Vec<u32> = processes().filter(|(_, parent)| family.contains(parent)).map(|(id, _)| id).collect();
        let known = family.len();
        family.extend(children);
        if family.len() == known {
            return family;
        }
    }
}

/// Those of these processes that still run.
#[must_use]
pub fn alive(family: &BTreeSet<u32>) -> Vec<u32> {
    processes().map(|(id, _)| id).filter(|id| family.contains(id)).collect()
}

/// How often each thread of a process waited and then had something to do, by the thread's id, with its name: proc(5). A
/// thread that ends meanwhile is passed over.
#[must_use]
pub fn wakeups(process: u32) -> BTreeMap<u32, (String, u64)> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let each = threads.filter_map(|thread| {
        let name = fs::read_to_string(thread.path().join("comm")).ok()?.trim().to_owned();
        let status = fs::read_to_string(thread.path().join("status")).ok()?;
        let count =
            status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse().ok()?;
        Some((thread.file_name().to_str()?.parse().ok()?, (name, count)))
    });
    each.collect()
}

/// Every process that runs (a zombie does not), with its parent.
fn processes() -> impl Iterator<Item = (u32, u32)> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name in parentheses may hold anything, spaces and parentheses too.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        (state != "Z").then_some((id, parent))
    })
}
