//! The shell: takes what the event loop and the controller bring, one by one, and carries it out.
//!
//! 1. It decides nothing about profiles: clicks become [`Event`]s, and what is shown is computed from the
//!    controller's state.
//! 2. The program lives in the tray: closing windows does not end it. Where nobody shows the icon it lives as
//!    long as its windows, so that it is never running unseen.
//! 3. It ends when the controller says so, after the gateways have: exit code 0.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postern_control::Secret;
use postern_control::controller::{Event, Focus, Handle, Screen, ShellRequest, State};
use postern_control::dashboard::dashboard;
use postern_control::menu;
#[cfg(target_os = "linux")]
use postern_control::switcher::switcher;
use postern_control::view::{self, Trouble};
#[cfg(not(target_os = "linux"))]
use tauri::tray::{MouseButton, MouseButtonState, TrayIconEvent};
use tauri::{AppHandle, Emitter as _, Manager as _, RunEvent, WindowEvent, async_runtime};
use tokio::sync::watch;

use crate::clipboard::{self, Clipboard};
use crate::dashboard::{self, Dashboards, Opening};
use crate::hotkey::Hotkey;
use crate::inbox::{Inbox, Message, Outbox};
use crate::log::Log;
#[cfg(target_os = "linux")]
use crate::switcher::Switcher;
use crate::tray::{Presence, Tray};
use crate::{browser, login, manager, notice};

/// All that the event loop's thread owns.
pub(crate) struct Shell {
    inbox: Inbox,
    outbox: Outbox,
    controller: Handle,
    state: watch::Receiver<Arc<State>>,
    /// Where windows keep what they keep.
    data: PathBuf,
    tray: Option<Tray>,
    presence: Presence,
    dashboards: Dashboards,
    #[cfg(target_os = "linux")]
    switcher: Switcher,
    hotkey: Hotkey,
    /// What the controller was told of windows last.
    screen: Screen,
    /// What the manager's page was told last.
    told: Option<view::ManagerView>,
    clipboard: Clipboard,
    log: Log,
}

impl Shell {
    pub(crate) fn new(
        app: &AppHandle,
        (outbox, inbox): (Outbox, Inbox),
        controller: Handle,
        data: PathBuf,
        log: Log,
    ) -> Self {
        let state = controller.state();
        // Without an icon it goes on as on a desktop without a tray.
        let presence = Presence::default();
        let tray = Tray::new(app, &outbox, &presence).map_err(|error| tracing::warn!(%error, "no tray icon")).ok();
        outbox.post(Message::Changed);
        Self {
            inbox,
            outbox,
            controller,
            state,
            data,
            tray,
            presence,
            dashboards: Dashboards::default(),
            #[cfg(target_os = "linux")]
            switcher: Switcher::default(),
            hotkey: Hotkey::default(),
            screen: Screen::default(),
            told: None,
            clipboard: Clipboard::default(),
            log,
        }
    }

    /// One event of the event loop.
    pub(crate) fn on_event(&mut self, app: &AppHandle, event: RunEvent) {
        match event {
            RunEvent::MainEventsCleared => {
                while let Ok(message) = self.inbox.try_recv() {
                    self.receive(app, message);
                }
            }
            RunEvent::WindowEvent { label, event: WindowEvent::CloseRequested { .. }, .. } => {
                self.dashboards.goes(&label);
            }
            RunEvent::WindowEvent { label, event: WindowEvent::Destroyed, .. } => self.gone(&label),
            RunEvent::WindowEvent { label, event: WindowEvent::Focused(focused), .. } => self.focused(&label, focused),
            RunEvent::ExitRequested { code: None, api, .. } => {
                api.prevent_exit();
                self.last_window_closed();
            }
            #[cfg(not(target_os = "linux"))]
            RunEvent::MenuEvent(event) => {
                if let Some(action) = menu::Action::from_id(event.id().as_ref()) {
                    self.outbox.post(Message::Chosen(action));
                }
            }
            #[cfg(not(target_os = "linux"))]
            RunEvent::TrayIconEvent(TrayIconEvent::Click {
                button: MouseButton::Left,
                button_state: MouseButtonState::Up,
                ..
            }) if cfg!(windows) => self.outbox.post(Message::Chosen(menu::Action::Activate)),
            #[cfg(target_os = "macos")]
            RunEvent::Reopen { has_visible_windows: false, .. } => self.controller.send(Event::Manage),
            _ => {}
        }
    }

    fn gone(&mut self, label: &str) {
        self.focused(label, false);
        if label == manager::LABEL {
            self.sees(Screen { manager: false, ..self.screen.clone() });
            // What it was at went with it.
            self.controller.send(Event::LookAway);
            self.controller.send(Event::ForgetImports);
        } else {
            self.dashboards.gone(label);
            self.sees(Screen { dashboards: self.dashboards.open_ones(), ..self.screen.clone() });
        }
    }

