//! Is the icon to be seen now? A desktop without a panel, or GNOME without an extension, shows none, a panel may refuse
//! it, and a program without window and icon would be a ghost. A panel may come later: whether there is one is asked for
//! when it matters, never kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whether the icon is with whoever shows icons. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Presence(Arc<AtomicBool>);

impl Presence {
    /// The icon has been taken, or it is no longer.
    pub(crate) fn set(&self, taken: bool) {
        self.0.store(taken, Ordering::Relaxed);
    }

    /// Whether the icon has been taken.
    pub(crate) fn is_taken(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether the icon is to be seen now.
    pub(crate) async fn visible(&self) -> bool {
        self.is_taken() && panel().await
    }

    /// Whether the icon is to be seen within a moment: when a session starts, the panel may come after us, and one that
    /// has crashed comes again.
    pub(crate) async fn appears(&self) -> bool {
        const PATIENCE: Duration = Duration::from_secs(8);
        let look = async {
            let mut look = tokio::time::interval(Duration::from_millis(500));
            while !self.visible().await {
                look.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.is_ok()
    }
}

/// Whether somebody shows tray icons now.
#[cfg(not(target_os = "linux"))]
async fn panel() -> bool {
    true
}

/// Whether a panel shows tray icons now.
#[cfg(target_os = "linux")]
pub(super) async fn panel() -> bool {
    // One that hangs shows nothing.
    const PATIENCE: Duration = Duration::from_secs(2);
    matches!(tokio::time::timeout(PATIENCE, notifier_host()).await, Ok(Ok(true)))
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
