//! Dashboards: one window for each profile, showing the server's Prefect UI through its gateway.
//!
//! The page comes from the server, which may be hostile. So the window is tauri's, but the web view in it is
//! wry's own, built here:
//!
//! 1. No IPC: no `__TAURI_INTERNALS__`, no `window.ipc`, and neither `tauri:` nor `ipc:` mean anything in it.
//!    A tauri web view would have them injected and rely on every single command being refused.
//! 2. Storage of its own: cookies, local storage and cache of one profile are in that profile's folder.
//! 3. It stays at its gateway's origin ([`crate::navigation`]), and gets no camera, microphone or location.
//! 4. No proxy: the gateway is on this machine, whatever the system's proxy settings say.
//!
//! The address a window starts from holds a pass: it is never logged.
//!
//! wry's views live on the thread that runs the event loop, and so does everything here.

#[cfg(target_os = "linux")]
mod away;
mod downloads;
mod keeper;
#[cfg(target_os = "linux")]
mod linux;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use postern_control::Secret;
use postern_control::dashboard::{self, Kept, Place, Screen};
use postern_control::profile::{Color, ProfileId};
#[cfg(debug_assertions)]
use tauri::Manager as _;
use tauri::window::WindowBuilder;
use tauri::{AppHandle, Monitor, Window, Wry};
use tauri_runtime_wry::wry::{self, NewWindowResponse, PermissionResponse, WebContext, WebView, WebViewBuilder};
use url::Url;

use self::downloads::Downloads;
use self::keeper::Keeper;
use crate::browser::Outlet;
use crate::color;
use crate::inbox::{Message, Outbox};
use crate::navigation::{self, Verdict};

/// What a dashboard window is opened with.
pub(crate) struct Opening {
    pub(crate) id: ProfileId,
    /// The profile's name.
    pub(crate) name: String,
    pub(crate) color: Option<Color>,
    /// A one-time address that lets the window in.
    pub(crate) enter: Secret,
    /// The page that it leads to, where one was asked for: that is loaded, whatever the window shows.
    pub(crate) page: Option<Secret>,
    /// Where everything in the window must stay.
    pub(crate) origin: String,
    /// Cookies and storage of this profile only.
    pub(crate) data_dir: PathBuf,
}

/// The dashboards that are open.
#[derive(Default)]
pub(crate) struct Dashboards {
    open: HashMap<ProfileId, Dashboard>,
    downloads: Rc<Downloads>,
    keeper: Keeper,
}

