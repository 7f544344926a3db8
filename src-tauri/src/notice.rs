//! Says why something that was asked for cannot be had: as a notification of the desktop; where there is
//! none, the manager is shown, which says the same.

use postern_control::view::Trouble;

use crate::inbox::{Message, Outbox};

/// Gives notice.
pub(crate) async fn give(outbox: Outbox, name: Option<String>, trouble: Trouble) {
    let title = name.unwrap_or_else(|| "Postern".to_owned());
    if let Err(error) = notify(&title, &trouble).await {
        tracing::debug!(%error, "no notifications here");
        outbox.post(Message::Show);
    }
}

#[cfg(not(target_os = "linux"))]
async fn notify(_title: &str, _trouble: &Trouble) -> Result<(), &'static str> {
    Err("the manager says it on this system")
}

#[cfg(target_os = "linux")]
async fn notify(title: &str, trouble: &Trouble) -> zbus::Result<()> {
    use std::collections::HashMap;

    use zbus::zvariant::Value;

    const SERVICE: &str = "org.freedesktop.Notifications";
    let bus = zbus::Connection::session().await?;
    let body = markup_free(&format!("{} {}", trouble.sentence, trouble.remedy));
    let hints = HashMap::from([("desktop-entry", Value::from("postern"))]);
    let no_actions: &[&str] = &[];
    let as_the_desktop_likes = -1_i32;
    let call = ("Postern", 0_u32, "postern", title, body, no_actions, hints, as_the_desktop_likes);
    bus.call_method(Some(SERVICE), "/org/freedesktop/Notifications", Some(SERVICE), "Notify", &call).await?;
    Ok(())
}

/// Bodies may be read as markup, and the text may be a server's.
#[cfg(target_os = "linux")]
fn markup_free(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
