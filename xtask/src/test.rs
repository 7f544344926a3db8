//! Everything that must hold before a change is good, on a machine without a display: `.ci/run` is this.
//!
//! - Steps run in the order below. A failed step does not stop the others, but those that build on it.
//! - What the tools print streams through; a table of all steps and one line, `N passed, N failed, N skipped`,
//!   close. A suite of tests counts by its own results, every other step as one.
//! - Nothing is skipped in silence: what cannot be checked here counts as skipped and says why.

mod acceptance;
mod suite;
mod tally;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fmt, fs};

use anyhow::{Context as _, Result, bail};

use self::tally::Tally;
use crate::process::{self, cargo, npm, program, root};
use crate::{bindings, build, fuzz, package, setup, soak};

/// A step: its name, the steps it builds on, what it does.
struct Step {
    name: &'static str,
    needs: &'static [&'static str],
    run: fn() -> Result<Outcome>,
}

#[rustfmt::skip]
const STEPS: &[Step] = &[
    Step { name: "setup",      needs: &[],        run: || held(setup::run(setup::For::Checking)) },
    Step { name: "fmt",        needs: &[],        run: format },
    Step { name: "ui-format",  needs: &["setup"], run: || check(npm().args(["run", "--silent", "format:check"])) },
    Step { name: "ui-check",   needs: &["setup"], run: || check(npm().args(["run", "--silent", "check"])) },
    Step { name: "ui-unit",    needs: &["setup"], run: || check(npm().args(["run", "--silent", "test"])) },
    Step { name: "ui-build",   needs: &["setup"], run: || held(build::page()) },
    Step { name: "ui-browser", needs: &["setup"], run: browser },
    Step { name: "licences",   needs: &["setup"], run: || check(deny().args(["check", "bans", "licenses", "sources"])) },
    Step { name: "advisories", needs: &["setup"], run: advisories },
    Step { name: "unused",     needs: &["setup"], run: || check(tool("cargo-machete").args(["crates", "src-tauri", "tests", "xtask"])) },
    Step { name: "lint",       needs: &["ui-build"], run: || check(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])) },
    Step { name: "build",      needs: &["ui-build"], run: || check(cargo().args(["build", "--workspace", "--all-targets"])) },
    Step { name: "bindings",   needs: &["build"], run: || held(bindings::run(true)) },
    Step { name: "unit",       needs: &["build"], run: || suite::libtest(cargo().args(["test", "--workspace", "--lib", "--bins", "--no-fail-fast"])) },
    Step { name: "docs",       needs: &["build"], run: || suite::libtest(cargo().args(["test", "--workspace", "--doc", "--no-fail-fast"])) },
    Step { name: "fuzz",       needs: &["setup"], run: || held(fuzz::briefly()) },
    Step { name: "soak",       needs: &["build"], run: || held(soak::briefly()) },
    Step { name: "package",    needs: &["build"], run: || held(package::run(package::Profile::Debug)) },
    Step { name: "parts",      needs: &["package"], run: parts },
    Step { name: "acceptance", needs: &["parts"], run: || acceptance::count().map(Outcome::Told) },
];

/// The fuzz targets are a workspace of their own.
fn format() -> Result<Outcome> {
    process::run(cargo().args(["fmt", "--all", "--check"]))?;
    check(cargo().args(["fmt", "--manifest-path", "tests/fuzz/Cargo.toml", "--check"]))
}

/// The real parts: Prefect, nginx, browsers, a desktop.
fn parts() -> Result<Outcome> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--test", "*", "--no-fail-fast"]);
    command.env(acceptance::VARIABLE, acceptance::notes());
    fs::write(acceptance::notes(), "")?;
    suite::libtest(build::with_programs(&mut command)?)
}

fn browser() -> Result<Outcome> {
    check(&mut page_in_browser()?)
}

/// The manager's page in a real browser: the one that setup found or installed.
pub(crate) fn page_in_browser() -> Result<Command> {
    let chromium = process::find("chromium").context("no chromium on PATH")?;
    let mut command = npm();
    command.args(["run", "--silent", "test:browser", "--"]).env("POSTERN_CHROMIUM", chromium);
    Ok(command)
}

/// The database lies in a repository that not every machine may reach.
fn advisories() -> Result<Outcome> {
    let fetched = deny().args(["fetch", "db"]).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if !fetched.success() {
        return Ok(Outcome::Skipped("the RustSec advisory database cannot be fetched from here".into()));
    }
    check(deny().args(["check", "--disable-fetch", "advisories"]))
}

