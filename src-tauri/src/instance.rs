//! One Postern for each configuration folder: two would take each other's ports. A second start hands its wish over to
//! the first, and ends with exit code 0. Two with different configuration folders do not know each other.
//!
//! tauri's plugin sees to it, on Linux by a name on the session bus. But there it ends a process whose toolkit is up, with
//! threads of the toolkit's and the bus's still running, and now and then one of them goes down with a signal. So the
//! second start asks for itself first, before it is more than a caller, and needs no display; the plugin meets only two that
//! start at once, of which the second fails where the first does.

use postern_control::controller::Handle;
use postern_control::folders::Folders;
use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Config, Manager as _, Wry};

use crate::options::Wish;

/// The one that a start belongs to.
pub(crate) struct Instance {
    #[cfg(target_os = "linux")]
    bus_name: String,
}

impl Instance {
    pub(crate) fn of(folders: &Folders, config: &Config) -> Self {
        #[cfg(target_os = "linux")]
        return Self { bus_name: linux::bus_name(folders, &config.identifier) };
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (folders, config);
            Self {}
        }
    }

    /// Whether another is there, and has taken over what this start was to do.
    ///
    /// # Errors
    /// When it is there and does not answer.
    pub(crate) fn hand_over(&self) -> Result<bool, &'static str> {
        #[cfg(target_os = "linux")]
        return tauri::async_runtime::block_on(linux::hand_over(&self.bus_name));
        #[cfg(not(target_os = "linux"))]
        Ok(false)
    }

    /// Takes what later starts hand over.
    pub(crate) fn plugin(self) -> TauriPlugin<Wry> {
        let builder = tauri_plugin_single_instance::Builder::new().callback(|app: &AppHandle, arguments, _| {
            // In this one's very first moment there is nobody to ask yet.
            if let Some(controller) = app.try_state::<Handle>() {
                Wish::of_second_start(arguments).grant(&controller);
            }
        });
        #[cfg(target_os = "linux")]
        let builder = builder.dbus_id(self.bus_name);
        builder.build()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::env;
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    use std::time::Duration;

    use postern_control::folders::Folders;
    use tokio::time::timeout;

    pub(super) fn bus_name(folders: &Folders, identifier: &str) -> String {
        if Folders::system().as_ref() == Some(folders) {
            return identifier.to_owned();
        }
        let mut hasher = DefaultHasher::new();
        folders.config().hash(&mut hasher);
        format!("{identifier}.at_{:016x}", hasher.finish())
    }

    /// As the plugin does it, without its `semver` feature.
    pub(super) async fn hand_over(bus_name: &str) -> Result<bool, &'static str> {
        const PATIENCE: Duration = Duration::from_secs(15);
        let name = format!("{bus_name}.SingleInstance");
        let path = format!("/{}", name.replace('.', "/").replace('-', "_"));
        let arguments: Vec<String> = env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let folder = env::current_dir().unwrap_or_default();
        let handed = async {
            let bus = zbus::Connection::session().await?;
            let body = (arguments, folder.to_string_lossy().into_owned());
            bus.call_method(Some(name), path, Some("org.SingleInstance.DBus"), "ExecuteCallback", &body).await
        };
        match timeout(PATIENCE, handed).await {
            Ok(Ok(_)) => Ok(true),
            // Nobody is there, or one that is ending and hung up, or there is no bus.
            Ok(Err(error)) => {
                tracing::debug!(%error, "this start is the first");
                Ok(false)
            }
            Err(_) => Err("the Postern that is here already does not answer; end it, and start it again"),
        }
    }
}
