//! The project's commands: `cargo xtask COMMAND`.
//!
//! Rules: every command is one module and runs from any folder of the tree; it says what it does, a line for
//! each step; it needs no terminal, no display and nothing on standard input. This crate stays light (no
//! Postern crate, no async): it has to build in seconds on a machine that has nothing but Rust yet, and to
//! work while the rest does not compile.
#![expect(
    clippy::print_stderr,
    reason = "a command line speaks on its standard streams"
)]

mod icons;
mod process;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Postern's project commands",
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Draw every icon size from the sources in icons/
    Icons,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Icons => icons::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
