//! Whether what is done in the window changes the server: the part of the bar that says so, asks, and takes it back.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use gtk::glib::{self, ControlFlow, SourceId};
use gtk::prelude::*;
use gtk::{
    ApplicationWindow, Button, ButtonsType, DialogFlags, Label, MessageDialog, MessageType, Orientation, ReliefStyle,
    ResponseType, StateFlags,
};
use postern_control::controller::Event;
use postern_control::dashboard::{Changes, Question, left};

use crate::dashboard::Leads;
use crate::inbox::Message;

/// A label and a button; hidden where nothing is refused.
pub(super) struct ChangesPart(Rc<Part>);

struct Part {
    row: gtk::Box,
    says: Label,
    button: Button,
    window: ApplicationWindow,
    leads: Rc<Leads>,
    shown: RefCell<Option<Changes>>,
    asking: RefCell<Option<(Question, glib::WeakRef<MessageDialog>)>>,
    ticking: RefCell<Option<SourceId>>,
}

impl ChangesPart {
    pub(super) fn new(window: &ApplicationWindow, leads: &Rc<Leads>) -> Self {
        let (row, says, button) = (gtk::Box::new(Orientation::Horizontal, 6), Label::new(None), Button::new());
        row.pack_start(&says, false, false, 0);
        row.pack_start(&button, false, false, 0);
        // As a link looks: a button's shadow would reach into the page, which WebKit does not paint again for that.
        button.set_relief(ReliefStyle::None);
        button.set_state_flags(StateFlags::LINK, false);
        row.show_all();
        row.set_no_show_all(true);
        row.set_visible(false);
        row.set_margin_end(6);
        let part = Rc::new(Part {
            row,
            says,
            button: button.clone(),
            window: window.clone(),
            leads: Rc::clone(leads),
            shown: RefCell::default(),
            asking: RefCell::default(),
            ticking: RefCell::default(),
        });
        let pressed = Rc::downgrade(&part);
        button.connect_clicked(move |_| {
            if let Some(part) = pressed.upgrade() {
                part.pressed();
            }
        });
        Self(part)
    }

    pub(super) fn widget(&self) -> &gtk::Box {
        &self.0.row
    }

    pub(super) fn show(&self, changes: Option<&Changes>) {
        let part = &self.0;
        if part.shown.borrow().as_ref() == changes {
            return;
        }
        part.shown.replace(changes.cloned());
        part.take_back_unless(changes);
        if let Some(ticking) = part.ticking.take() {
            ticking.remove();
        }
        part.row.set_visible(changes.is_some());
        match changes {
            None => {}
            Some(Changes::Refused { question }) => {
                part.says.set_text("Read-only");
                part.button.set_label("Allow changes…");
                part.button.set_sensitive(question.is_some());
            }
            Some(Changes::Allowed { until }) => {
                const OFTEN: Duration = Duration::from_secs(5);
                part.button.set_label("Back to read-only");
                part.button.set_sensitive(true);
                part.tick(*until);
                let (until, part) = (*until, Rc::downgrade(part));
                let ticking = glib::timeout_add_local(OFTEN, move || {
                    if let Some(part) = part.upgrade() {
                        part.tick(until);
                    }
                    ControlFlow::Continue
                });
                self.0.ticking.replace(Some(ticking));
            }
        }
    }
}

impl Part {
    fn tick(&self, until: SystemTime) {
        match left(until, SystemTime::now()) {
            Some(left) => self.says.set_markup(&format!("<b>{}</b>", glib::markup_escape_text(&left))),
            // Timers stand still while the machine sleeps; the clock on the wall does not.
            None => self.wants(Event::ForbidChanges(self.leads.id.clone())),
        }
    }

    fn pressed(self: &Rc<Self>) {
        match &*self.shown.borrow() {
            Some(Changes::Refused { question: Some(question) }) => self.ask(question),
            Some(Changes::Allowed { .. }) => self.wants(Event::ForbidChanges(self.leads.id.clone())),
            Some(Changes::Refused { question: None }) | None => {}
        }
    }

    /// Whoever said yes to a question of before would allow something else.
    fn take_back_unless(&self, changes: Option<&Changes>) {
        let is_past = |(question, _): &mut (Question, _)| !matches!(changes, Some(Changes::Refused { question: Some(now) }) if now == question);
        let taken_back = self.asking.borrow_mut().take_if(is_past);
        if let Some(dialog) = taken_back.and_then(|(_, dialog)| dialog.upgrade()) {
            dialog.response(ResponseType::Cancel);
        }
    }

    fn ask(self: &Rc<Self>, question: &Question) {
        let Question { title, text, server } = question;
        let flags = DialogFlags::MODAL | DialogFlags::DESTROY_WITH_PARENT;
        let dialog = MessageDialog::new(Some(&self.window), flags, MessageType::Warning, ButtonsType::None, title);
        dialog.set_title("Allow changes");
        dialog.set_secondary_text(Some(text));
        dialog.add_button("Stay read-only", ResponseType::Cancel);
        dialog.add_button("Allow changes", ResponseType::Accept);
        dialog.set_default_response(ResponseType::Cancel);
        self.asking.replace(Some((question.clone(), dialog.downgrade())));
        let (part, server) = (Rc::downgrade(self), server.clone());
        dialog.connect_response(move |dialog, response| {
            if let Some(part) = part.upgrade()
                && response == ResponseType::Accept
            {
                let (id, server) = (part.leads.id.clone(), server.clone());
                part.wants(Event::AllowChanges { id, server, at: SystemTime::now() });
            }
            dialog.close();
        });
        dialog.show_all();
    }

    fn wants(&self, event: Event) {
        self.leads.outbox.post(Message::Wanted(event));
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(ticking) = self.ticking.take() {
            ticking.remove();
        }
    }
}
