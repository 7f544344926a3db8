//! The quick switcher's window: the toolkit's own, so that it is there at once.
//!
//! Letters narrow the list from wherever the keys are; Up and Down walk through it, Enter opens, Escape closes, and so does
//! looking elsewhere.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use gtk::atk::prelude::AtkObjectExt as _;
use gtk::gdk::WindowTypeHint;
use gtk::gdk::keys::constants as keys;
use gtk::glib::Propagation;
use gtk::prelude::*;
use gtk::{Align, Label, ListBox, ListBoxRow, Orientation, PolicyType, ScrolledWindow, SearchEntry, Window};
use gtk::{gdk, glib, pango};
use postern_control::controller::Event;
use postern_control::switcher::Line;

use crate::color;
use crate::inbox::{Message, Outbox};

/// How long somebody looks elsewhere who does not come back.
const MOMENT: Duration = Duration::from_millis(300);

/// The window, where it is open.
#[derive(Default)]
pub(crate) struct Switcher {
    open: Option<glib::WeakRef<Window>>,
}

struct Parts {
    window: Window,
    entry: SearchEntry,
    list: ListBox,
    lines: Vec<Line>,
    outbox: Outbox,
}

impl Switcher {
    /// Shows these; in place of what it showed.
    pub(crate) fn show(&mut self, outbox: &Outbox, lines: Vec<Line>) {
        if let Some(open) = self.open.take().and_then(|open| open.upgrade()) {
            open.close();
        }
        let window = build(outbox.clone(), lines);
        window.show_all();
        window.present();
        self.open = Some(window.downgrade());
    }
}

fn build(outbox: Outbox, lines: Vec<Line>) -> Window {
    let window = Window::new(gtk::WindowType::Toplevel);
    window.set_title("Switch server");
    window.set_default_size(420, 380);
    window.set_type_hint(WindowTypeHint::Dialog);
    window.set_position(gtk::WindowPosition::Center);
    window.set_skip_taskbar_hint(true);
    window.set_keep_above(true);

    let (entry, list) = (SearchEntry::new(), ListBox::new());
    entry.set_placeholder_text(Some("Type a few letters of a server"));
    entry.set_margin(8);
    if let Some(accessible) = entry.accessible() {
        accessible.set_name("Search servers");
    }
    if let Some(accessible) = list.accessible() {
        accessible.set_name("Servers");
    }
    list.set_activate_on_single_click(true);
    let nothing = Label::new(Some("No server of that name"));
    nothing.set_margin(16);
    nothing.show();
    list.set_placeholder(Some(&nothing));
    for line in &lines {
        list.add(&row(line));
    }
    let scrolled = ScrolledWindow::builder().hscrollbar_policy(PolicyType::Never).child(&list).build();
    let content = gtk::Box::new(Orientation::Vertical, 0);
    content.pack_start(&entry, false, false, 0);
    content.pack_start(&scrolled, true, true, 0);
    window.add(&content);

    let parts = Rc::new(Parts { window: window.clone(), entry, list, lines, outbox });
    Parts::connect(&parts);
    parts.choose(parts.shown().next().as_ref());
    window
}

fn row(line: &Line) -> ListBoxRow {
    let texts = gtk::Box::new(Orientation::Vertical, 0);
    for (text, quiet) in [(&line.name, false), (&line.about, true)] {
        let label = Label::new(Some(text));
        label.set_halign(Align::Start);
        label.set_ellipsize(pango::EllipsizeMode::End);
        if quiet {
            label.style_context().add_class("dim-label");
        }
        texts.pack_start(&label, false, false, 0);
    }
    let inside = gtk::Box::new(Orientation::Horizontal, 10);
    inside.set_margin(8);
    let dot = line.color.and_then(|color| color::pixels(&color::dot(color)));
    let dot = dot.map_or_else(gtk::Image::new, |dot| gtk::Image::from_pixbuf(Some(&dot)));
    dot.set_size_request(32, -1);
    inside.pack_start(&dot, false, false, 0);
    inside.pack_start(&texts, true, true, 0);
    let row = ListBoxRow::new();
    row.add(&inside);
    if let Some(accessible) = row.accessible() {
        accessible.set_name(&format!("{}, {}", line.name, line.about));
    }
    row
}

