//! What this process must be before anything else happens in it.

use std::io::{self, IsTerminal as _};

use postern_control::process::keep_memory_private;
use tracing_subscriber::EnvFilter;

/// A log where one is asked for; and memory that is nobody else's, because it holds secrets.
pub(crate) fn prepare() {
    let filter = EnvFilter::try_from_env("POSTERN_LOG").unwrap_or_else(|_| EnvFilter::new("error"));
    let color = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(color).with_writer(io::stderr).init();
    keep_memory_private();
}
