//! `postern`: profiles, secrets and gateways from the command line.
//!
//! Each command is a module of [`command`]; it ends in `Ok` (exit code 0) or a [`Failure`], which knows its own
//! exit code. What is printed goes through [`Output`], and nothing else prints. Secrets come in on standard
//! input, never in an argument: arguments are seen by every user of the machine.

mod browser;
mod command;
mod failure;
mod input;
mod options;
mod output;
mod process;

use std::process::ExitCode;

use clap::Parser as _;
use postern_control::vault::Vault;

use crate::command::Context;
use crate::failure::Failure;
use crate::options::Options;
use crate::output::Output;

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => return not_understood(&error),
    };
    process::prepare();
    let output = Output::new(options.common.json);
    match run(options, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.told {
                output.trouble(&failure.trouble);
            }
            failure.exit().into()
        }
    }
}

fn run(options: Options, output: &Output) -> Result<(), Failure> {
    let context = Context {
        folders: options.common.folders()?,
        vault: Vault::open(options.common.vault),
        output: output.clone(),
    };
    // One thread: the gateways of one person keep it far from busy, and nothing waits for another core.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::system)?;
    let outcome = runtime.block_on(command::run(options.command, &context));
    // A name that is still being looked up holds nobody up.
    runtime.shutdown_background();
    outcome
}

/// Help and version are no errors; what cannot be understood is, in the form that was asked for.
fn not_understood(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    if error.use_stderr() && wants_json {
        let failure = Failure::usage(error);
        Output::new(true).trouble(&failure.trouble);
        return failure.exit().into();
    }
    // Where nobody reads it, there is nobody to tell.
    drop(error.print());
    if error.use_stderr() { failure::Exit::Usage.into() } else { ExitCode::SUCCESS }
}
