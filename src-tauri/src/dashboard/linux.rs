//! What only GTK and WebKitGTK can do for a dashboard.

mod bar;
mod changes;
mod find;
mod pending;
mod print;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use gtk::glib::error::ErrorDomain as _;
use gtk::glib::{self, Propagation};
use gtk::prelude::{BoxExt as _, Cast as _, WidgetExt as _};
use postern_control::dashboard::{self, Zoom};
use postern_control::profile::Color;
use tauri::Window;
use tauri_runtime_wry::wry::{WebView, WebViewBuilder, WebViewBuilderExtUnix as _, WebViewExtUnix as _};
use url::Url;
use webkit2gtk::{
    NavigationPolicyDecision, NavigationPolicyDecisionExt as _, NavigationType, NetworkError, NetworkProxyMode,
    PolicyDecisionExt as _, PolicyDecisionType, PolicyError, URIRequestExt as _, WebViewExt as _,
    WebsiteDataManagerExt as _,
};

use self::bar::Bar;
pub(super) use self::pending::Pending;
use super::{Failure, Leads, away};
use crate::color;
use crate::inbox::Message;

/// What is around the page, and watches over it.
pub(super) struct Frame {
    stripe: Stripe,
    pub(super) bar: Bar,
    /// The gateway is there.
    stands: Rc<Cell<bool>>,
}

impl Frame {
    /// Shows what the state says now.
    pub(super) fn show(&self, shown: &dashboard::Dashboard) {
        self.stripe.set(shown.color);
        self.stands.set(shown.stands);
        self.bar.show(shown);
    }
}

/// Puts the view into the window, with all that must be so before it loads anything.
pub(super) fn build(
    builder: WebViewBuilder<'_>,
    window: &Window,
    leads: Rc<Leads>,
    lost: &Rc<Cell<bool>>,
    zoom: Zoom,
) -> Result<(Frame, WebView), Failure> {
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
    let stands = Rc::new(Cell::new(true));
    follow_loads(&webkit, &leads);
    explain_failures(&webkit, Rc::clone(&stands));
    watch_over(&webkit, leads);
    Ok((Frame { stripe, bar, stands }, view))
}

/// How far each load comes. Where to is not logged: it may hold a pass.
fn follow_loads(webkit: &webkit2gtk::WebView, leads: &Rc<Leads>) {
    let of = Rc::clone(leads);
    webkit.connect_load_changed(move |_, event| {
        tracing::debug!(profile = %of.id, ?event, "the dashboard loads");
        of.pending.progress(event);
    });
    let of = Rc::clone(leads);
    webkit.connect_load_failed(move |_, event, _, error| {
        let stopped = is_stopped(error);
        tracing::debug!(profile = %of.id, ?event, stopped, "the dashboard does not load");
        of.pending.fail(stopped, Instant::now());
        false
    });
}

/// Where the gateway itself does not answer, or what it hands on breaks off, nobody but us can say so: WebKit's own page
/// would name a local address.
fn explain_failures(webkit: &webkit2gtk::WebView, stands: Rc<Cell<bool>>) {
    webkit.connect_load_failed(move |webkit, _, address, error| {
        if is_stopped(error) {
            return false;
        }
        webkit.load_alternate_html(&away::page(stands.get()), address, None);
        true
    });
}

/// Stopped for another load, or become a download: it leaves the page as it is.
fn is_stopped(error: &glib::Error) -> bool {
    error.matches(NetworkError::Cancelled) || error.domain() == PolicyError::domain()
}

/// Asks before each step: WebKit tells here, and not to wry, whether a person's click or key led to it.
fn watch_over(webkit: &webkit2gtk::WebView, leads: Rc<Leads>) {
    webkit.connect_decide_policy(move |webkit, decision, kind| {
        let Some(navigation) = decision.dynamic_cast_ref::<NavigationPolicyDecision>() else { return false };
        let Some(mut action) = navigation.navigation_action() else { return false };
        let target = action.request().and_then(|request| request.uri()).unwrap_or_default();
        let asked = action.is_user_gesture();
        if kind == PolicyDecisionType::NewWindowAction {
            leads.divert(&target, asked);
            decision.ignore();
            return true;
        }
        let kind = action.navigation_type();
        // What a click began may end in a script that loads the page again: nobody asked for that.
        let wanted = asked && kind != NavigationType::Reload || kind == NavigationType::BackForward;
        if wanted {
            leads.pending.forget();
        } else if !action.is_redirect()
            && let Ok(address) = Url::parse(&target)
            && let Some(page) = leads.pending.overtaken(&address, Instant::now())
        {
            leads.refuse(&target, "it is being left");
            decision.ignore();
            webkit.load_uri(page.as_str());
            return true;
        }
        if leads.admit(&target, asked) {
            decision.use_();
        } else {
            decision.ignore();
        }
        true
    });
}

/// The stripe in the profile's colour along the top of the window.
struct Stripe {
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

    fn set(&self, color: Option<Color>) {
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
