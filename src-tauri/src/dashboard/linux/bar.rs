//! What a person can do with a dashboard's page: by keys, and by a bar and its menu above the page.
//!
//! All of it is the toolkit's own: the page can neither draw over it, nor read or press it, nor keep a key of it for
//! itself. Keys are those of browsers on this platform.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use gtk::atk::prelude::AtkObjectExt as _;
use gtk::gio::prelude::ActionMapExt as _;
use gtk::gio::{Menu, SimpleAction, SimpleActionGroup};
use gtk::glib::subclass::SignalId;
use gtk::prelude::*;
use gtk::{
    Align, ApplicationWindow, Button, IconSize, InfoBar, Label, MenuButton, MessageType, Orientation, ReliefStyle,
};
use gtk::{glib, pango};
use postern_control::controller::Event;
use postern_control::dashboard::{Dashboard, Notice, Zoom};
use postern_control::profile::ProfileId;
use url::Url;
use webkit2gtk::{WebView, WebViewExt as _};

use super::changes::ChangesPart;
use super::find::FindBar;
use super::print::Printing;
use crate::dashboard::Leads;
use crate::inbox::Message;

/// Names of these actions begin with it.
const GROUP: &str = "dashboard";

/// What a person can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Back,
    Forward,
    Reload,
    Home,
    Find,
    FindNext,
    FindPrevious,
    ZoomIn,
    ZoomOut,
    ZoomReset,
    Print,
    CopyLink,
    OpenInBrowser,
    Menu,
}

impl Command {
    const ALL: [Self; 14] = [
        Self::Back,
        Self::Forward,
        Self::Reload,
        Self::Home,
        Self::Find,
        Self::FindNext,
        Self::FindPrevious,
        Self::ZoomIn,
        Self::ZoomOut,
        Self::ZoomReset,
        Self::Print,
        Self::CopyLink,
        Self::OpenInBrowser,
        Self::Menu,
    ];

    /// The menu's lines, in groups.
    const MENU: [&[Self]; 4] = [
        &[Self::Home, Self::Find],
        &[Self::ZoomIn, Self::ZoomOut, Self::ZoomReset],
        &[Self::Print],
        &[Self::CopyLink, Self::OpenInBrowser],
    ];

    /// Its action's name, what it is called, and its keys: the first is shown.
    fn parts(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            Self::Back => ("back", "Back", &["<Alt>Left", "Back"]),
            Self::Forward => ("forward", "Forward", &["<Alt>Right", "Forward"]),
            Self::Reload => ("reload", "Reload", &["<Primary>r", "F5", "<Primary><Shift>r", "Refresh"]),
            Self::Home => ("home", "First page", &["<Alt>Home", "HomePage"]),
            Self::Find => ("find", "Find…", &["<Primary>f"]),
            Self::FindNext => ("find-next", "Find next", &["<Primary>g", "F3"]),
            Self::FindPrevious => ("find-previous", "Find previous", &["<Primary><Shift>g", "<Shift>F3"]),
            Self::ZoomIn => ("zoom-in", "Larger", &["<Primary>plus", "<Primary>equal", "<Primary>KP_Add"]),
            Self::ZoomOut => ("zoom-out", "Smaller", &["<Primary>minus", "<Primary>KP_Subtract"]),
            Self::ZoomReset => ("zoom-reset", "Actual size", &["<Primary>0", "<Primary>KP_0"]),
            Self::Print => ("print", "Print…", &["<Primary>p"]),
            Self::CopyLink => ("copy-link", "Copy the server’s link", &["<Primary><Shift>c"]),
            Self::OpenInBrowser => ("browser", "Open in browser", &["<Primary><Shift>o"]),
            Self::Menu => ("menu", "Menu", &["F10"]),
        }
    }

    fn action(self) -> String {
        format!("{GROUP}.{}", self.parts().0)
    }

    fn label(self) -> &'static str {
        self.parts().1
    }
}

