//! What this process must be before anything else happens in it.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// No core dump, because its memory holds secrets; and a log where one is asked for.
pub(crate) fn prepare() {
    let filter = EnvFilter::try_from_env("POSTERN_LOG").unwrap_or_else(|_| EnvFilter::new("error"));
    let color = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(color).with_writer(io::stderr).init();
    #[cfg(unix)]
    if let Err(error) = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0) {
        tracing::warn!(%error, "core dumps stay on");
    }
}
