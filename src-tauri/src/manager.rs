//! The manager's window: the only one whose page talks to us, and the only one that capabilities name.

use std::path::Path;

use postern_control::Secret;
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager as _, WebviewUrl, WebviewWindowBuilder};
use url::Url;

use crate::browser;
use crate::navigation::{self, Verdict};

/// The window's label, as in `capabilities/manager.json`.
pub(crate) const LABEL: &str = "manager";

/// The event that tells the page of a new view.
pub(crate) const VIEW_CHANGED: &str = "manager-view";

/// Where the pages built into the program live.
const HOME: &str = if cfg!(windows) { "http://tauri.localhost" } else { "tauri://localhost" };

/// Opens the window, or brings it to the front. It is made when it is first wanted: a web view costs memory.
///
/// # Errors
/// When the system cannot make it.
pub(crate) fn show(app: &AppHandle, data: &Path) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(window) = app.get_webview_window(LABEL) {
        window.unminimize()?;
        window.show()?;
        window.set_focus()?;
        return Ok(());
    }
    let home = Url::parse(HOME)?;
    // The page is our own: a link in it is followed by nobody but a person.
    let opener = app.clone();
    let leads = move |target: &Url| match navigation::judge(&home, target.as_str()) {
        Verdict::Stay => true,
        Verdict::Browser(url) => {
            browser::open(&opener, Secret::new(url.to_string()));
            false
        }
        Verdict::Refuse => false,
    };
    let new_window = leads.clone();
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
        .title("Postern")
        .inner_size(960.0, 760.0)
        .min_inner_size(420.0, 420.0)
        .data_directory(data.join("manager"))
        .on_navigation(leads)
        .on_new_window(move |target, _| {
            new_window(&target);
            NewWindowResponse::Deny
        })
        .build()?;
    Ok(())
}
