//! What only GTK and WebKitGTK can do for a dashboard.

mod bar;
mod changes;
mod find;
mod print;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use gtk::glib::Propagation;
use gtk::glib::error::ErrorDomain as _;
use gtk::prelude::{BoxExt as _, Cast as _, WidgetExt as _};
use postern_control::dashboard::Zoom;
use postern_control::profile::Color;
use tauri::Window;
use tauri_runtime_wry::wry::{WebView, WebViewBuilder, WebViewBuilderExtUnix as _, WebViewExtUnix as _};
use webkit2gtk::{
    NavigationPolicyDecision, NavigationPolicyDecisionExt as _, NetworkError, NetworkProxyMode, PolicyDecisionExt as _,
    PolicyDecisionType, PolicyError, URIRequestExt as _, WebViewExt as _, WebsiteDataManagerExt as _,
};

pub(super) use self::bar::Bar;
use super::{Failure, Leads, away};
use crate::color;
use crate::inbox::Message;

/// Puts the view into the window, with all that must be so before it loads anything.
pub(super) fn build(
    builder: WebViewBuilder<'_>,
    window: &Window,
    leads: Rc<Leads>,
    (lost, stands): (&Rc<Cell<bool>>, &Rc<Cell<bool>>),
    zoom: Zoom,
) -> Result<(Stripe, Bar, WebView), Failure> {
    let content = window.default_vbox()?;
    let stripe = Stripe::new();
    content.pack_start(&stripe.area, false, false, 0);
    let bar = Bar::new(&window.gtk_window()?, &content, Rc::clone(&leads));
    let view = builder.build_gtk(&content)?;
    let webkit = view.webview();
    bar.attach(&webkit, zoom);
    if let Some(data) = webkit.website_data_manager() {
        data.set_network_proxy_settings(NetworkProxyMode::NoProxy, None);
        // What a page asks a password for is not for us to keep, and WebKit would ask the keychain.
        data.set_persistent_credential_storage_enabled(false);
    }
    reload_when_lost(&webkit, lost);
    // `window.close()` of the page takes the view away; an empty window must not stay behind.
    let (outbox, id) = (leads.outbox.clone(), leads.id.clone());
    webkit.connect_destroy(move |_| outbox.post(Message::Close(id.clone())));
    explain_failures(&webkit, Rc::clone(stands));
    watch_over(&webkit, leads);
    Ok((stripe, bar, view))
}

/// Where the gateway itself does not answer, or what it hands on breaks off, nobody but us can say so: WebKit's own page
/// would name a local address.
fn explain_failures(webkit: &webkit2gtk::WebView, stands: Rc<Cell<bool>>) {
    webkit.connect_load_failed(move |webkit, _, address, error| {
        // What was stopped, and what became a download, leaves the page as it is.
        let stopped = error.matches(NetworkError::Cancelled) || error.domain() == PolicyError::domain();
        if !stopped {
            webkit.load_alternate_html(&away::page(stands.get()), address, None);
        }
        !stopped
    });
}

/// Asks before each step: WebKit tells here, and not to wry, whether a person's click or key led to it.
fn watch_over(webkit: &webkit2gtk::WebView, leads: Rc<Leads>) {
    webkit.connect_decide_policy(move |_, decision, kind| {
        let Some(navigation) = decision.dynamic_cast_ref::<NavigationPolicyDecision>() else { return false };
        let Some(action) = navigation.navigation_action() else { return false };
        let target = action.request().and_then(|request| request.uri()).unwrap_or_default();
        let admitted = if kind == PolicyDecisionType::NewWindowAction {
            leads.divert(&target, action.is_user_gesture());
            false
        } else {
            leads.admit(&target, action.is_user_gesture())
        };
        if admitted {
            decision.use_();
        } else {
            decision.ignore();
        }
        true
    });
}

/// The stripe in the profile's colour along the top of the window.
pub(super) struct Stripe {
    area: gtk::DrawingArea,
    color: Rc<Cell<Option<Color>>>,
}

impl Stripe {
    const HEIGHT: i32 = 4;

    fn new() -> Self {
        let area = gtk::DrawingArea::new();
        area.set_size_request(-1, Self::HEIGHT);
        let color = Rc::<Cell<Option<Color>>>::default();
        let shown = Rc::clone(&color);
        area.connect_draw(move |_, cairo| {
            if let Some(color) = shown.get() {
                let [red, green, blue] = color::rgb(color).map(|channel| f64::from(channel) / 255.0);
                cairo.set_source_rgb(red, green, blue);
                if let Err(error) = cairo.paint() {
                    tracing::debug!(%error, "the stripe is not drawn");
                }
            }
            Propagation::Stop
        });
        Self { area, color }
    }

    pub(super) fn set(&self, color: Option<Color>) {
        self.color.set(color);
        self.area.set_visible(color.is_some());
        self.area.queue_draw();
    }
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
