//! Linux: a StatusNotifierItem by libayatana-appindicator, with a GTK menu that it shows over D-Bus.
//!
//! tauri's own icon is not used: panels show its program's name and the words "tray icon" when one points at
//! it, its menus lose the pictures of their lines, and a line cannot change while the menu is open.

use std::path::{Path, PathBuf};
use std::{fs, io};

use gtk::gdk_pixbuf::{Colorspace, Pixbuf};
use gtk::glib::{Bytes, SignalHandlerId};
use gtk::prelude::{
    BuilderExtManual as _, Cast as _, CheckMenuItemExt as _, GtkMenuItemExt as _, MenuShellExt as _, ObjectExt as _,
    WidgetExt as _,
};
use libappindicator::{AppIndicator, AppIndicatorStatus};
use postern_control::menu::{self, Action, Item};
use postern_control::profile::Color;
use tauri::AppHandle;

use super::presence;
use crate::color;
use crate::inbox::{Message, Outbox};

/// The icon, and what it shows.
pub(crate) struct Tray {
    indicator: AppIndicator,
    outbox: Outbox,
    pictures: PathBuf,
    shown: Option<menu::Tray>,
    lines: Vec<Line>,
}

impl Tray {
    /// Puts the icon up. `None` where the system has no library for it. Panels take pictures as files: they lie
    /// in `data`.
    ///
    /// # Errors
    /// When the pictures cannot be written.
    pub(crate) fn new(_app: &AppHandle, outbox: &Outbox, data: &Path) -> io::Result<Option<Self>> {
        if !presence::supported() {
            return Ok(None);
        }
        let pictures = data.join("tray");
        fs::create_dir_all(&pictures)?;
        for (icon, bytes) in PICTURES {
            fs::write(pictures.join(file(*icon)), bytes)?;
        }
        let mut indicator = AppIndicator::new("postern", "");
        indicator.set_title("Postern");
        Ok(Some(Self { indicator, outbox: outbox.clone(), pictures, shown: None, lines: Vec::new() }))
    }

    /// Shows `tray`. Lines that only say something else stay where they are: the menu may be open.
    ///
    /// # Errors
    /// Never; elsewhere, when the system refuses a part of it.
    pub(crate) fn show(&mut self, _app: &AppHandle, tray: menu::Tray) -> tauri::Result<()> {
        let shown = self.shown.take();
        if shown.as_ref().is_none_or(|shown| (shown.icon, &shown.tooltip) != (tray.icon, &tray.tooltip)) {
            // Panels show the title above it.
            let description = tray.tooltip.strip_prefix("Postern: ").unwrap_or(&tray.tooltip);
            self.indicator.set_icon_full(&self.pictures.join(file(tray.icon)).to_string_lossy(), description);
        }
        match shown.as_ref() {
            Some(shown) if same_lines(&shown.menu, &tray.menu) => say(&self.lines, &tray.menu),
            _ => {
                let (mut menu, lines) = build(&tray.menu, &self.outbox);
                self.indicator.set_menu(&mut menu);
                self.lines = lines;
            }
        }
        if shown.is_none() {
            self.indicator.set_status(AppIndicatorStatus::Active);
        }
        self.shown = Some(tray);
        Ok(())
    }
}

const PICTURES: &[(menu::Icon, &[u8])] = &[
    (menu::Icon::Off, include_bytes!("../../../icons/tray-off@2x.png")),
    (menu::Icon::On, include_bytes!("../../../icons/tray-on@2x.png")),
    (menu::Icon::Trouble, include_bytes!("../../../icons/tray-trouble@2x.png")),
];

fn file(icon: menu::Icon) -> &'static str {
    match icon {
        menu::Icon::Off => "off.png",
        menu::Icon::On => "on.png",
        menu::Icon::Trouble => "trouble.png",
    }
}

/// A line as the toolkit has it.
enum Line {
    Separator,
    Plain(gtk::MenuItem),
    /// With the handler of its clicks: setting the mark is no click.
    Check(gtk::CheckMenuItem, SignalHandlerId),
    Profile(gtk::MenuItem, Vec<Line>),
}

