//! Is there a tray? Two questions with different answers:
//!
//! 1. [`supported`]: can this system put up an icon at all? its binding panics where the library is missing,
//!    so it is looked for first, and the panic is caught here, once.
//! 2. [`visible`]: does somebody show it now? A desktop without a panel, or GNOME without an extension,
//!    shows nothing, and a program without window and icon would be a ghost. A panel may come later: the
//!    answer is asked for when it matters, never kept.

use std::time::Duration;

/// Whether the system has what an icon needs.
#[cfg(not(target_os = "linux"))]
pub(crate) fn supported() -> bool {
    true
}

/// Whether somebody shows tray icons now.
#[cfg(not(target_os = "linux"))]
pub(crate) async fn visible() -> bool {
    true
}

/// Whether somebody shows tray icons within a moment: when a session starts, the panel may come after us.
pub(crate) async fn appears() -> bool {
    const PATIENCE: Duration = Duration::from_secs(8);
    let look = async {
        let mut look = tokio::time::interval(Duration::from_millis(500));
        while !visible().await {
            look.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.is_ok()
}

#[cfg(target_os = "linux")]
pub(crate) use linux::{supported, visible};

#[cfg(target_os = "linux")]
mod linux {
    use std::panic;

    use tauri::async_runtime::spawn_blocking;
    use x11rb::protocol::xproto::ConnectionExt as _;

    /// Whether libayatana-appindicator (or its forerunner) can be loaded.
    pub(crate) fn supported() -> bool {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(|_| {}));
        // The library is loaded by the first look at it.
        let loaded = panic::catch_unwind(|| {
            let _library = &*libappindicator::LIB;
        });
        panic::set_hook(hook);
        if loaded.is_err() {
            tracing::warn!("no tray icon: libayatana-appindicator3-1 is not installed");
        }
        loaded.is_ok()
    }

    /// Whether a panel shows icons: by StatusNotifierItem, or by the X11 protocol that came before.
    pub(crate) async fn visible() -> bool {
        notifier_host().await.unwrap_or(false) || spawn_blocking(x11_tray).await.ok().flatten().unwrap_or(false)
    }

    async fn notifier_host() -> zbus::Result<bool> {
        const WATCHER: &str = "org.kde.StatusNotifierWatcher";
        let bus = zbus::Connection::session().await?;
        let watcher = zbus::proxy::Builder::<zbus::Proxy<'_>>::new(&bus)
            .destination(WATCHER)?
            .path("/StatusNotifierWatcher")?
            .interface(WATCHER)?
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        watcher.get_property("IsStatusNotifierHostRegistered").await
    }

    fn x11_tray() -> Option<bool> {
        let (connection, screen) = x11rb::connect(None).ok()?;
        let name = format!("_NET_SYSTEM_TRAY_S{screen}");
        let atom = connection.intern_atom(true, name.as_bytes()).ok()?.reply().ok()?.atom;
        let owner = connection.get_selection_owner(atom).ok()?.reply().ok()?.owner;
        Some(owner != x11rb::NONE && atom != x11rb::NONE)
    }
}