    fn focused(&mut self, label: &str, focused: bool) {
        let which = if label == manager::LABEL {
            Some(Focus::Manager)
        } else {
            self.dashboards.whose(label).cloned().map(Focus::Dashboard)
        };
        if focused || self.screen.focus == which {
            self.sees(Screen { focus: which.filter(|_| focused), ..self.screen.clone() });
        }
    }

    /// Tells the controller what a person sees of us now.
    fn sees(&mut self, screen: Screen) {
        if self.screen != screen {
            self.screen = screen;
            self.controller.send(Event::Screen(self.screen.clone()));
        }
    }

    fn receive(&mut self, app: &AppHandle, message: Message) {
        match message {
            Message::Changed => self.render(app),
            Message::Requested(request) => self.carry_out(app, request),
            Message::Chosen(action) => {
                self.controller.send(action.into());
                // The toolkit may have set a check mark by itself, and the state may stay as it is.
                self.render(app);
            }
            #[cfg(target_os = "linux")]
            Message::Tell { title, trouble } => notice::show_window(&title, &trouble),
            #[cfg(not(target_os = "linux"))]
            Message::Tell { title, trouble } => {
                tracing::warn!(title, code = trouble.code, "{}", trouble.sentence);
                self.show_manager(app);
            }
            #[cfg(target_os = "linux")]
            Message::Appearance(appearance) => crate::appearance::show(appearance),
            Message::IconGone if app.windows().is_empty() => self.be_seen(),
            Message::ShowIfUnseen if app.windows().is_empty() => self.show_manager(app),
            Message::QuitIfUnseen if app.windows().is_empty() => self.controller.send(Event::Quit),
            Message::IconGone | Message::ShowIfUnseen | Message::QuitIfUnseen => {}
            Message::Enter { id, address } => keep_as_it_is(self.dashboards.enter(&id, address.expose())),
            Message::Follow { id, address } => keep_as_it_is(self.dashboards.follow(&id, &address)),
            Message::Wanted(event) => self.controller.send(event),
            Message::Keep(id) => self.dashboards.keep(&id),
            Message::Downloaded(download) => {
                let name = self.state.borrow().entry(&download.id).map(|entry| entry.profile.name.clone());
                let (title, text) = download.notice(&name.unwrap_or_default());
                self.dashboards.say(&download.id, &text);
                notify(title, text);
            }
            Message::Close(id) => self.dashboards.close(&id),
            Message::Broken => self.exit(app, 1),
            Message::Uncopy(copy) => self.clipboard.clear_copy(copy),
        }
    }

    fn render(&mut self, app: &AppHandle) {
        let (tray, view) = {
            let state = self.state.borrow();
            self.log.set(state.settings.log);
            (menu::tray(&state), view::manager(&state))
        };
        if let Some(shown) = &mut self.tray
            && let Err(error) = shown.show(app, tray)
        {
            tracing::warn!(%error, "the tray shows what was so before");
        }
        if self.told.as_ref() != Some(&view) {
            if let Err(error) = app.emit_to(manager::LABEL, manager::VIEW_CHANGED, &view) {
                tracing::warn!(%error, "the manager shows what was so before");
            }
            self.told = Some(view);
        }
        self.render_dashboards();
    }

    fn render_dashboards(&mut self) {
        let state = self.state.borrow();
        for id in self.dashboards.open_ones() {
            if let Some(shown) = dashboard(&state, &id) {
                self.dashboards.show(&id, shown);
            }
        }
    }

    fn carry_out(&mut self, app: &AppHandle, request: ShellRequest) {
        tracing::debug!(?request, "asked");
        match request {
            ShellRequest::OpenDashboard { id, name, color, enter, page, origin, data_dir } => {
                let opening = Opening { id, name: name.clone(), color, enter, page, origin, data_dir };
                if let Err(error) = self.dashboards.open(app, &self.outbox, opening) {
                    tracing::error!(%error, "no dashboard");
                    let remedy = "Choose “Open in browser” instead.";
                    self.give_notice(Some(name), Trouble::new("window_failed", format!("{error}."), remedy));
                }
                self.sees(Screen { dashboards: self.dashboards.open_ones(), ..self.screen.clone() });
                self.render_dashboards();
            }
            ShellRequest::ReenterDashboard { id, enter } => {
                self.receive(app, Message::Enter { id, address: enter });
            }
            ShellRequest::CloseDashboard { id } => self.dashboards.close(&id),
            ShellRequest::RemoveDashboard { id, data_dir } => self.dashboards.remove(&id, data_dir),
            ShellRequest::OpenBrowser { url } => browser::open(app, url),
            ShellRequest::OpenFolder { path } => browser::show_folder(app, &path),
            ShellRequest::Copy { text } => {
                self.copy(&text);
            }
            ShellRequest::CopyLink { id, link } => {
                if self.copy(link.expose()) {
                    self.dashboards.say(&id, "Link copied");
                }
            }
            ShellRequest::CopySecret { text } => self.copy_secret(&text),
            ShellRequest::StartAtLogin(wanted) => self.start_at_login(app, wanted),
            ShellRequest::TakeShortcut(wanted) => {
                if let Some(taken) = self.hotkey.take(&self.outbox, wanted) {
                    self.controller.send(Event::ShortcutTaken(taken));
                }
            }
            ShellRequest::ShowManager => self.show_manager(app),
            #[cfg(target_os = "linux")]
            ShellRequest::ShowSwitcher => self.switcher.show(&self.outbox, switcher(&self.state.borrow())),
            // Its list is one to choose from by a few letters, too.
            #[cfg(not(target_os = "linux"))]
            ShellRequest::ShowSwitcher => self.show_manager(app),
            ShellRequest::Notify { title, text } => notify(title, text),
            ShellRequest::ShowTrouble { name, trouble } => self.give_notice(name, trouble),
            ShellRequest::Exit => self.exit(app, 0),
        }
    }

