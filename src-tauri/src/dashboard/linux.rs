//! What only GTK and WebKitGTK can do for a dashboard.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use gtk::glib::Propagation;
use gtk::prelude::{BoxExt as _, WidgetExt as _};
use tauri::Window;
use tauri_runtime_wry::wry::{WebView, WebViewBuilder, WebViewBuilderExtUnix as _, WebViewExtUnix as _};
use webkit2gtk::{NetworkProxyMode, WebViewExt as _, WebsiteDataManagerExt as _};

use super::{Failure, Opening};
use crate::color;
use crate::inbox::{Message, Outbox};

/// Height of the stripe in the profile's colour, along the top of the window.
const STRIPE: i32 = 4;

/// Puts the view into the window, with all that must be so before it loads anything.
pub(super) fn build(
    builder: WebViewBuilder<'_>,
    window: &Window,
    outbox: &Outbox,
    opening: &Opening,
    lost: &Rc<Cell<bool>>,
) -> Result<WebView, Failure> {
    let content = window.default_vbox()?;
    if let Some(color) = opening.color {
        content.pack_start(&stripe(color::rgb(color)), false, false, 0);
    }
    let view = builder.build_gtk(&content)?;
    let webkit = view.webview();
    if let Some(data) = webkit.website_data_manager() {
        data.set_network_proxy_settings(NetworkProxyMode::NoProxy, None);
        // What a page asks a password for is not for us to keep, and WebKit would ask the keychain.
        data.set_persistent_credential_storage_enabled(false);
    }
    reload_when_lost(&webkit, lost);
    // `window.close()` of the page takes the view away; an empty window must not stay behind.
    let (outbox, id) = (outbox.clone(), opening.id.clone());
    webkit.connect_destroy(move |_| outbox.post(Message::Close(id.clone())));
    Ok(view)
}

fn stripe([red, green, blue]: [u8; 3]) -> gtk::DrawingArea {
    let stripe = gtk::DrawingArea::new();
    stripe.set_size_request(-1, STRIPE);
    stripe.connect_draw(move |_, cairo| {
        let [red, green, blue] = [red, green, blue].map(|channel| f64::from(channel) / 255.0);
        cairo.set_source_rgb(red, green, blue);
        if let Err(error) = cairo.paint() {
            tracing::debug!(%error, "the stripe is not drawn");
        }
        Propagation::Stop
    });
    stripe.show();
    stripe
}

/// A page whose process has ended (out of memory, a bug) is loaded again; one that ends at once is left alone.
fn reload_when_lost(webkit: &webkit2gtk::WebView, lost: &Rc<Cell<bool>>) {
    const TOO_SOON: Duration = Duration::from_secs(10);
    let (lost, last) = (Rc::clone(lost), Cell::new(None::<Instant>));
    webkit.connect_web_process_terminated(move |webkit, reason| {
        let again = last.replace(Some(Instant::now())).is_some_and(|last| last.elapsed() < TOO_SOON);
        tracing::warn!(?reason, again, "the dashboard's web process has ended");
        lost.set(again);
        if !again {
            webkit.reload();
        }
    });
}
