//! What pages have the user download: it goes to the user's own folder for that, beside what is there already, and its end
//! is told.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use postern_control::download::{self, Download};
use tauri::Manager as _;
use tauri_runtime_wry::wry::WebViewBuilder;

use super::Leads;
use crate::browser::Gate;
use crate::inbox::Message;

/// Those of all windows.
pub(super) struct Downloads {
    begun: RefCell<Begun>,
    /// A page must not fill the disk by itself.
    gate: Gate,
}

impl Default for Downloads {
    fn default() -> Self {
        Self { begun: RefCell::default(), gate: Gate::new(10, Duration::from_secs(10)) }
    }
}

/// Those that have not ended. Each ends once, be it refused or not: it is known again by its path, where it arrived and the
/// system says so; else by the address that it comes from, which others may share.
#[derive(Default)]
struct Begun {
    under_way: Vec<(String, PathBuf)>,
    /// The last ones: not every system says that they have ended.
    refused: VecDeque<String>,
}

impl Begun {
    fn refuse(&mut self, address: String) {
        const AT_MOST: usize = 100;
        self.refused.push_back(address);
        if self.refused.len() > AT_MOST {
            self.refused.pop_front();
        }
    }

    /// Where it was to be; `None` where it was refused. `path` is where it is now.
    fn end(&mut self, address: &str, path: Option<PathBuf>, done: bool) -> Option<PathBuf> {
        if let Some(at) = self.refused.iter().position(|other| !done && other == address) {
            self.refused.remove(at);
            return None;
        }
        let same_path = self.under_way.iter().position(|(_, other)| Some(other) == path.as_ref());
        let at = same_path.or_else(|| self.under_way.iter().position(|(other, _)| other == address))?;
        let (_, begun) = self.under_way.swap_remove(at);
        Some(path.unwrap_or(begun))
    }
}

impl Downloads {
    /// Takes what the pages of this view give.
    pub(super) fn take<'a>(self: &Rc<Self>, view: WebViewBuilder<'a>, leads: &Rc<Leads>) -> WebViewBuilder<'a> {
        let (begun, ended) = (Rc::clone(self), Rc::clone(self));
        let (here, outbox, id) = (Rc::clone(leads), leads.outbox.clone(), leads.id.clone());
        // It takes nobody's click, and the words are the server's.
        let told = Gate::new(5, Duration::from_secs(60));
        view.with_download_started_handler(move |address, path| begun.begins(&here, address, path))
            .with_download_completed_handler(move |address, path, done| {
                if let Some(path) = ended.begun.borrow_mut().end(&address, path, done)
                    && told.admits()
                {
                    outbox.post(Message::Downloaded(Download { id: id.clone(), path, done }));
                }
            })
    }

    /// `path` is what the web view would do.
    fn begins(&self, leads: &Leads, address: String, path: &mut PathBuf) -> bool {
        let paths = leads.outlet.app().path();
        // A desktop may name a folder that nobody has made.
        let folder = paths.download_dir().ok().filter(|folder| folder.is_dir()).or_else(|| paths.home_dir().ok());
        let mut begun = self.begun.borrow_mut();
        let Some(folder) = folder.filter(|_| self.gate.admits()) else {
            begun.refuse(address);
            tracing::warn!(profile = %leads.id, "not downloaded: there is no folder, or the page gives too much at once");
            return false;
        };
        let suggested = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        *path = download::place(&folder, &suggested, |path| begun.under_way.iter().any(|(_, other)| other == path));
        begun.under_way.push((address, path.clone()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_that_ends_is_itself_and_none_that_comes_from_the_same_address() {
        let mut begun = Begun::default();
        for path in ["a", "b", "c"] {
            begun.under_way.push(("/report".to_owned(), path.into()));
        }
        begun.refuse("/report".to_owned());
        let mut end = |path: Option<&str>, done| begun.end("/report", path.map(PathBuf::from), done);
        assert_eq!(end(None, false), None, "refused");
        assert_eq!(end(Some("b"), true), Some("b".into()));
        assert_eq!(end(Some("a"), true), Some("a".into()));
        assert_eq!(end(None, false), Some("c".into()));
        assert_eq!(end(None, false), None);
    }

    #[test]
    fn refusals_are_not_remembered_without_end() {
        let mut begun = Begun::default();
        for number in 0..1000 {
            begun.refuse(number.to_string());
        }
        assert!(begun.refused.len() <= 100 && begun.refused.back().is_some_and(|last| last == "999"));
    }
}
