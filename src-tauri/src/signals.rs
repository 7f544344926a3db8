//! `SIGTERM`, `SIGINT` and `SIGHUP` mean what Quit in the menu means.

use postern_control::controller::Handle;

/// Passes signals on, as long as the program runs. Windows has none: there, a session that ends closes windows.
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
    use tokio::signal::unix::{SignalKind, signal};

    pub(super) fn watch(controller: &Handle) {
        for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
            async_runtime::spawn(pass_on(kind, controller.clone()));
        }
    }

    async fn pass_on(kind: SignalKind, controller: Handle) {
        match signal(kind) {
            Ok(mut signals) => {
                while signals.recv().await.is_some() {
                    controller.send(Event::Quit);
                }
            }
            Err(error) => tracing::warn!(?kind, %error, "this signal ends the program without goodbye"),
        }
    }
}