/// The bar, and what it works on.
pub(in crate::dashboard) struct Bar {
    name: Label,
    notice: InfoBar,
    notice_text: Label,
    connect: Button,
    lead_on: Button,
    changes: ChangesPart,
    said: Label,
    page: Rc<Page>,
}

struct Page {
    view: RefCell<Option<WebView>>,
    window: ApplicationWindow,
    leads: Rc<Leads>,
    find: FindBar,
    printing: Printing,
    zoom: Cell<Zoom>,
    /// Its address has changed, and is not kept yet.
    keeping: Cell<bool>,
    zoomed: Button,
    menu: MenuButton,
    back: SimpleAction,
    forward: SimpleAction,
}

impl Bar {
    /// Puts the bar into the window, above a page that follows: [`Bar::attach`].
    pub(super) fn new(window: &ApplicationWindow, content: &gtk::Box, leads: Rc<Leads>) -> Self {
        let bar = gtk::Box::new(Orientation::Horizontal, 2);
        bar.style_context().add_class("toolbar");
        let name = Label::new(None);
        name.set_ellipsize(pango::EllipsizeMode::End);
        name.set_halign(Align::Start);
        name.set_margin_start(6);
        let said = Label::new(None);
        said.style_context().add_class("dim-label");
        let zoomed = button(Command::ZoomReset, None);
        zoomed.set_no_show_all(true);
        for (command, icon) in [
            (Command::Back, "go-previous-symbolic"),
            (Command::Forward, "go-next-symbolic"),
            (Command::Reload, "view-refresh-symbolic"),
        ] {
            bar.pack_start(&button(command, Some(icon)), false, false, 0);
        }
        bar.pack_start(&name, true, true, 0);
        bar.pack_start(&said, false, false, 6);
        let changes = ChangesPart::new(window, &leads);
        bar.pack_start(changes.widget(), false, false, 0);
        bar.pack_start(&zoomed, false, false, 0);
        for (command, icon) in [
            (Command::Find, "edit-find-symbolic"),
            (Command::CopyLink, "edit-copy-symbolic"),
            (Command::OpenInBrowser, "web-browser-symbolic"),
        ] {
            bar.pack_start(&button(command, Some(icon)), false, false, 0);
        }
        let menu = menu_button();
        bar.pack_start(&menu, false, false, 0);

        let (notice, notice_text, connect, lead_on) = notice_bar(&leads);
        let find = FindBar::new();
        content.pack_start(&bar, false, false, 0);
        content.pack_start(&notice, false, false, 0);
        content.pack_start(find.widget(), false, false, 0);
        bar.show_all();
        find.widget().show_all();

        let (group, back, forward) = (SimpleActionGroup::new(), action(Command::Back), action(Command::Forward));
        let page = Rc::new(Page {
            view: RefCell::default(),
            window: window.clone(),
            leads,
            find,
            printing: Printing::default(),
            zoom: Cell::default(),
            keeping: Cell::default(),
            zoomed,
            menu,
            back,
            forward,
        });
        for command in Command::ALL {
            let known = [(Command::Back, &page.back), (Command::Forward, &page.forward)];
            let known = known.into_iter().find(|(other, _)| *other == command);
            let action = known.map_or_else(|| action(command), |(_, action)| action.clone());
            let page = Rc::downgrade(&page);
            action.connect_activate(move |_, _| {
                if let Some(page) = page.upgrade() {
                    page.perform(command);
                }
            });
            group.add_action(&action);
        }
        window.insert_action_group(GROUP, Some(&group));
        if let Some(app) = window.application() {
            for command in Command::ALL {
                app.set_accels_for_action(&command.action(), command.parts().2);
            }
        }
        Self { name, notice, notice_text, connect, lead_on, changes, said, page }
    }