/// One window. The view goes before what it stands on.
struct Dashboard {
    view: WebView,
    _context: WebContext,
    window: Window,
    #[cfg(target_os = "linux")]
    frame: linux::Frame,
    /// What is shown beside the page.
    shown: Option<dashboard::Dashboard>,
    /// As it was written last.
    kept: Kept,
    /// Where that is, with cookies and storage.
    data_dir: PathBuf,
    leads: Rc<Leads>,
    /// The page's process has ended, and a reload did not bring it back.
    lost: Rc<Cell<bool>>,
    /// The profile was removed here: what is kept is deleted when the window is gone.
    is_leftover: bool,
}

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("The system makes no window: {0}")]
    Window(#[from] tauri::Error),
    #[error("The system makes no web view: {0}")]
    View(#[from] wry::Error),
    #[error("“{0}” is no address of a gateway")]
    Origin(String),
}

impl Dashboards {
    /// Opens the profile's window, or brings it to the front. An open window keeps what it shows, as long as that
    /// is the server's and no other page was asked for.
    ///
    /// # Errors
    /// When the system cannot make the window.
    pub(crate) fn open(&mut self, app: &AppHandle, outbox: &Outbox, opening: Opening) -> Result<(), Failure> {
        if let Some(dashboard) = self.open.get(&opening.id) {
            dashboard.bring_to_front()?;
            return dashboard.enter_if_shut_out(outbox, opening);
        }
        let dashboard = Dashboard::new(app, outbox, &self.downloads, &opening)?;
        dashboard.enter(opening.enter.expose())?;
        self.open.insert(opening.id, dashboard);
        Ok(())
    }

    /// Loads a one-time address of the gateway's in the profile's window, where one is open.
    ///
    /// # Errors
    /// When the web view refuses.
    pub(crate) fn enter(&self, id: &ProfileId, address: &str) -> Result<(), Failure> {
        self.open.get(id).map_or(Ok(()), |dashboard| dashboard.enter(address))
    }

    /// Loads an address of the server's in the profile's window, where one is open.
    ///
    /// # Errors
    /// When the web view refuses.
    pub(crate) fn follow(&self, id: &ProfileId, address: &Url) -> Result<(), Failure> {
        self.open.get(id).map_or(Ok(()), |dashboard| {
            #[cfg(target_os = "linux")]
            dashboard.leads.pending.ask(address);
            Ok(dashboard.view.load_url(address.as_str())?)
        })
    }

    /// Closes the profile's window, where one is open.
    pub(crate) fn close(&self, id: &ProfileId) {
        if let Some(dashboard) = self.open.get(id)
            && let Err(error) = dashboard.window.close()
        {
            tracing::warn!(profile = %id, %error, "the dashboard's window does not close");
        }
    }

    /// Closes the profile's window, where one is open, and deletes what it kept.
    pub(crate) fn remove(&mut self, id: &ProfileId, data_dir: PathBuf) {
        match self.open.get_mut(id) {
            Some(dashboard) => {
                dashboard.is_leftover = true;
                self.close(id);
            }
            None => self.keeper.delete(data_dir),
        }
    }

    /// Whose are open, in the order of their ids.
    pub(crate) fn open_ones(&self) -> Vec<ProfileId> {
        let mut ids: Vec<ProfileId> = self.open.keys().cloned().collect();
        ids.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        ids
    }

    /// Whose window has this label.
    pub(crate) fn whose(&self, window: &str) -> Option<&ProfileId> {
        self.open.keys().find(|id| label(id) == window)
    }

    /// Shows beside the page what the state says now.
    pub(crate) fn show(&mut self, id: &ProfileId, shown: dashboard::Dashboard) {
        if let Some(dashboard) = self.open.get_mut(id)
            && let Err(error) = dashboard.show(shown)
        {
            tracing::warn!(profile = %id, %error, "the dashboard's window shows what was so before");
        }
    }

    /// Says in the profile's window, for a moment, that something was done.
    pub(crate) fn say(&self, id: &ProfileId, text: &str) {
        #[cfg(target_os = "linux")]
        if let Some(dashboard) = self.open.get(id) {
            dashboard.frame.bar.say(text);
        }
        // Elsewhere a window has no bar yet, and nothing in it copies.
        #[cfg(not(target_os = "linux"))]
        tracing::debug!(profile = %id, text, "done");
    }

    /// Keeps what the profile's window is like now, for the next one.
    pub(crate) fn keep(&mut self, id: &ProfileId) {
        if let Some(dashboard) = self.open.get_mut(id).filter(|dashboard| !dashboard.is_leftover)
            && dashboard.look()
        {
            self.keeper.keep(dashboard.data_dir.clone(), dashboard.kept.clone());
        }
    }

    /// The window with this label is about to go.
    pub(crate) fn goes(&mut self, window: &str) {
        if let Some(id) = self.whose(window).cloned() {
            self.keep(&id);
        }
    }

    /// All windows are about to go: waits until what is kept of them is written.
    pub(crate) fn end(&mut self) {
        for id in self.open_ones() {
            self.keep(&id);
        }
        self.keeper = Keeper::default();
    }

    /// The window with this label is gone.
    pub(crate) fn gone(&mut self, gone: &str) {
        let Some(id) = self.whose(gone).cloned() else { return };
        let Some(dashboard) = self.open.remove(&id) else { return };
        let leftover = dashboard.is_leftover.then(|| dashboard.data_dir.clone());
        drop(dashboard);
        if let Some(data_dir) = leftover {
            self.keeper.delete(data_dir);
        }
    }
}

fn title(name: &str) -> String {
    format!("{name} — Prefect")
}

fn label(id: &ProfileId) -> String {
    format!("dashboard-{id}")
}

impl Dashboard {
    fn new(app: &AppHandle, outbox: &Outbox, downloads: &Rc<Downloads>, opening: &Opening) -> Result<Self, Failure> {
        let home = Url::parse(&opening.origin).map_err(|_| Failure::Origin(opening.origin.clone()))?;
        let kept = Kept::load(&opening.data_dir);
        let window = WindowBuilder::new(app, label(&opening.id)).title(title(&opening.name));
        let window = place(app, window, kept.place).min_inner_size(480.0, 360.0).build()?;
        let dashboard = Self::fill(app, outbox, (opening, kept), (home, downloads), window.clone());
        if dashboard.is_err()
            && let Err(error) = window.destroy()
        {
            tracing::warn!(%error, "an empty window stays behind");
        }
        dashboard
    }

    fn fill(
        app: &AppHandle,
        outbox: &Outbox,
        (opening, kept): (&Opening, Kept),
        (home, downloads): (Url, &Rc<Downloads>),
        window: Window,
    ) -> Result<Self, Failure> {
        let mut context = WebContext::new(Some(opening.data_dir.clone()));
        // Debug builds only: tests look into the page. Only the first web view of a process can be driven so.
        #[cfg(debug_assertions)]
        context.set_allows_automation(
            app.webview_windows().is_empty()
                && std::env::var_os("TAURI_WEBVIEW_AUTOMATION").is_some_and(|value| value == "true"),
        );
        let lost = Rc::default();
        let leads = Rc::new(Leads {
            id: opening.id.clone(),
            home: RefCell::new(home),
            #[cfg(target_os = "linux")]
            pending: linux::Pending::default(),
            outlet: Outlet::new(app.clone()),
            outbox: outbox.clone(),
        });
        let builder = downloads.take(view(&mut context, &leads), &leads);
        #[cfg(target_os = "linux")]
        let (frame, view) = linux::build(builder, &window, Rc::clone(&leads), &lost, kept.zoom)?;
        #[cfg(target_os = "macos")]
        let view = {
            use wry::WebViewBuilderExtDarwin as _;
            builder.with_data_store_identifier(store_identifier(&opening.id)).build(&window)?
        };
        #[cfg(windows)]
        let view = builder.build(&window)?;
        #[cfg(not(target_os = "linux"))]
        view.zoom(kept.zoom.factor())?;
        let mut dashboard = Self {
            view,
            _context: context,
            window,
            #[cfg(target_os = "linux")]
            frame,
            shown: None,
            kept,
            data_dir: opening.data_dir.clone(),
            leads,
            lost,
            is_leftover: false,
        };
        let (name, color) = (opening.name.clone(), opening.color);
        dashboard.show(dashboard::Dashboard { name, color, stands: true, notice: None, changes: None })?;
        Ok(dashboard)
    }

    fn show(&mut self, shown: dashboard::Dashboard) -> tauri::Result<()> {
        if self.shown.as_ref() == Some(&shown) {
            return Ok(());
        }
        self.window.set_title(&title(&shown.name))?;
        self.window.set_icon(color::icon(shown.color, &shown.name))?;
        #[cfg(target_os = "linux")]
        self.frame.show(&shown);
        self.shown = Some(shown);
        Ok(())
    }

    /// Sees what the window is like. Whether it is another than before.
    fn look(&mut self) -> bool {
        let before = self.kept.clone();
        #[cfg(target_os = "linux")]
        {
            self.kept.zoom = self.frame.bar.zoom();
        }
        if let Some(address) = self.view.url().ok().and_then(|url| Url::parse(&url).ok())
            && address.origin() == self.leads.home.borrow().origin()
        {
            self.kept.set_page(&address);
        }
        match self.place() {
            Ok(place) => self.kept.place = Some(place),
            Err(error) => tracing::debug!(%error, "where a window is cannot be told"),
        }
        self.kept != before
    }

    fn place(&self) -> tauri::Result<Place> {
        if self.window.is_maximized()?
            && let Some(before) = self.kept.place
        {
            return Ok(Place { maximized: true, ..before });
        }
        let scale = self.window.scale_factor()?;
        let (at, size) = (self.window.outer_position()?, self.window.inner_size()?);
        let (at, size) = (at.to_logical(scale), size.to_logical(scale));
        let maximized = self.window.is_maximized()?;
        Ok(Place { x: at.x, y: at.y, width: size.width, height: size.height, maximized })
    }

    fn enter(&self, address: &str) -> Result<(), Failure> {
        // Not repeated in the error: it holds a pass.
        let url = Url::parse(address).map_err(|_| Failure::Origin("what the gateway gave".to_owned()))?;
        self.leads.home.replace(url);
        self.lost.set(false);
        #[cfg(target_os = "linux")]
        self.leads.pending.forget();
        Ok(self.view.load_url(address)?)
    }

    fn bring_to_front(&self) -> tauri::Result<()> {
        self.window.unminimize()?;
        self.window.show()?;
        self.window.set_focus()
    }

    /// Whether the page is none of the server's: one of the gateway's own, which it marks, or one of nobody's,
    /// such as the web view's own about a connection it did not get. What the page says about itself can only cost
    /// it its own state.
    fn enter_if_shut_out(&self, outbox: &Outbox, opening: Opening) -> Result<(), Failure> {
        let moved = !matches!(navigation::judge(&self.leads.home.borrow(), &opening.origin), Verdict::Stay);
        if moved || opening.page.is_some() || self.lost.get() {
            self.enter(opening.enter.expose())?;
            #[cfg(target_os = "linux")]
            if let Some(page) = opening.page.and_then(|page| Url::parse(page.expose()).ok()) {
                self.leads.pending.ask(&page);
            }
            return Ok(());
        }
        let enter = Message::Enter { id: opening.id, address: opening.enter };
        let enter = std::sync::Mutex::new(Some(enter));
        let outbox = outbox.clone();
        let home = self.leads.home.borrow().origin().ascii_serialization();
        let shut_out =
            format!("location.origin !== '{home}' || document.documentElement.hasAttribute('data-postern-fault')");
        Ok(self.view.evaluate_script_with_callback(&shut_out, move |shut_out| {
            let enter = enter.lock().map_or(None, |mut enter| enter.take());
            if let Some(enter) = enter.filter(|_| shut_out == "true") {
                outbox.post(enter);
            }
        })?)
    }
}

/// Where the window before was, if a person finds it there; else where the system likes it.
fn place<'a>(
    app: &'a AppHandle,
    window: WindowBuilder<'a, Wry, AppHandle>,
    place: Option<Place>,
) -> WindowBuilder<'a, Wry, AppHandle> {
    let screens: Vec<Screen> = app.available_monitors().unwrap_or_default().iter().map(screen).collect();
    let Some(place) = place.and_then(|place| place.bounded(&screens)) else {
        return window.inner_size(1280.0, 860.0);
    };
    let window = window.inner_size(place.width, place.height).maximized(place.maximized);
    if place.is_on(&screens) { window.position(place.x, place.y) } else { window }
}

