//! The user's own programs, for what does not belong into a window of ours: the browser, and what shows folders.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use postern_control::Secret;
use tauri::AppHandle;
use tauri::async_runtime::spawn_blocking;
use tauri_plugin_shell::ShellExt as _;
use url::Url;

/// Opens the address. It may hold a pass: neither it nor an error that repeats it is logged. The system hands it
/// over as a program's argument, for all to see; that is why a pass works once, and soon no more.
pub(crate) fn open(app: &AppHandle, url: Secret) {
    hand_over(app, url);
}

/// Shows one of the user's own folders.
pub(crate) fn show_folder(app: &AppHandle, path: &Path) {
    hand_over(app, Secret::new(path.to_string_lossy()));
}

fn hand_over(app: &AppHandle, what: Secret) {
    let app = app.clone();
    // It waits for each program that may fail to start: not on the event loop's thread.
    spawn_blocking(move || {
        #[expect(
            deprecated,
            reason = "the shell plugin's own `open`; its successor is one more plugin for the same call"
        )]
        let opened = app.shell().open(what.expose(), None);
        if opened.is_err() {
            tracing::warn!("no program of this system opens it");
        }
    });
}

/// Lets through no more than a person can ask for.
pub(crate) struct Gate {
    at_most: usize,
    within: Duration,
    recent: RefCell<VecDeque<Instant>>,
}

impl Gate {
    pub(crate) fn new(at_most: usize, within: Duration) -> Self {
        Self { at_most, within, recent: RefCell::default() }
    }

    /// Whether one more may pass now.
    pub(crate) fn admits(&self) -> bool {
        let now = Instant::now();
        let mut recent = self.recent.borrow_mut();
        recent.retain(|then| now.duration_since(*then) < self.within);
        let admitted = recent.len() < self.at_most;
        if admitted {
            recent.push_back(now);
        }
        admitted
    }
}

/// Hands over what a page leads to: a page must not flood the browser.
pub(crate) struct Outlet {
    app: AppHandle,
    gate: Gate,
}

impl Outlet {
    pub(crate) fn new(app: AppHandle) -> Self {
        Self { app, gate: Gate::new(5, Duration::from_secs(5)) }
    }

    pub(crate) fn app(&self) -> &AppHandle {
        &self.app
    }

    /// Opens the address, unless too many were opened a moment ago.
    pub(crate) fn offer(&self, url: &Url) {
        let host = url.host_str().unwrap_or_default();
        if !self.gate.admits() {
            tracing::warn!(scheme = url.scheme(), host, "not opened: the page asks for too many addresses at once");
            return;
        }
        tracing::debug!(scheme = url.scheme(), host, "to the browser");
        open(&self.app, Secret::new(url.to_string()));
    }
}
