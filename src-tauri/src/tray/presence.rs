//! Does somebody show tray icons now? A desktop without a panel, or GNOME without an extension, shows nothing, and a
//! program without window and icon would be a ghost. A panel may come later: the answer is asked for when it matters,
//! never kept.

use std::time::Duration;

/// Whether somebody shows tray icons now.
#[cfg(not(target_os = "linux"))]
pub(crate) async fn visible() -> bool {
    true
}

/// Whether a panel shows tray icons now.
#[cfg(target_os = "linux")]
pub(crate) async fn visible() -> bool {
    notifier_host().await.unwrap_or(false)
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
