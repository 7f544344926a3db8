//! What packages carry beside the program, made of its own options.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Context;
use crate::failure::Failure;
use crate::options::Options;

pub(super) fn completions(context: &Context, shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Options::command(), "postern", &mut script);
    context.output.line(String::from_utf8_lossy(&script).trim_end())
}

/// One page for the program, and one for each command.
pub(super) fn man(folder: &Path) -> Result<(), Failure> {
    clap_mangen::generate_to(Options::command(), folder).map_err(Failure::system)
}