impl Parts {
    /// The window owns what it calls: all else knows it weakly.
    fn connect(parts: &Rc<Self>) {
        let filter = Rc::downgrade(parts);
        parts.list.set_filter_func(Some(Box::new(move |row: &ListBoxRow| {
            filter.upgrade().is_none_or(|parts| parts.line(row).is_none_or(|line| line.matches(&parts.entry.text())))
        })));
        let typed = Rc::downgrade(parts);
        parts.entry.connect_changed(move |_| {
            if let Some(parts) = typed.upgrade() {
                parts.list.invalidate_filter();
                parts.choose(parts.shown().next().as_ref());
            }
        });
        let activated = Rc::downgrade(parts);
        parts.list.connect_row_activated(move |_, row| {
            if let Some(parts) = activated.upgrade() {
                parts.open(row);
            }
        });
        let pressed = Rc::downgrade(parts);
        parts.window.connect_key_press_event(move |_, event| {
            pressed.upgrade().map_or(Propagation::Proceed, |parts| parts.pressed(event))
        });
        parts.window.connect_focus_out_event(|window, _| {
            // Some take the keys for a moment only: the desktop itself, a key that is held.
            let window = window.downgrade();
            glib::timeout_add_local_once(MOMENT, move || {
                if let Some(window) = window.upgrade().filter(|window| !window.is_active()) {
                    window.close();
                }
            });
            Propagation::Proceed
        });
        // They live as long as the window.
        let window = parts.window.clone();
        let parts = RefCell::new(Some(Rc::clone(parts)));
        window.connect_destroy(move |_| drop(parts.take()));
    }

    fn pressed(&self, event: &gdk::EventKey) -> Propagation {
        match event.keyval() {
            keys::Escape => self.window.close(),
            keys::Return | keys::KP_Enter => {
                if let Some(row) = self.list.selected_row() {
                    self.open(&row);
                }
            }
            // Into the list, where each line that is come to is read out.
            keys::Down | keys::Up if self.entry.has_focus() => {
                let step = |row: ListBoxRow| if event.keyval() == keys::Down { self.after(&row) } else { Some(row) };
                let row = self.list.selected_row().and_then(step);
                self.choose(row.as_ref());
                if let Some(row) = row.or_else(|| self.list.selected_row()) {
                    row.grab_focus();
                }
            }
            keys::Down | keys::Up | keys::Tab | keys::ISO_Left_Tab => return Propagation::Proceed,
            // What is typed is typed into the entry, wherever the keys are.
            _ if !self.entry.has_focus() && self.entry.handle_event(event) => {
                self.entry.grab_focus_without_selecting();
            }
            _ => return Propagation::Proceed,
        }
        Propagation::Stop
    }

    fn shown(&self) -> impl Iterator<Item = ListBoxRow> {
        let rows = (0..).map_while(|at| self.list.row_at_index(at));
        rows.filter(|row| self.line(row).is_some_and(|line| line.matches(&self.entry.text())))
    }

    fn after(&self, row: &ListBoxRow) -> Option<ListBoxRow> {
        self.shown().find(|other| other.index() > row.index())
    }

    /// Nothing keeps what was chosen.
    fn choose(&self, row: Option<&ListBoxRow>) {
        if let Some(row) = row {
            self.list.select_row(Some(row));
        }
    }

    fn line(&self, row: &ListBoxRow) -> Option<&Line> {
        self.lines.get(usize::try_from(row.index()).ok()?)
    }

    fn open(&self, row: &ListBoxRow) {
        // A line that is not shown is not meant.
        if let Some(line) = self.line(row).filter(|line| line.matches(&self.entry.text())) {
            self.outbox.post(Message::Wanted(Event::Open(line.id.clone())));
            self.window.close();
        }
    }
}