fn screen(monitor: &Monitor) -> Screen {
    let scale = monitor.scale_factor();
    let (at, size) = (monitor.position().to_logical(scale), monitor.size().to_logical(scale));
    Screen { x: at.x, y: at.y, width: size.width, height: size.height }
}

fn view<'a>(context: &'a mut WebContext, leads: &Rc<Leads>) -> WebViewBuilder<'a> {
    let builder = WebViewBuilder::new_with_web_context(context)
        .with_permission_handler(|_| PermissionResponse::Deny)
        .with_devtools(cfg!(debug_assertions))
        .with_general_autofill_enabled(false)
        // Linux has keys of its own: see `linux`.
        .with_hotkeys_zoom(cfg!(not(target_os = "linux")))
        .with_back_forward_navigation_gestures(true)
        .with_focused(true);
    // Linux asks before it gets here, and knows more: see `linux`.
    #[cfg(not(target_os = "linux"))]
    let builder = {
        let here = Rc::clone(leads);
        builder.with_navigation_handler(move |target| here.admit(&target, true))
    };
    let elsewhere = Rc::clone(leads);
    builder.with_new_window_req_handler(move |target, _| {
        elsewhere.divert(&target, true);
        NewWindowResponse::Deny
    })
}

/// Where a page leads, and what becomes of it.
struct Leads {
    id: ProfileId,
    /// Where everything in the window must stay. Another one when the profile's port is.
    home: RefCell<Url>,
    #[cfg(target_os = "linux")]
    pending: linux::Pending,
    outlet: Outlet,
    outbox: Outbox,
}

