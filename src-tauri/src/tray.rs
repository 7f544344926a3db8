//! The tray icon: renders [`menu::Tray`], and only when it differs from what is shown.
//!
//! A click comes back as the id that [`menu::Action::to_id`] gave the item; the shell decodes it. Nothing is
//! decided here. A menu that differs is replaced as a whole: on Linux, changes within it do not reach the panel.

pub(crate) mod presence;

use postern_control::menu::{self, Item};
use tauri::image::Image;
use tauri::menu::{CheckMenuItemBuilder, IsMenuItem, Menu, MenuItemBuilder, PredefinedMenuItem, SubmenuBuilder};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Wry};

use crate::color;

/// The icon, and what it shows.
pub(crate) struct Tray {
    icon: TrayIcon,
    shown: Option<menu::Tray>,
}

impl Tray {
    /// Puts the icon up, without a menu yet. `None` where the system has no library for it.
    ///
    /// # Errors
    /// When the icon cannot be made.
    pub(crate) fn new(app: &AppHandle) -> tauri::Result<Option<Self>> {
        if !presence::supported() {
            return Ok(None);
        }
        let icon = TrayIconBuilder::with_id("postern")
            .icon(picture(menu::Icon::Off))
            .menu(&Menu::new(app)?)
            .show_menu_on_left_click(true)
            .build(app)?;
        Ok(Some(Self { icon, shown: None }))
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
            let lines = lines(app, &tray.menu)?;
            self.icon.set_menu(Some(Menu::with_items(app, &by_reference(&lines))?))?;
        }
        self.shown = Some(tray);
        Ok(())
    }

    /// The toolkit has changed a check mark by itself: what is shown may no longer be what was asked for.
    pub(crate) fn touched(&mut self) {
        self.shown = None;
    }
}

type Line = Box<dyn IsMenuItem<Wry>>;

fn lines(app: &AppHandle, items: &[Item]) -> tauri::Result<Vec<Line>> {
    items.iter().map(|item| line(app, item)).collect()
}

fn line(app: &AppHandle, item: &Item) -> tauri::Result<Line> {
    Ok(match item {
        Item::Separator => Box::new(PredefinedMenuItem::separator(app)?),
        Item::Entry { label, action, checked: None } => {
            let mut builder = MenuItemBuilder::new(plain(label)).enabled(action.is_some());
            if let Some(action) = action {
                builder = builder.id(action.to_id());
            }
            Box::new(builder.build(app)?)
        }
        Item::Entry { label, action, checked: Some(checked) } => {
            let mut builder = CheckMenuItemBuilder::new(plain(label)).checked(*checked).enabled(action.is_some());
            if let Some(action) = action {
                builder = builder.id(action.to_id());
            }
            Box::new(builder.build(app)?)
        }
        Item::Profile { id: _, label, color, items } => {
            let lines = lines(app, items)?;
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
        menu::Icon::Trouble => tauri::include_image!("../icons/tray-trouble@2x.png"),
    }
}
