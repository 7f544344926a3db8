//! What a screen reader is told: the names of all that is on the screen, over AT-SPI.

use std::time::Duration;

use anyhow::Context as _;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

use super::Desktop;
use crate::process::Process;
use crate::wait::until;

const START_LIMIT: Duration = Duration::from_secs(60);

/// The accessibility bus of a desktop. It is there before the programs that it is to read.
#[derive(Debug)]
pub struct Reader {
    bus: zbus::Connection,
    _launcher: Process,
}

/// Something that can be read: whose it is, and which.
type Part = (String, OwnedObjectPath);

impl Reader {
    /// Starts the bus.
    ///
    /// # Errors
    /// When at-spi2-core is not installed, or does not come up.
    pub async fn start(desktop: &Desktop) -> anyhow::Result<Self> {
        let mut launcher = desktop.command("/usr/libexec/at-spi-bus-launcher");
        launcher.arg("--launch-immediately");
        let launcher = Process::spawn("at-spi-bus-launcher", launcher, desktop.scratch())?;
        const BUS: &str = "org.a11y.Bus";
        let address: String = until("the accessibility bus", START_LIMIT, async || {
            let asked = desktop.bus().call_method(Some(BUS), "/org/a11y/bus", Some(BUS), "GetAddress", &()).await;
            Ok(asked.ok().and_then(|answer| answer.body().deserialize().ok()))
        })
        .await?;
        let bus = zbus::connection::Builder::address(address.as_str())?.build().await;
        Ok(Self { bus: bus.context("the accessibility bus does not answer")?, _launcher: launcher })
    }

    /// Everything that has a name, as `role: name`, in the order it is read.
    ///
    /// # Errors
    /// When nobody keeps what can be read.
    pub async fn reads(&self) -> anyhow::Result<Vec<String>> {
        let root = OwnedObjectPath::try_from("/org/a11y/atspi/accessible/root")?;
        let mut waiting: Vec<Part> = vec![("org.a11y.atspi.Registry".to_owned(), root)];
        let mut reads = Vec::new();
        while let Some((whose, which)) = waiting.pop() {
            // It may be gone by now.
            let Ok((role, name, mut parts)) = self.read(&whose, &which).await else { continue };
            if !name.is_empty() {
                reads.push(format!("{role}: {name}"));
            }
            parts.reverse();
            waiting.extend(parts);
        }
        Ok(reads)
    }
    /// Its role, its name, and what is in it.
    async fn read(&self, whose: &str, which: &OwnedObjectPath) -> zbus::Result<(String, String, Vec<Part>)> {
        const PART: &str = "org.a11y.atspi.Accessible";
        const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
        let role = self.bus.call_method(Some(whose), which, Some(PART), "GetRoleName", &()).await?;
        let name = self.bus.call_method(Some(whose), which, Some(PROPERTIES), "Get", &(PART, "Name")).await?;
        let parts = self.bus.call_method(Some(whose), which, Some(PART), "GetChildren", &()).await?;
        let name: OwnedValue = name.body().deserialize()?;
        Ok((role.body().deserialize()?, name.try_into()?, parts.body().deserialize()?))
    }
}
