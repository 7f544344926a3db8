//! A real gnome-keyring with an unlocked login collection.

use std::time::Duration;

use super::Desktop;
use crate::process::Process;

const START_LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Keyring {
    _process: Process,
}

impl Keyring {
    pub(super) async fn start(desktop: &Desktop) -> anyhow::Result<Self> {
        let mut daemon = desktop.command("gnome-keyring-daemon");
        daemon.args(["--foreground", "--unlock", "--components=secrets"]);
        // Whatever it is: it is the password of a collection that is made now.
        let mut process = Process::spawn_with_input("gnome-keyring", daemon, "keyring", desktop.scratch())?;
        process
            .until("a secret service on the bus", START_LIMIT, async |_| {
                Ok(desktop.has_service("org.freedesktop.secrets").await?.then_some(()))
            })
            .await?;
        Ok(Self { _process: process })
    }
}
