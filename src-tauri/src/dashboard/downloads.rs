//! What pages have the user download: it goes to the user's own folder for that, beside what is there already, and its end
//! is told.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use postern_control::download::{self, Download};
use tauri::Manager as _;
use tauri_runtime_wry::wry::WebViewBuilder;

use super::Leads;
use crate::browser::Gate;
use crate::inbox::Message;

/// Those under way, of all windows.
pub(super) struct Downloads {
    /// Each with the address that it comes from.
    under_way: RefCell<Vec<(String, PathBuf)>>,
    /// A page must not fill the disk by itself.
    gate: Gate,
}

impl Default for Downloads {
    fn default() -> Self {
        Self { under_way: RefCell::default(), gate: Gate::new(10, Duration::from_secs(10)) }
    }
}

impl Downloads {
    /// Takes what the pages of this view give.
    pub(super) fn take<'a>(self: &Rc<Self>, view: WebViewBuilder<'a>, leads: &Rc<Leads>) -> WebViewBuilder<'a> {
        let (begun, ended) = (Rc::clone(self), Rc::clone(self));
        let (here, outbox, id) = (Rc::clone(leads), leads.outbox.clone(), leads.id.clone());
        view.with_download_started_handler(move |address, path| begun.begins(&here, address, path))
            .with_download_completed_handler(move |address, _, done| {
                if let Some(path) = ended.ends(&address) {
                    outbox.post(Message::Downloaded(Download { id: id.clone(), path, done }));
                }
            })
    }

    /// `path` is what the web view would do.
    fn begins(&self, leads: &Leads, address: String, path: &mut PathBuf) -> bool {
        let paths = leads.outlet.app().path();
        // A desktop may name a folder that nobody has made.
        let folder = paths.download_dir().ok().filter(|folder| folder.is_dir()).or_else(|| paths.home_dir().ok());
        let Some(folder) = folder.filter(|_| self.gate.admits()) else {
            tracing::warn!(profile = %leads.id, "not downloaded: there is no folder, or the page gives too much at once");
            return false;
        };
        let mut under_way = self.under_way.borrow_mut();
        let suggested = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        *path = download::place(&folder, &suggested, |path| under_way.iter().any(|(_, other)| other == path));
        under_way.push((address, path.clone()));
        true
    }

    fn ends(&self, address: &str) -> Option<PathBuf> {
        let mut under_way = self.under_way.borrow_mut();
        let at = under_way.iter().position(|(other, _)| other == address)?;
        Some(under_way.remove(at).1)
    }
}
