//! The project's commands: `cargo xtask COMMAND`.
//!
//! Rules: every command is one module and works from any folder of the tree; it says what it does, a line for
//! each step; it needs no terminal, no display and nothing on standard input. This crate stays light (no
//! Postern crate, nothing asynchronous): it builds in seconds on a machine that has nothing but Rust yet, and
//! works while the rest does not compile. What a command needs of the rest is a program of its own, in
//! `tests/examples` or `crates/control/examples`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks on its standard streams")]

mod bench;
mod bindings;
mod build;
mod demo;
mod fuzz;
mod icons;
mod package;
mod process;
mod run;
mod screenshots;
mod setup;
mod soak;
mod test;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Postern's project commands")]
#[command(disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing to build, run and check everything
    Setup,
    /// Show Postern with a real, secured Prefect server, all of it started here
    Demo(demo::Options),
    /// Build and run the desktop app from this tree
    Run {
        /// What the app is started with
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Check everything
    Test {
        /// These steps only, and those they build on
        #[arg(long, value_delimiter = ',', value_name = "STEP,…")]
        #[arg(value_parser = PossibleValuesParser::new(test::names()))]
        only: Vec<String>,
    },
    /// Feed what comes from outside with inputs that reach ever more code
    Fuzz(fuzz::Options),
    /// Measure the gateway beside nginx, or the app
    Bench(bench::Options),
    /// Write the manager's TypeScript types
    Bindings {
        /// Only say whether they are current
        #[arg(long)]
        check: bool,
    },
    /// Draw every icon size from the sources in icons/
    Icons,
    /// Make the .deb and the .rpm
    Package {
        /// From the debug build: to test the packages, not to ship them
        #[arg(long)]
        debug: bool,
    },
    /// Make pictures of the manager in each state, and those in docs/pictures
    Screenshots,
    /// Load a gateway with everything at once, faults included, and see what is lost, mixed up or leaked
    Soak(soak::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Setup => setup::run(setup::For::Checking),
        Command::Demo(options) => demo::run(&options),
        Command::Run { arguments } => run::run(&arguments),
        Command::Test { only } => test::run(&only),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Bindings { check } => bindings::run(check),
        Command::Icons => icons::run(),
        Command::Package { debug: false } => package::run(package::Profile::Release),
        Command::Package { debug: true } => package::run(package::Profile::Debug),
        Command::Screenshots => screenshots::run(),
        Command::Soak(options) => soak::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