    /// The page that this bar is for.
    pub(super) fn attach(&self, view: &WebView, zoom: Zoom) {
        self.page.find.attach(view);
        Printing::attach(view);
        self.page.view.replace(Some(view.clone()));
        self.page.zoom_to(zoom);
        self.page.where_it_can_go();
        let page = Rc::downgrade(&self.page);
        view.connect_load_changed(move |_, _| {
            if let Some(page) = page.upgrade() {
                page.where_it_can_go();
            }
        });
        let page = Rc::downgrade(&self.page);
        view.connect_uri_notify(move |_| {
            let Some(left) = page.upgrade() else { return };
            left.keep_soon();
            // The list of pages changes a moment after the address does.
            let page = Weak::clone(&page);
            glib::idle_add_local_once(move || {
                if let Some(page) = page.upgrade() {
                    page.where_it_can_go();
                }
            });
        });
    }

    /// The profile's name, and what a person should know of it.
    pub(in crate::dashboard) fn show(&self, shown: &Dashboard) {
        self.name.set_text(&shown.name);
        self.changes.show(shown.changes.as_ref());
        if let Some(Notice { text, connect, leads_on }) = &shown.notice {
            self.lead_on.set_visible(*leads_on);
            self.notice_text.set_text(text);
            self.connect.set_label(connect.unwrap_or_default());
            self.connect.set_visible(connect.is_some());
            self.notice.set_message_type(if connect.is_some() { MessageType::Warning } else { MessageType::Info });
        }
        self.notice.set_visible(shown.notice.is_some());
    }

    /// Says for a moment that something was done.
    pub(in crate::dashboard) fn say(&self, text: &str) {
        const MOMENT: Duration = Duration::from_secs(3);
        self.said.set_text(text);
        announce(&self.said, text);
        let said = self.said.downgrade();
        glib::timeout_add_local_once(MOMENT, move || {
            if let Some(said) = said.upgrade() {
                said.set_text("");
            }
        });
    }

    /// How large the page is shown.
    pub(in crate::dashboard) fn zoom(&self) -> Zoom {
        self.page.zoom.get()
    }
}

impl Page {
    fn perform(&self, command: Command) {
        let Some(view) = self.view.borrow().clone() else { return };
        if matches!(command, Command::Back | Command::Forward | Command::Reload) {
            self.leads.pending.forget();
        }
        match command {
            Command::Back => view.go_back(),
            Command::Forward => view.go_forward(),
            Command::Reload => view.reload(),
            Command::Home => {
                self.leads.outbox.post(Message::Follow { id: self.leads.id.clone(), address: self.leads.first() });
            }
            Command::Find => self.find.open(),
            Command::FindNext => self.find.next(),
            Command::FindPrevious => self.find.previous(),
            Command::ZoomIn => self.zooms(self.zoom.get().larger()),
            Command::ZoomOut => self.zooms(self.zoom.get().smaller()),
            Command::ZoomReset => self.zooms(Zoom::default()),
            Command::Print => self.printing.ask(&self.window, &view),
            Command::CopyLink => self.wants(&view, |id, address| Event::CopyLink { id, address }),
            Command::OpenInBrowser => self.wants(&view, |id, address| Event::OpenPageInBrowser { id, address }),
            Command::Menu => self.menu.clicked(),
        }
    }

    /// Asks the controller for something that is about the page as it is.
    fn wants(&self, view: &WebView, what: impl FnOnce(ProfileId, Url) -> Event) {
        let first = self.leads.first();
        let address = view.uri().and_then(|uri| Url::parse(&uri).ok()).filter(|url| url.origin() == first.origin());
        self.leads.outbox.post(Message::Wanted(what(self.leads.id.clone(), address.unwrap_or(first))));
    }

    fn zooms(&self, zoom: Zoom) {
        self.zoom_to(zoom);
        self.leads.outbox.post(Message::Keep(self.leads.id.clone()));
    }

    fn zoom_to(&self, zoom: Zoom) {
        self.zoom.set(zoom);
        if let Some(view) = &*self.view.borrow() {
            view.set_zoom_level(zoom.factor());
        }
        let percent = zoom.percent();
        self.zoomed.set_label(&format!("{percent} %"));
        if let Some(accessible) = self.zoomed.accessible() {
            accessible.set_name(&format!("{percent} percent: back to actual size"));
        }
        self.zoomed.set_visible(zoom != Zoom::default());
    }

