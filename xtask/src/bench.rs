//! Measures the gateway beside nginx, at the same job and in the same run, and the app under a flood and idle. It prints,
//! and judges nothing.
//!
//! The program is `tests/examples/bench`; what it measures is built as it is shipped.

use anyhow::Result;
use clap::{Args, value_parser};

use crate::process::{become_it, cargo, program, run as run_to_its_end};
use crate::{build, setup};

#[derive(Args)]
pub(crate) struct Options {
    /// What is measured
    #[arg(value_parser = ["speed", "security", "activity", "idle"], default_value = "speed")]
    what: String,
    /// Of being idle; 60 where nothing is said
    #[arg(value_parser = value_parser!(u64).range(1..))]
    minutes: Option<u64>,
    /// Short and few rounds: to see that it works, not to judge by
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    setup::run(setup::For::Checking)?;
    build::page()?;
    // As the package is built: of another set of packages, all that both stand on would be built again.
    run_to_its_end(cargo().args(["build", "--release", "-p", "postern-desktop", "-p", "postern-cli"]))?;
    run_to_its_end(cargo().args(["build", "--workspace", "--example", "bench"]))?;
    let mut bench = program(build::program("examples/bench")?);
    let release = build::target()?.join("release");
    bench.env("POSTERN_BIN", release.join("postern")).env("POSTERN_DESKTOP_BIN", release.join("postern-desktop"));
    if options.what == "activity" || options.what == "idle" {
        // Otherwise tests have it say all it can.
        bench.env("POSTERN_LOG", "warn");
    }
    become_it(
        bench
            .arg(&options.what)
            .args(options.minutes.map(|minutes| minutes.to_string()))
            .args(options.quick.then_some("--quick")),
    )
}