    fn exit(&mut self, app: &AppHandle, code: i32) {
        self.clipboard.clear();
        self.dashboards.end();
        app.exit(code);
    }

    fn show_manager(&mut self, app: &AppHandle) {
        match manager::show(app, &self.data) {
            Ok(()) => self.sees(Screen { manager: true, ..self.screen.clone() }),
            Err(error) => tracing::error!(%error, "the manager cannot be shown"),
        }
    }

    fn give_notice(&self, name: Option<String>, trouble: Trouble) {
        async_runtime::spawn(notice::give(self.outbox.clone(), name, trouble));
    }

    /// Whether it is copied now; where not, that is told.
    fn copy(&mut self, text: &str) -> bool {
        let copied = self.clipboard.set(text);
        if let Err(error) = &copied {
            tracing::warn!(%error, "not copied");
            let remedy = "Select it in the manager, and copy it there.";
            self.give_notice(None, Trouble::new("clipboard_failed", NO_CLIPBOARD, remedy));
        }
        copied.is_ok()
    }

    fn copy_secret(&mut self, text: &Secret) {
        let copy = match self.clipboard.set_secret(text) {
            Ok(copy) => copy,
            Err(error) => {
                tracing::warn!(%error, "not copied");
                let remedy = "Use what `postern env` prints.";
                return self.give_notice(None, Trouble::new("clipboard_failed", NO_CLIPBOARD, remedy));
            }
        };
        let outbox = self.outbox.clone();
        async_runtime::spawn(async move {
            tokio::time::sleep(clipboard::KEPT).await;
            outbox.post(Message::Uncopy(copy));
        });
    }

    fn start_at_login(&self, app: &AppHandle, wanted: bool) {
        if let Err(error) = login::set(app, wanted) {
            let sentence = format!("Whether Postern starts at login cannot be changed: {error}.");
            let remedy = "Change it in the system's own settings.";
            self.give_notice(None, Trouble::new("login_failed", sentence, remedy));
        }
        self.controller.send(Event::StartsAtLogin(login::starts(app).ok()));
    }

    fn last_window_closed(&self) {
        let outbox = self.outbox.clone();
        let presence = self.presence.clone();
        let told = self.data.join("told-of-tray");
        async_runtime::spawn(async move {
            if !presence.visible().await {
                outbox.post(Message::QuitIfUnseen);
            } else if let Err(error) = tell_of_tray(&told).await {
                tracing::debug!(%error, "that it stays in the tray is not told");
            }
        });
    }

    /// Waits a while for a panel that may only be starting; then shows a window, if there is none.
    pub(crate) fn be_seen(&self) {
        let outbox = self.outbox.clone();
        let presence = self.presence.clone();
        async_runtime::spawn(async move {
            if !presence.appears().await {
                outbox.post(Message::ShowIfUnseen);
            }
        });
    }
}

fn notify(title: String, text: String) {
    async_runtime::spawn(async move {
        if let Err(error) = notice::show(&title, &text).await {
            tracing::debug!(%error, "no notices here");
        }
    });
}

/// Once in a life: who knows need not be told again.
async fn tell_of_tray(told: &Path) -> Result<(), Box<dyn Error + Send + Sync>> {
    if told.exists() {
        return Ok(());
    }
    notice::show("Postern stays in the tray", "Its doors stay open. To end it, choose Quit from its icon.").await?;
    Ok(fs::write(told, "")?)
}

const NO_CLIPBOARD: &str = "The system takes nothing for its clipboard now.";

fn keep_as_it_is(loaded: Result<(), dashboard::Failure>) {
    if let Err(error) = loaded {
        tracing::warn!(%error, "the dashboard stays as it is");
    }
}
