//! Endurance: the gateway under everything at once, for as long as is asked for. What happens there, and what must
//! hold, is told in `crates/gateway/examples/soak/main.rs`.

use std::process::Command;

use anyhow::Result;
use clap::{Args, value_parser};

use crate::build;
use crate::process::{become_it, cargo, program, run as run_it};

#[derive(Args)]
pub(crate) struct Options {
    /// Minutes of traffic
    #[arg(default_value_t = 5, value_parser = value_parser!(u64).range(1..))]
    minutes: u64,
    /// As told by an earlier run: the same dice again
    #[arg(long)]
    seed: Option<u64>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    // The gateway alone: it needs no WebKit, and the soak no other program.
    run_it(cargo().args(["build", "--package", "postern-gateway", "--example", "soak"]))?;
    let mut soak = soak(options.minutes.saturating_mul(60))?;
    soak.args(options.seed.map(|seed| seed.to_string()));
    become_it(&mut soak)
}

/// A short one, of the program that is built already. With dice of its own: a change is not to fail by what anybody may
/// find at any time.
pub(crate) fn briefly() -> Result<()> {
    run_it(soak(15)?.arg("1"))
}

fn soak(seconds: u64) -> Result<Command> {
    let mut soak = program(build::program("examples/soak")?);
    soak.arg(seconds.to_string());
    Ok(soak)
}
