//! Coverage-guided fuzzing: each target in `tests/fuzz` for a bounded time, two at once.
//!
//! - A run begins with what lies in `tests/fuzz/corpus`: a small way in for each target, and every case that was ever
//!   found. So it is their regression test, too.
//! - What it finds new lies in `target/fuzz/corpus`, where the next run goes on from; an input that a target fails on
//!   in `target/fuzz/failed`. Mend what it shows, and put it into `tests/fuzz/corpus`:
//!   `cargo fuzz tmin --fuzz-dir tests/fuzz --sanitizer none TARGET INPUT` makes it small first.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;

use crate::process::{program, root, run as run_to_end};
use crate::setup;

/// Executions with fixed dice: those of the slowest target in the time it has, and less.
const EXECUTIONS: u32 = 100_000;
/// How many run at once.
const AT_ONCE: usize = 2;
/// More memory than this is a finding, in MiB.
const MEMORY: u32 = 1024;
/// And so is an input that takes longer, in seconds.
const PATIENCE: u32 = 5;

#[derive(Args)]
pub(crate) struct Options {
    /// These only; all of `tests/fuzz/src/bin` where none is named
    targets: Vec<String>,
    /// How long each runs
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// The same dice each time, nothing of what earlier runs found, and no more executions than any machine has time
    /// for: the same run everywhere
    #[arg(long)]
    seed: Option<u32>,
}

/// What is bearable on every change. A change is not to fail by what anybody may find at any time: the dice are fixed.
pub(crate) fn briefly() -> Result<()> {
    run(&Options { targets: Vec::new(), seconds: 60, seed: Some(1) })
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let targets = chosen(&options.targets)?;
    setup::run(setup::For::Checking)?;
    build()?;

    println!("fuzz: {} for {} s each, {AT_ONCE} at once", targets.join(", "), options.seconds);
    let waiting = Mutex::new(targets.iter().rev().collect::<Vec<_>>());
    let next = || waiting.lock().ok()?.pop();
    let mut outcomes: Vec<(&String, Result<u64>)> = thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            while let Some(target) = next() {
                done.push((target, fuzz(target, options)));
            }
            done
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    outcomes.sort_by_key(|(target, _)| *target);
    if outcomes.len() < targets.len() {
        bail!("not every target was run");
    }

    let mut failed = 0;
    println!("\nfuzz: executions in {} s at most", options.seconds);
    for (target, outcome) in &outcomes {
        match outcome {
            Ok(executions) => println!("{target:14}{executions:>12}"),
            Err(error) => {
                failed += 1;
                println!("{target:14}      FAILED  {error:#}");
            }
        }
    }
    if failed > 0 {
        bail!("{failed} of {} targets failed", targets.len());
    }
    Ok(())
}

fn chosen(named: &[String]) -> Result<Vec<String>> {
    let folder = root().join("tests/fuzz/src/bin");
    let mut all = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let name = entry?.path().file_stem().map(|stem| stem.to_string_lossy().into_owned());
        all.extend(name);
    }
    all.sort();
    if let Some(unknown) = named.iter().find(|name| !all.contains(name)) {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    Ok(if named.is_empty() { all } else { named.to_vec() })
}

fn place(folder: &str) -> PathBuf {
    root().join("target/fuzz").join(folder)
}

/// Without a sanitizer: those find what unsafe code does wrong, of which there is none of ours, they halve the speed,
/// and to ask for them takes an unstable compiler. All else that cargo-fuzz asks for, the stable one has.
fn build() -> Result<()> {
    run_to_end(
        program(root().join("target/tools/bin/cargo-fuzz"))
            .args(["fuzz", "build", "--fuzz-dir", "tests/fuzz", "--sanitizer", "none", "--target-dir"])
            .arg(place("")),
    )
}

/// Runs one target, and says how many inputs it has seen.
fn fuzz(target: &str, options: &Options) -> Result<u64> {
    let found = place(if options.seed.is_some() { "corpus-of-one-run" } else { "corpus" }).join(target);
    let failed = place("failed").join(target);
    let committed = root().join("tests/fuzz/corpus").join(target);
    if options.seed.is_some() && found.exists() {
        fs::remove_dir_all(&found).with_context(|| format!("cannot clear {}", found.display()))?;
    }
    for folder in [&found, &failed] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let log = place(target).with_extension("log");
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let status = command(target)?
        .arg(format!("-max_total_time={}", options.seconds))
        .args(options.seed.into_iter().flat_map(|seed| [format!("-seed={seed}"), format!("-runs={EXECUTIONS}")]))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-timeout={PATIENCE}"))
        .args(["-print_final_stats=1", "-close_fd_mask=1"])
        .arg(format!("-artifact_prefix={}/", failed.display()))
        .args([&found, &committed])
        .stdout(Stdio::null())
        .stderr(output)
        .status()
        .with_context(|| format!("cannot start {target}"))?;
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if status.success() {
        return executions(&said).ok_or_else(|| anyhow!("says nothing of its executions: see {}", log.display()));
    }
    Err(failure(&said, status, &log))
}

fn command(target: &str) -> Result<Command> {
    let release = |folder: PathBuf| folder.join("release").join(target);
    // cargo-fuzz names the machine it builds for, and so cargo puts a folder of its name between.
    let folders = fs::read_dir(place(""))?.filter_map(|entry| Some(entry.ok()?.path()));
    let binary = folders.map(release).find(|binary| binary.is_file());
    Ok(program(binary.with_context(|| format!("{target} was not built"))?))
}

/// `stat::number_of_executed_units: 123`
fn executions(log: &str) -> Option<u64> {
    log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?.trim().parse().ok()
}

/// What a target failed on, and why.
fn failure(log: &str, status: ExitStatus, path: &Path) -> anyhow::Error {
    let line = |mark: &str| log.lines().find_map(|line| line.split_once(mark)).map(|(_, rest)| rest.trim());
    let input = line("Test unit written to ").unwrap_or("an input that was not kept");
    let why = log.lines().skip_while(|line| !line.contains("panicked at")).take(2).collect::<Vec<_>>().join(" ");
    let why = if why.is_empty() { line("ERROR: libFuzzer:").unwrap_or_default().to_owned() } else { why };
    anyhow!("{input}: {why} ({status}; all it said: {})", path.display())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn what_libfuzzer_says_at_the_end_is_understood() {
        let good = "Done 12 runs in 1 second(s)\nstat::number_of_executed_units: 4711\nstat::peak_rss_mb:   40\n";
        assert_eq!(executions(good), Some(4711));
        let bad = "INFO: x\nthread '<unnamed>' panicked at src/bin/routes.rs:1:2:\nnot ours\n==1== ERROR: libFuzzer: \
                   deadly signal\nartifact_prefix='/f/'; Test unit written to /f/crash-1\n";
        let told = failure(bad, ExitStatus::from_raw(77 << 8), Path::new("/l")).to_string();
        assert_eq!(executions(bad), None);
        assert!(told.starts_with("/f/crash-1: ") && told.contains("not ours") && told.contains("/l"), "{told}");
        let slow = "==1== ERROR: libFuzzer: timeout after 6 seconds\nTest unit written to /f/timeout-1\n";
        let told = failure(slow, ExitStatus::from_raw(70 << 8), Path::new("/l")).to_string();
        assert!(told.starts_with("/f/timeout-1: timeout after 6 seconds"), "{told}");
    }
}
