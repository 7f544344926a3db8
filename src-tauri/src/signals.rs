//! `SIGTERM`, `SIGINT` and `SIGHUP` mean what Quit in the menu means.

use postern_control::controller::Handle;

/// Passes signals on from now on. Windows has none: there, a session that ends closes windows.
pub(crate) fn watch(controller: &Handle) {
    #[cfg(unix)]
    unix::watch(controller);
    #[cfg(not(unix))]
    let _ = controller;
}

#[cfg(unix)]
mod unix {
    use postern_control::controller::{Event, Handle};
    use tauri::async_runtime;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    pub(super) fn watch(controller: &Handle) {
        for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
            // Installed when this returns: a signal that comes before means the system's default.
            match async_runtime::block_on(async { signal(kind) }) {
                Ok(signals) => drop(async_runtime::spawn(pass_on(signals, controller.clone()))),
                Err(error) => tracing::warn!(?kind, %error, "this signal ends the program without goodbye"),
            }
        }
    }

    async fn pass_on(mut signals: Signal, controller: Handle) {
        while signals.recv().await.is_some() {
            tracing::info!("told to end");
            controller.send(Event::Quit);
        }
    }
}
