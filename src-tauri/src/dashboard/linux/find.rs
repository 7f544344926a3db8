//! Finding words in a dashboard's page.

use std::cell::RefCell;
use std::rc::Rc;

use gtk::atk::prelude::AtkObjectExt as _;
use gtk::gdk::ModifierType;
use gtk::gdk::keys::constants as keys;
use gtk::glib::Propagation;
use gtk::prelude::*;
use gtk::{Button, IconSize, Label, Orientation, ReliefStyle, SearchBar, SearchEntry};
use webkit2gtk::{FindController, FindControllerExt as _, FindOptions, WebView, WebViewExt as _};

/// The bar in which words are typed; closed until somebody looks for some.
pub(super) struct FindBar {
    bar: SearchBar,
    entry: SearchEntry,
    target: Rc<Target>,
}

struct Target {
    finder: RefCell<Option<FindController>>,
    found: Label,
}

impl Target {
    /// More than anybody counts.
    const MOST: u32 = 1000;

    fn search(&self, text: &str) {
        let Some(finder) = &*self.finder.borrow() else { return };
        self.found.set_text("");
        if text.is_empty() {
            finder.search_finish();
        } else {
            let options = (FindOptions::CASE_INSENSITIVE | FindOptions::WRAP_AROUND).bits();
            // To have found one more is told as if it were the only one; and to count takes the marks away.
            finder.count_matches(text, options, Self::MOST);
            finder.search(text, options, Self::MOST);
        }
    }

    fn step(&self, text: &str, step: fn(&FindController)) {
        let Some(finder) = self.finder.borrow().clone() else { return };
        // What was typed a moment ago may not have been looked for yet.
        if finder.search_text().is_some_and(|known| known == text) { step(&finder) } else { self.search(text) }
    }
}

impl FindBar {
    pub(super) fn new() -> Self {
        let (bar, entry, found) = (SearchBar::new(), SearchEntry::new(), Label::new(None));
        let target = Rc::new(Target { finder: RefCell::default(), found });
        entry.set_width_chars(30);
        if let Some(accessible) = entry.accessible() {
            accessible.set_name("Find in page");
        }
        let line = gtk::Box::new(Orientation::Horizontal, 4);
        line.pack_start(&entry, false, false, 0);
        for (label, icon, step) in [
            ("Find previous", "go-up-symbolic", FindController::search_previous as fn(&FindController)),
            ("Find next", "go-down-symbolic", FindController::search_next as fn(&FindController)),
        ] {
            let button = Button::from_icon_name(Some(icon), IconSize::Menu);
            button.set_relief(ReliefStyle::None);
            button.set_tooltip_text(Some(label));
            if let Some(accessible) = button.accessible() {
                accessible.set_name(label);
            }
            let (entry, target) = (entry.clone(), Rc::clone(&target));
            button.connect_clicked(move |_| target.step(&entry.text(), step));
            line.pack_start(&button, false, false, 0);
        }
        line.pack_start(&target.found, false, false, 6);
        bar.add(&line);
        bar.connect_entry(&entry);
        bar.set_show_close_button(true);

        let searched = Rc::clone(&target);
        entry.connect_search_changed(move |entry| searched.search(&entry.text()));
        let entered = Rc::clone(&target);
        entry.connect_activate(move |entry| entered.step(&entry.text(), FindController::search_next));
        let next = Rc::clone(&target);
        entry.connect_next_match(move |entry| next.step(&entry.text(), FindController::search_next));
        let previous = Rc::clone(&target);
        entry.connect_previous_match(move |entry| previous.step(&entry.text(), FindController::search_previous));
        let back = Rc::clone(&target);
        entry.connect_key_press_event(move |entry, event| {
            let enter = matches!(event.keyval(), keys::Return | keys::KP_Enter);
            if !(enter && event.state().contains(ModifierType::SHIFT_MASK)) {
                return Propagation::Proceed;
            }
            back.step(&entry.text(), FindController::search_previous);
            Propagation::Stop
        });
        let left = Rc::clone(&target);
        bar.connect_search_mode_enabled_notify(move |bar| {
            if !bar.is_search_mode()
                && let Some(finder) = &*left.finder.borrow()
            {
                finder.search_finish();
                left.found.set_text("");
                if let Some(view) = finder.web_view() {
                    view.grab_focus();
                }
            }
        });
        Self { bar, entry, target }
    }

    pub(super) fn widget(&self) -> &SearchBar {
        &self.bar
    }

    pub(super) fn attach(&self, view: &WebView) {
        let Some(finder) = view.find_controller() else { return };
        let found = self.target.found.clone();
        finder.connect_counted_matches(move |_, count| {
            found.set_text(&match count {
                0 => "Not found".to_owned(),
                1 => "1 match".to_owned(),
                Target::MOST.. => format!("{} matches or more", Target::MOST),
                count => format!("{count} matches"),
            });
        });
        self.target.finder.replace(Some(finder));
    }

    pub(super) fn open(&self) {
        self.bar.set_search_mode(true);
        self.entry.grab_focus();
        // What was looked for before, and is typed over.
        self.target.search(&self.entry.text());
    }

    pub(super) fn next(&self) {
        self.step(FindController::search_next);
    }

    pub(super) fn previous(&self) {
        self.step(FindController::search_previous);
    }

    fn step(&self, step: fn(&FindController)) {
        if self.bar.is_search_mode() { self.target.step(&self.entry.text(), step) } else { self.open() }
    }
}
