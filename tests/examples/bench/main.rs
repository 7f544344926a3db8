//! Measures the gateway beside nginx, at the same job and in the same run, and the app under a flood and idle: what
//! `cargo xtask bench` starts once everything is installed and built. It prints, and judges nothing.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks on its standard streams")]

mod activity;
mod gauge;
mod idle;
mod security;
mod speed;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

#[derive(Parser)]
struct Options {
    /// What is measured
    #[arg(value_enum, default_value_t = What::Speed)]
    what: What,
    /// Of being idle
    minutes: Option<u64>,
    /// Short and few rounds: to see that it works, not to judge by
    #[arg(long)]
    quick: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Requests, latencies, streams, CPU time, memory
    Speed,
    /// Smuggling payloads, RFC probes, unfinished heads
    Security,
    /// The manager's Activity tab, while 2,000 requests a second pass
    Activity,
    /// Processes, memory, CPU time and wake-ups of an app that nobody uses
    Idle,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    let outcome = match options.what {
        What::Speed => speed::run(options.quick).await,
        What::Activity => activity::run(options.quick).await,
        What::Idle => idle::run(options.minutes.unwrap_or(if options.quick { 1 } else { 60 })).await,
        What::Security => security::run(options.quick).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
