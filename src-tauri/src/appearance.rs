//! Light or dark, as the desktop says it to all programs, and says when it changes: `org.freedesktop.appearance` of
//! org.freedesktop.portal.Settings. GTK hears of it from us, and web views from GTK.
//!
//! Not by tao: it would ask anew for each window and wait for the answer, and look every five seconds for a change.

use futures_util::StreamExt as _;
use zbus::zvariant::{OwnedValue, Value};

use crate::inbox::{Message, Outbox};

const PORTAL: &str = "org.freedesktop.portal.Desktop";
const SETTINGS: &str = "org.freedesktop.portal.Settings";
const WHICH: (&str, &str) = ("org.freedesktop.appearance", "color-scheme");

/// Tells, as long as the session lasts.
pub(crate) async fn watch(outbox: Outbox) {
    if let Err(error) = listen(&outbox).await {
        tracing::debug!(%error, "nobody says whether it is to be light or dark");
    }
}

async fn listen(outbox: &Outbox) -> zbus::Result<()> {
    let bus = zbus::Connection::session().await?;
    let settings = zbus::Proxy::new(&bus, PORTAL, "/org/freedesktop/portal/desktop", SETTINGS).await?;
    let mut told = settings.receive_signal_with_args("SettingChanged", &[(0, WHICH.0), (1, WHICH.1)]).await?;
    // `ReadOne` came later, and not everywhere.
    match settings.call::<_, _, OwnedValue>("Read", &WHICH).await {
        Ok(scheme) => outbox.post(Message::Appearance(Appearance::from(&*scheme))),
        Err(error) => tracing::debug!(%error, "light or dark is not said yet"),
    }
    while let Some(signal) = told.next().await {
        let (_, _, scheme): (String, String, OwnedValue) = signal.body().deserialize()?;
        outbox.post(Message::Appearance(Appearance::from(&*scheme)));
    }
    Ok(())
}

/// What the desktop prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appearance {
    Dark,
    Light,
    /// Neither: it is as GTK's own settings have it.
    Any,
}

impl From<&Value<'_>> for Appearance {
    fn from(scheme: &Value<'_>) -> Self {
        // `Read` wraps it once more.
        let scheme = if let Value::Value(inner) = scheme { inner } else { scheme };
        match u32::try_from(scheme) {
            Ok(1) => Self::Dark,
            Ok(2) => Self::Light,
            Ok(_) | Err(_) => Self::Any,
        }
    }
}

/// Has GTK draw in that way, and with it every window.
pub(crate) fn show(appearance: Appearance) {
    use gtk::prelude::GtkSettingsExt as _;

    let Some(settings) = gtk::Settings::default() else { return };
    match appearance {
        Appearance::Dark => settings.set_gtk_application_prefer_dark_theme(true),
        Appearance::Light => settings.set_gtk_application_prefer_dark_theme(false),
        Appearance::Any => settings.reset_property("gtk-application-prefer-dark-theme"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_dark_or_light_or_neither() {
        for (scheme, expected) in [
            (Value::U32(1), Appearance::Dark),
            (Value::Value(Box::new(Value::U32(1))), Appearance::Dark),
            (Value::U32(2), Appearance::Light),
            (Value::U32(0), Appearance::Any),
            (Value::U32(3), Appearance::Any),
            (Value::Str("1".into()), Appearance::Any),
        ] {
            assert_eq!(Appearance::from(&scheme), expected, "{scheme:?}");
        }
    }
}
