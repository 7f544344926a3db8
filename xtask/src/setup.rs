//! Installs what the other commands need, on a Debian 12 that has nothing but Rust, Node and Python; says
//! only what it does, and nothing when all is there.
//!
//! Everything it installs is named here, with its version where it does not come from Debian:
//! 1. [`debian`]: packages to build with and the programs tests start.
//! 2. [`python`]: the Prefect servers that tests and the demo run against; what tests WebSockets.
//! 3. [`node`]: what the manager's page is built with.
//! 4. [`tools`]: checkers written in Rust.
//!
//! All but the first go into `target/tools` and `ui/node_modules`. Each part first looks whether there is
//! anything to do; a second run takes well under a second.

mod debian;
mod node;
mod python;
mod tools;

use anyhow::Result;

/// What a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// Building and running the app.
    Building,
    /// That, and starting the parts of the demo and the tests.
    Running,
    /// That, the checkers, and what benchmarks take.
    Checking,
}

pub(crate) fn run(purpose: For) -> Result<()> {
    debian::install(purpose)?;
    node::install()?;
    if purpose != For::Building {
        python::install(purpose)?;
    }
    if purpose == For::Checking {
        tools::install()?;
    }
    Ok(())
}
