//! What Linux says on its system bus: that it has slept, and whether it saves its battery.

use futures_util::StreamExt as _;
use tokio::sync::Notify;
use zbus::{Connection, Proxy};

use crate::controller::Event;
use crate::controller::driver::Outcomes;

/// Listens as long as there is somebody to listen to.
pub(super) async fn watch(changed: &Notify, outcomes: &Outcomes) {
    let bus = match Connection::system().await {
        Ok(bus) => bus,
        Err(error) => {
            tracing::debug!(%error, "no system bus");
            return;
        }
    };
    let [upower, before] = POWER.map(|(name, path)| power(&bus, name, path, outcomes));
    for heard in <[_; 3]>::from(tokio::join!(sleep(&bus, changed), upower, before)) {
        if let Err(error) = heard {
            tracing::debug!(%error, "nobody tells of sleep, or of the battery");
        }
    }
}

/// org.freedesktop.login1(5): told before the machine sleeps, and when it has woken up.
async fn sleep(bus: &Connection, changed: &Notify) -> zbus::Result<()> {
    const MANAGER: &str = "org.freedesktop.login1.Manager";
    let login = Proxy::new(bus, "org.freedesktop.login1", "/org/freedesktop/login1", MANAGER).await?;
    let mut told = login.receive_signal("PrepareForSleep").await?;
    while let Some(signal) = told.next().await {
        let about_to_sleep: bool = signal.body().deserialize()?;
        if !about_to_sleep {
            changed.notify_one();
        }
    }
    Ok(())
}

/// Who keeps power profiles, from its version 0.20 on and before: name and interface, and path.
const POWER: [(&str, &str); 2] = [
    ("org.freedesktop.UPower.PowerProfiles", "/org/freedesktop/UPower/PowerProfiles"),
    ("net.hadess.PowerProfiles", "/net/hadess/PowerProfiles"),
];

/// Told when the profile changes, and which it is as soon as anybody keeps one.
async fn power(bus: &Connection, name: &'static str, path: &'static str, outcomes: &Outcomes) -> zbus::Result<()> {
    let profiles = Proxy::new(bus, name, path, name).await?;
    let mut told = profiles.receive_property_changed::<String>("ActiveProfile").await;
    while let Some(profile) = told.next().await {
        outcomes.send(Event::Saving(profile.get().await? == "power-saver")).await;
    }
    Ok(())
}
