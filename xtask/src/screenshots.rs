//! Makes pictures: of the manager in each of its states and on each kind of screen, to be looked at; and those in
//! `docs/pictures`, from the demo's set-up on a screen of their own.

use anyhow::Result;

use crate::process::{self, become_it, program, root};
use crate::{build, setup, test};

pub(crate) fn run() -> Result<()> {
    setup::run(setup::For::Checking)?;
    let folder = root().join("target/screenshots/manager");
    process::run(test::page_in_browser()?.arg("looks").env("POSTERN_SCREENSHOTS", &folder))?;
    println!("the manager in each state: {}", folder.display());
    build::programs()?;
    let mut stage = program(build::program("examples/stage")?);
    stage.arg("screenshots").arg(root().join("docs/pictures"));
    become_it(build::with_programs(&mut stage)?)
}