impl Leads {
    /// The first page.
    #[cfg(target_os = "linux")]
    fn first(&self) -> Url {
        let home = self.home.borrow();
        home.join("/").unwrap_or_else(|_| home.clone())
    }

    /// Whether the window itself, or a frame in it, goes there. `asked`: a person's click or key led to it.
    fn admit(&self, target: &str, asked: bool) -> bool {
        match navigation::judge(&self.home.borrow(), target) {
            Verdict::Stay => return true,
            Verdict::Browser(url) if asked => self.outlet.offer(&url),
            Verdict::Browser(url) => self.refuse(url.scheme(), "the page leads there by itself"),
            Verdict::Refuse => self.refuse(target, "it is for no window or browser"),
        }
        false
    }

    /// There is one window for each server: what would open another one of its own leads there instead.
    fn divert(&self, target: &str, asked: bool) {
        // An empty window, for the page to fill, is a window of its own.
        if target.starts_with("http")
            && let Ok(address) = Url::parse(target)
            && matches!(navigation::judge(&self.home.borrow(), target), Verdict::Stay)
        {
            self.outbox.post(Message::Follow { id: self.id.clone(), address });
        } else if self.admit(target, asked) {
            self.refuse(target, "there is one window for each server");
        }
    }

    fn refuse(&self, target: &str, why: &str) {
        let scheme = target.split_once(':').map_or(target, |(scheme, _)| scheme);
        tracing::warn!(profile = %self.id, scheme, why, "refused where the page leads");
    }
}

/// macOS keeps storage under 16 bytes instead of a path: FNV-1a of the id, the same in every version.
#[cfg(target_os = "macos")]
fn store_identifier(id: &ProfileId) -> [u8; 16] {
    let hash = id.as_str().bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    hash.to_be_bytes()
}
