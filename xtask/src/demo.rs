//! Shows Postern at work: a real Prefect behind a real nginx, both secured, and the dashboard logged in.
//!
//! The parts are those of the tests; `tests/examples/stage.rs` puts them on stage, and clears it.

use anyhow::Result;
use clap::Args;

use crate::process::{become_it, program};
use crate::{build, setup};

#[derive(Args)]
pub(crate) struct Options {
    /// On a screen of its own even where there is a display
    #[arg(long)]
    headless: bool,
    /// Without a display, go on until Ctrl-C instead of ending with the picture
    #[arg(long)]
    keep: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    setup::run(setup::For::Running)?;
    build::programs()?;
    let mut stage = program(build::program("examples/stage")?);
    stage.arg("demo");
    stage.args(options.headless.then_some("--headless")).args(options.keep.then_some("--keep"));
    become_it(build::with_programs(&mut stage)?)
}