fn deny() -> Command {
    tool("cargo-deny")
}

fn tool(name: &str) -> Command {
    program(root().join("target/tools/bin").join(name))
}

/// What a step that did not fail comes to.
enum Outcome {
    /// What it checks holds.
    Held,
    /// That, and there is a word to say about it.
    Told(String),
    /// A suite of tests, some of which may have failed.
    Counted(Tally),
    /// It could not be checked here, and why.
    Skipped(String),
}

fn held(result: Result<()>) -> Result<Outcome> {
    result.map(|()| Outcome::Held)
}

fn check(command: &mut Command) -> Result<Outcome> {
    held(process::run(command))
}

/// Runs the steps named, with those they build on; all where none is named.
pub(crate) fn run(only: &[String]) -> Result<()> {
    let begun = Instant::now();
    let mut reports: Vec<Report> = Vec::new();
    for step in wanted(only) {
        println!("\n=== {}", step.name);
        let missing = reports.iter().find(|report| step.needs.contains(&report.name) && !report.stands);
        let report = match missing {
            Some(missing) => {
                let why = format!("{} did not succeed", missing.name);
                Report::new(step.name, Duration::ZERO, Ok(Outcome::Skipped(why)))
            }
            None => {
                let begun = Instant::now();
                let outcome = (step.run)();
                Report::new(step.name, begun.elapsed(), outcome)
            }
        };
        if !report.note.is_empty() {
            println!("{}: {}", report.name, report.note);
        }
        reports.push(report);
    }

    let total: Tally = reports.iter().map(|report| report.tally).sum();
    println!("\n=== summary");
    for report in &reports {
        println!("{report}");
    }
    println!("{}", Row("in all", begun.elapsed(), ""));
    println!("\n{total}");
    if total.failed > 0 {
        bail!("something does not hold: see above");
    }
    Ok(())
}

/// The names of all steps.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|step| step.name)
}

fn wanted(only: &[String]) -> Vec<&'static Step> {
    let mut wanted: Vec<&str> = names().filter(|name| only.is_empty() || only.iter().any(|one| one == name)).collect();
    // What a step builds on stands before it: one pass from the end finds all.
    for step in STEPS.iter().rev() {
        if wanted.contains(&step.name) {
            wanted.extend(step.needs);
        }
    }
    STEPS.iter().filter(|step| wanted.contains(&step.name)).collect()
}

/// How a step went, for the summary.
struct Report {
    name: &'static str,
    took: Duration,
    tally: Tally,
    note: String,
    /// Whether others may build on it.
    stands: bool,
}

impl Report {
    fn new(name: &'static str, took: Duration, outcome: Result<Outcome>) -> Self {
        let (tally, note, stands) = match outcome {
            Ok(Outcome::Held) => (Tally::PASSED, String::new(), true),
            Ok(Outcome::Told(note)) => (Tally::PASSED, note, true),
            Ok(Outcome::Counted(tally)) => (tally, tally.to_string(), true),
            Ok(Outcome::Skipped(why)) => (Tally::SKIPPED, format!("skipped: {why}"), false),
            Err(error) => (Tally::FAILED, format!("{error:#}"), false),
        };
        Self { name, took, tally, note, stands }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.tally.failed > 0 { "FAILED " } else { "" };
        Row(self.name, self.took, &format!("{verdict}{}", self.note)).fmt(f)
    }
}

struct Row<'a>(&'a str, Duration, &'a str);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, took, note) = self;
        let line = format!("{name:12}{:>8.1} s  {note}", took.as_secs_f64());
        f.write_str(line.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_builds_on_earlier_steps_only() {
        for (index, step) in STEPS.iter().enumerate() {
            for need in step.needs {
                assert!(STEPS[..index].iter().any(|earlier| earlier.name == *need), "{} needs {need}", step.name);
            }
        }
    }

    #[test]
    fn a_chosen_step_brings_what_it_builds_on() {
        let names = |only: &[&str]| -> Vec<_> {
            let only: Vec<_> = only.iter().copied().map(String::from).collect();
            wanted(&only).iter().map(|step| step.name).collect()
        };
        assert_eq!(names(&["fmt"]), ["fmt"]);
        assert_eq!(names(&["unit", "fmt"]), ["setup", "fmt", "ui-build", "build", "unit"]);
        assert_eq!(names(&[]).len(), STEPS.len());
    }
}
