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
        Ok(scheme) => outbox.post(Message::Appearance { dark: is_dark(&scheme) }),
        Err(error) => tracing::debug!(%error, "light or dark is not said yet"),
    }
    while let Some(signal) = told.next().await {
        let (_, _, scheme): (String, String, OwnedValue) = signal.body().deserialize()?;
        outbox.post(Message::Appearance { dark: is_dark(&scheme) });
    }
    Ok(())
}

/// 1: dark is preferred; 2: light is; 0: neither.
fn is_dark(scheme: &Value<'_>) -> bool {
    // `Read` wraps it once more.
    let scheme = if let Value::Value(inner) = scheme { inner } else { scheme };
    scheme == &Value::U32(1)
}

/// Has GTK draw in that way, and with it every window.
pub(crate) fn show(dark: bool) {
    use gtk::prelude::GtkSettingsExt as _;

    if let Some(settings) = gtk::Settings::default() {
        settings.set_gtk_application_prefer_dark_theme(dark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dark_is_what_is_said_to_be_dark() {
        for (scheme, dark) in [
            (Value::U32(1), true),
            (Value::Value(Box::new(Value::U32(1))), true),
            (Value::U32(0), false),
            (Value::U32(2), false),
            (Value::Str("1".into()), false),
        ] {
            assert_eq!(is_dark(&scheme), dark, "{scheme:?}");
        }
    }
}
