//! Builds the desktop app from this tree and becomes it.

use std::ffi::OsString;

use anyhow::Result;

use crate::process::{become_it, program};
use crate::{build, setup};

pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    setup::run(setup::For::Building)?;
    build::programs()?;
    become_it(program(build::program("postern-desktop")?).args(arguments))
}
