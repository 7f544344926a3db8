//! The desktop's notifications, written down instead of shown.

use std::collections::HashMap;

use tokio::sync::watch;
use zbus::zvariant::OwnedValue;

use super::Desktop;

/// Owns `org.freedesktop.Notifications`.
#[derive(Debug)]
pub struct Notices {
    _bus: zbus::Connection,
    seen: watch::Receiver<Vec<String>>,
}

struct Service {
    seen: watch::Sender<Vec<String>>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Service {
    #[expect(clippy::too_many_arguments, reason = "as specified by the desktops")]
    fn notify(
        &self,
        _app_name: &str,
        _replaces: u32,
        _icon: &str,
        summary: &str,
        body: &str,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        self.seen.send_modify(|seen| seen.push(format!("{summary}: {body}")));
        1
    }
}

impl Notices {
    /// Takes notifications from now on.
    ///
    /// # Errors
    /// When the bus refuses.
    pub async fn start(desktop: &Desktop) -> anyhow::Result<Self> {
        let (sender, seen) = watch::channel(Vec::new());
        let bus = desktop.connect().await?;
        bus.object_server().at("/org/freedesktop/Notifications", Service { seen: sender }).await?;
        bus.request_name("org.freedesktop.Notifications").await?;
        Ok(Self { _bus: bus, seen })
    }

    /// Each as `title: text`.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen.borrow().clone()
    }
}
