//! What the system says of the machine: that it slept, and whether it saves its battery.

use super::Desktop;

const LOGIN: &str = "/org/freedesktop/login1";
const POWER: &str = "org.freedesktop.UPower.PowerProfiles";

/// Owns `org.freedesktop.login1` and [`POWER`].
#[derive(Debug)]
pub struct Machine {
    bus: zbus::Connection,
}

struct Power {
    profile: String,
}

#[zbus::interface(name = "org.freedesktop.UPower.PowerProfiles")]
impl Power {
    #[zbus(property)]
    fn active_profile(&self) -> String {
        self.profile.clone()
    }
}

impl Machine {
    /// One that is awake and spares nothing.
    ///
    /// # Errors
    /// When the bus refuses.
    pub async fn start(desktop: &Desktop) -> anyhow::Result<Self> {
        let bus = desktop.connect().await?;
        bus.object_server()
            .at("/org/freedesktop/UPower/PowerProfiles", Power { profile: "balanced".to_owned() })
            .await?;
        bus.request_name("org.freedesktop.login1").await?;
        bus.request_name(POWER).await?;
        Ok(Self { bus })
    }

    /// Goes to sleep, and is awake again at once.
    ///
    /// # Errors
    /// When the bus refuses.
    pub async fn sleeps_and_wakes(&self) -> anyhow::Result<()> {
        for about_to_sleep in [true, false] {
            let manager = "org.freedesktop.login1.Manager";
            self.bus.emit_signal(None::<&str>, LOGIN, manager, "PrepareForSleep", &about_to_sleep).await?;
        }
        Ok(())
    }
}
