//! macOS and Windows: tauri's own tray icon. A click comes back as an event with the id of its line, which
//! [`menu::Action::to_id`] gave it and the shell decodes.

use postern_control::menu::{self, Item};
use tauri::image::Image;
use tauri::menu::{
    CheckMenuItem, CheckMenuItemBuilder, IsMenuItem, Menu, MenuItemBuilder, PredefinedMenuItem, SubmenuBuilder,
};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Wry};

use super::Presence;
use crate::color;
use crate::inbox::Outbox;

/// The icon, and what it shows.
pub(crate) struct Tray {
    icon: TrayIcon,
    shown: Option<menu::Tray>,
    marks: Vec<CheckMenuItem<Wry>>,
}

impl Tray {
    /// Puts the icon up, without a menu yet.
    ///
    /// # Errors
    /// When the icon cannot be made.
    pub(crate) fn new(app: &AppHandle, _outbox: &Outbox, presence: &Presence) -> tauri::Result<Self> {
        let icon = TrayIconBuilder::with_id("postern")
            .icon(picture(menu::Icon::Off))
            .menu(&Menu::new(app)?)
            .show_menu_on_left_click(cfg!(target_os = "macos"))
            .build(app)?;
        presence.set(true);
        Ok(Self { icon, shown: None, marks: Vec::new() })
    }

    /// Shows `tray`.
    ///
    /// # Errors
    /// When the system refuses a part of it; the next call tries everything again.
    pub(crate) fn show(&mut self, app: &AppHandle, tray: menu::Tray) -> tauri::Result<()> {
        let shown = self.shown.take();
        let shown = shown.as_ref();
        if shown.is_none_or(|shown| shown.icon != tray.icon) {
            self.icon.set_icon(Some(picture(tray.icon)))?;
        }
        if shown.is_none_or(|shown| shown.tooltip != tray.tooltip) {
            self.icon.set_tooltip(Some(&tray.tooltip))?;
        }
        if shown.is_none_or(|shown| shown.menu != tray.menu) {
            self.marks.clear();
            let lines = lines(app, &tray.menu, &mut self.marks)?;
            self.icon.set_menu(Some(Menu::with_items(app, &by_reference(&lines))?))?;
        } else {
            // The system sets a mark by itself when its line is chosen, whether or not that changes anything.
            for (mark, checked) in self.marks.iter().zip(checked(&tray.menu)) {
                mark.set_checked(checked)?;
            }
        }
        self.shown = Some(tray);
        Ok(())
    }
}

type Line = Box<dyn IsMenuItem<Wry>>;

/// Whether the lines that can be marked are, in the order [`lines`] makes them.
fn checked(items: &[Item]) -> Vec<bool> {
    let marks = items.iter().flat_map(|item| match item {
        Item::Entry { checked, .. } => checked.iter().copied().collect(),
        Item::Profile { items, .. } => checked(items),
        Item::Separator => Vec::new(),
    });
    marks.collect()
}

fn lines(app: &AppHandle, items: &[Item], marks: &mut Vec<CheckMenuItem<Wry>>) -> tauri::Result<Vec<Line>> {
    items.iter().map(|item| line(app, item, marks)).collect()
}

fn line(app: &AppHandle, item: &Item, marks: &mut Vec<CheckMenuItem<Wry>>) -> tauri::Result<Line> {
    // What cannot be chosen has an id that decodes to no action.
    let id = |action: &Option<menu::Action>| action.as_ref().map(menu::Action::to_id).unwrap_or_default();
    Ok(match item {
        Item::Separator => Box::new(PredefinedMenuItem::separator(app)?),
        Item::Entry { label, action, checked: None } => {
            let line = MenuItemBuilder::with_id(id(action), plain(label)).enabled(action.is_some());
            Box::new(line.build(app)?)
        }
        Item::Entry { label, action, checked: Some(checked) } => {
            let line = CheckMenuItemBuilder::with_id(id(action), plain(label)).enabled(action.is_some());
            let line = line.checked(*checked).build(app)?;
            marks.push(line.clone());
            Box::new(line)
        }
        Item::Profile { id: _, label, color, items } => {
            let lines = lines(app, items, marks)?;
            let mut builder = SubmenuBuilder::new(app, plain(label)).items(&by_reference(&lines));
            if let Some(color) = color {
                builder = builder.submenu_icon(color::dot(*color));
            }
            Box::new(builder.build()?)
        }
    })
}

fn by_reference(lines: &[Line]) -> Vec<&dyn IsMenuItem<Wry>> {
    lines.iter().map(AsRef::as_ref).collect()
}

/// A profile's name is text; in a menu's label `&` would mark a letter.
fn plain(label: &str) -> String {
    label.replace('&', "&&")
}

fn picture(icon: menu::Icon) -> Image<'static> {
    match icon {
        menu::Icon::Off => tauri::include_image!("../icons/tray-off@2x.png"),
        menu::Icon::On => tauri::include_image!("../icons/tray-on@2x.png"),
        menu::Icon::SignIn => tauri::include_image!("../icons/tray-sign-in@2x.png"),
        menu::Icon::Trouble => tauri::include_image!("../icons/tray-trouble@2x.png"),
    }
}