    /// Pages may change their address as often as they like: the disk is not at their service.
    fn keep_soon(self: &Rc<Self>) {
        const SOON: Duration = Duration::from_secs(1);
        if self.keeping.replace(true) {
            return;
        }
        let page = Rc::downgrade(self);
        glib::timeout_add_local_once(SOON, move || {
            if let Some(page) = page.upgrade() {
                page.keeping.set(false);
                page.leads.outbox.post(Message::Keep(page.leads.id.clone()));
            }
        });
    }

    fn where_it_can_go(&self) {
        if let Some(view) = &*self.view.borrow() {
            self.back.set_enabled(view.can_go_back());
            self.forward.set_enabled(view.can_go_forward());
        }
    }
}

/// Has screen readers say it, where the system's ATK can: since 2.46.
fn announce(said: &Label, text: &str) {
    if let Some(accessible) = said.accessible()
        && SignalId::lookup("announcement", accessible.type_()).is_some()
    {
        accessible.emit_by_name::<()>("announcement", &[&text]);
    }
}

fn action(command: Command) -> SimpleAction {
    SimpleAction::new(command.parts().0, None)
}

/// A button of the bar. Without a picture, or where the theme has none of that name, it is in words.
fn button(command: Command, icon: Option<&str>) -> Button {
    let button = Button::new();
    match icon.filter(|icon| gtk::IconTheme::default().is_some_and(|theme| theme.has_icon(icon))) {
        Some(icon) => button.set_image(Some(&gtk::Image::from_icon_name(Some(icon), IconSize::Menu))),
        None => button.set_label(command.label().trim_end_matches('…')),
    }
    button.set_action_name(Some(&command.action()));
    describe(&button, command);
    button
}

/// In the bar's style, with a tooltip that tells the keys, and a name for who cannot see the picture.
fn describe(button: &impl IsA<Button>, command: Command) {
    let (_, label, keys) = command.parts();
    let (button, label) = (button.as_ref(), label.trim_end_matches('…'));
    button.set_relief(ReliefStyle::None);
    let keys = keys.first().map_or_else(String::new, |keys| {
        let (key, modifiers) = gtk::accelerator_parse(keys);
        gtk::accelerator_get_label(key, modifiers).map_or_else(String::new, |keys| format!(" ({keys})"))
    });
    button.set_tooltip_text(Some(&format!("{label}{keys}")));
    if let Some(accessible) = button.accessible() {
        accessible.set_name(label);
    }
}

fn menu_button() -> MenuButton {
    let menu = Menu::new();
    for lines in Command::MENU {
        let group = Menu::new();
        for command in lines {
            group.append(Some(command.label()), Some(&command.action()));
        }
        menu.append_section(None, &group);
    }
    let button = MenuButton::new();
    button.set_image(Some(&gtk::Image::from_icon_name(Some("open-menu-symbolic"), IconSize::Menu)));
    // A menu shows each line's keys.
    button.set_use_popover(false);
    button.set_menu_model(Some(&menu));
    if let Some(menu) = button.popup() {
        menu.set_halign(Align::End);
    }
    describe(&button, Command::Menu);
    button
}

fn notice_bar(leads: &Rc<Leads>) -> (InfoBar, Label, Button, Button) {
    let notice = InfoBar::new();
    let text = Label::new(None);
    text.set_line_wrap(true);
    text.set_xalign(0.0);
    text.set_selectable(true);
    let button = |label: &str, event: fn(ProfileId) -> Event| {
        let button = Button::with_label(label);
        button.set_no_show_all(true);
        let leads = Rc::clone(leads);
        button.connect_clicked(move |_| leads.outbox.post(Message::Wanted(event(leads.id.clone()))));
        notice.content_area().pack_end(&button, false, false, 0);
        button
    };
    notice.content_area().pack_start(&text, true, true, 0);
    let lead_on = button("Find out why", Event::Diagnose);
    let connect = button("", Event::Connect);
    notice.content_area().show_all();
    notice.set_no_show_all(true);
    (notice, text, connect, lead_on)
}
