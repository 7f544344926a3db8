//! Notices, as the desktop shows them.

use postern_control::view::Trouble;

use crate::inbox::{Message, Outbox};

/// Says why something that was asked for cannot be had: where there are no notices, in a window.
pub(crate) async fn give(outbox: Outbox, name: Option<String>, trouble: Trouble) {
    let title = name.unwrap_or_else(|| "Postern".to_owned());
    if let Err(error) = show(&title, &format!("{} {}", trouble.sentence, trouble.remedy)).await {
        tracing::debug!(%error, "no notices here");
        outbox.post(Message::Tell { title, trouble });
    }
}

/// The same in a window that holds nobody up. On the thread of the event loop.
#[cfg(target_os = "linux")]
pub(crate) fn show_window(title: &str, trouble: &Trouble) {
    use gtk::prelude::*;
    use gtk::{ButtonsType, DialogFlags, MessageDialog, MessageType, Window};

    let (nobodys, words) = (None::<&Window>, &trouble.sentence);
    let dialog = MessageDialog::new(nobodys, DialogFlags::empty(), MessageType::Warning, ButtonsType::Close, words);
    dialog.set_title(title);
    dialog.set_secondary_text(Some(&trouble.remedy));
    dialog.connect_response(|dialog, _| dialog.close());
    dialog.show_all();
}

/// Shows a notice.
///
/// # Errors
/// When nobody shows notices here.
#[cfg(not(target_os = "linux"))]
pub(crate) async fn show(title: &str, text: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut notice = notify_rust::Notification::new();
    notice.appname("Postern").summary(title).body(text);
    tauri::async_runtime::spawn_blocking(move || notice.show().map(drop)).await??;
    Ok(())
}

/// Shows a notice.
///
/// # Errors
/// When nobody shows notices here.
#[cfg(target_os = "linux")]
pub(crate) async fn show(title: &str, text: &str) -> zbus::Result<()> {
    use std::collections::HashMap;

    use zbus::zvariant::Value;

    const SERVICE: &str = "org.freedesktop.Notifications";
    let bus = zbus::Connection::session().await?;
    let hints = HashMap::from([("desktop-entry", Value::from("postern"))]);
    let no_actions: &[&str] = &[];
    let as_the_desktop_likes = -1_i32;
    let call = ("Postern", 0_u32, "postern", title, markup_free(text), no_actions, hints, as_the_desktop_likes);
    bus.call_method(Some(SERVICE), "/org/freedesktop/Notifications", Some(SERVICE), "Notify", &call).await?;
    Ok(())
}

/// Texts may be read as markup, and may be a server's.
#[cfg(target_os = "linux")]
pub(crate) fn markup_free(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
