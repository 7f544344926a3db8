//! What this process must be before anything else happens in it.

use std::io::{self, IsTerminal as _};

use postern_control::process::keep_memory_private;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// A log where one is asked for; and memory that is nobody else's, because it holds secrets.
pub(crate) fn prepare() {
    let wanted = std::env::var("POSTERN_LOG").ok().and_then(|wanted| wanted.parse().ok());
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::ERROR));
    let standard_error = fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(io::stderr);
    tracing_subscriber::registry().with(standard_error.with_filter(filter)).init();
    keep_memory_private();
}
