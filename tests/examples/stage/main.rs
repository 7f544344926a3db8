//! Puts Postern on stage with real parts around it: what `cargo xtask demo` and `cargo xtask screenshots`
//! start once everything is installed and built. All of it ends with this program, however that ends.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks on its standard streams")]

mod demo;
mod home;
mod scene;
mod screenshots;
mod tray;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
enum Act {
    /// The dashboard of a secured server, logged in
    Demo {
        /// On a screen of its own even where there is a display
        #[arg(long)]
        headless: bool,
        /// Without a display, go on until Ctrl-C instead of ending with the picture
        #[arg(long)]
        keep: bool,
    },
    /// Makes the project's pictures
    Screenshots {
        /// Where they go
        folder: PathBuf,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let act = async {
        match Act::parse() {
            Act::Demo { headless, keep } => demo::run(headless, keep).await,
            Act::Screenshots { folder } => screenshots::run(&folder).await,
        }
    };
    // Whatever is dropped on the way out ends what it started.
    let outcome = tokio::select! {
        outcome = act => outcome,
        signal = interrupted() => match signal {
            // As shells tell it.
            Ok(signal) => return ExitCode::from(128 + signal),
            Err(error) => Err(error),
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Ends when somebody asks us to, with the signal's number.
async fn interrupted() -> anyhow::Result<u8> {
    let mut ctrl_c = signal(SignalKind::interrupt())?;
    let mut ended = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let signal = tokio::select! {
        _ = ctrl_c.recv() => 2,
        _ = ended.recv() => 15,
        _ = hung_up.recv() => 1,
    };
    println!("\nending everything that was started");
    Ok(signal)
}
