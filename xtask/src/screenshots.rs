//! Makes the pictures in `docs/pictures`, from the demo's set-up on a screen of their own.

use anyhow::Result;

use crate::process::{become_it, program, root};
use crate::{build, setup};

pub(crate) fn run() -> Result<()> {
    setup::run(setup::For::Running)?;
    build::programs()?;
    let mut stage = program(build::program("examples/stage")?);
    stage.arg("screenshots").arg(root().join("docs/pictures"));
    become_it(build::with_programs(&mut stage)?)
}
