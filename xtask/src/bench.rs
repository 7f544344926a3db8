//! Measures the gateway beside nginx, at the same job and in the same run. It prints, and judges nothing.
//!
//! The program is `tests/examples/bench`; what it measures is built as it is shipped.

use anyhow::Result;
use clap::Args;

use crate::process::{become_it, cargo, program, run as run_to_its_end};
use crate::{build, setup};

#[derive(Args)]
pub(crate) struct Options {
    /// What is measured
    #[arg(value_parser = ["speed", "security"], default_value = "speed")]
    what: String,
    /// Short and few rounds: to see that it works, not to judge by
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    setup::run(setup::For::Checking)?;
    run_to_its_end(cargo().args(["build", "--release", "-p", "postern-cli"]))?;
    run_to_its_end(cargo().args(["build", "--workspace", "--example", "bench"]))?;
    let mut bench = program(build::program("examples/bench")?);
    bench.env("POSTERN_BIN", build::target()?.join("release/postern"));
    become_it(bench.arg(&options.what).args(options.quick.then_some("--quick")))
}