/// Whether one menu can become the other without a line coming or going.
fn same_lines(old: &[Item], new: &[Item]) -> bool {
    old.len() == new.len()
        && old.iter().zip(new).all(|pair| match pair {
            (Item::Separator, Item::Separator) => true,
            (
                Item::Entry { label: _, action: old, checked: old_mark },
                Item::Entry { label: _, action: new, checked: new_mark },
            ) => old == new && old_mark.is_some() == new_mark.is_some(),
            (
                Item::Profile { id: old, label: _, color: old_color, items: old_items },
                Item::Profile { id: new, label: _, color: new_color, items: new_items },
            ) => old == new && old_color == new_color && same_lines(old_items, new_items),
            _ => false,
        })
}

/// Has the lines say what the items say. The two belong together, line by line.
fn say(lines: &[Line], items: &[Item]) {
    for (line, item) in lines.iter().zip(items) {
        match (line, item) {
            (Line::Plain(line), Item::Entry { label, .. }) => line.set_label(&plain(label)),
            (Line::Check(line, handler), Item::Entry { label, checked, .. }) => {
                line.set_label(&plain(label));
                line.block_signal(handler);
                line.set_active(checked.unwrap_or_default());
                line.unblock_signal(handler);
            }
            (Line::Profile(line, lines), Item::Profile { label, items, .. }) => {
                line.set_label(&plain(label));
                say(lines, items);
            }
            _ => {}
        }
    }
}

fn build(items: &[Item], outbox: &Outbox) -> (gtk::Menu, Vec<Line>) {
    let menu = gtk::Menu::new();
    let lines = items
        .iter()
        .map(|item| {
            let (widget, line) = build_line(item, outbox);
            menu.append(&widget);
            line
        })
        .collect();
    menu.show_all();
    (menu, lines)
}

fn build_line(item: &Item, outbox: &Outbox) -> (gtk::MenuItem, Line) {
    match item {
        Item::Separator => (gtk::SeparatorMenuItem::new().upcast(), Line::Separator),
        Item::Entry { label, action, checked: None } => {
            let line = gtk::MenuItem::with_mnemonic(&plain(label));
            line.set_sensitive(action.is_some());
            if let Some(action) = action {
                line.connect_activate(chosen(action, outbox));
            }
            (line.clone(), Line::Plain(line))
        }
        Item::Entry { label, action, checked: Some(checked) } => {
            let line = gtk::CheckMenuItem::with_mnemonic(&plain(label));
            line.set_active(*checked);
            line.set_sensitive(action.is_some());
            let handler = line.connect_activate({
                let chosen = action.as_ref().map(|action| chosen(action, outbox));
                move |line| {
                    if let Some(chosen) = &chosen {
                        chosen(line.upcast_ref());
                    }
                }
            });
            (line.clone().upcast(), Line::Check(line, handler))
        }
        Item::Profile { id: _, label, color, items } => {
            let line = color.and_then(pictured).unwrap_or_default();
            let (menu, lines) = build(items, outbox);
            line.set_use_underline(true);
            line.set_label(&plain(label));
            line.set_submenu(Some(&menu));
            (line.clone(), Line::Profile(line, lines))
        }
    }
}

/// A profile's name is text; in a menu's label `_` would mark a letter, for panels in any case.
fn plain(label: &str) -> String {
    label.replace('_', "__")
}

fn chosen(action: &Action, outbox: &Outbox) -> impl Fn(&gtk::MenuItem) + 'static {
    let (action, outbox) = (action.clone(), outbox.clone());
    move |_| outbox.post(Message::Chosen(action.clone()))
}

/// A line with a dot. The toolkit's bindings leave its class out; the toolkit's own builder does not.
fn pictured(color: Color) -> Option<gtk::MenuItem> {
    let builder = gtk::Builder::from_string("<interface><object class='GtkImageMenuItem' id='line'/></interface>");
    let line: gtk::MenuItem = builder.object("line")?;
    let dot = color::dot(color);
    let (width, height) = (i32::try_from(dot.width()).ok()?, i32::try_from(dot.height()).ok()?);
    let pixels = Pixbuf::from_bytes(&Bytes::from(dot.rgba()), Colorspace::Rgb, true, 8, width, height, 4 * width);
    line.set_property("image", gtk::Image::from_pixbuf(Some(&pixels)));
    line.set_property("always-show-image", true);
    Some(line)
}
