//! Linux: a StatusNotifierItem, and a menu that panels show: both over D-Bus, by ksni.
//!
//! It lives on threads of its own. What is to be shown is handed over, and what was clicked comes back as messages.

use std::sync::Arc;
use std::time::Duration;

use ksni::menu::{CheckmarkItem, MenuItem, StandardItem, SubMenu};
use ksni::{Handle, Icon, OfflineReason, ToolTip, TrayMethods as _};
use postern_control::menu::{self, Action};
use postern_control::profile::Color;
use tauri::image::Image;
use tauri::{AppHandle, async_runtime};
use tokio::sync::{Notify, watch};

use super::presence::{Presence, panel};
use crate::color;
use crate::inbox::{Message, Outbox};
use crate::notice::markup_free;

/// Until a panel is asked once more that refused the icon, or went away over it: sooner than the icon is given up.
const AGAIN: Duration = Duration::from_secs(3);

/// The way to the icon.
pub(crate) struct Tray(watch::Sender<Option<menu::Tray>>);

impl Tray {
    /// Puts the icon up, as soon as there is something to show, for every panel that comes.
    ///
    /// # Errors
    /// Never; elsewhere, when the icon cannot be made.
    pub(crate) fn new(_app: &AppHandle, outbox: &Outbox, presence: &Presence) -> tauri::Result<Self> {
        let (shown, wanted) = watch::channel(None);
        async_runtime::spawn(live(outbox.clone(), presence.clone(), wanted));
        Ok(Self(shown))
    }

    /// Shows `tray`.
    ///
    /// # Errors
    /// Never; elsewhere, when the system refuses a part of it.
    pub(crate) fn show(&mut self, _app: &AppHandle, tray: menu::Tray) -> tauri::Result<()> {
        self.0.send_if_modified(|shown| {
            let differs = shown.as_ref() != Some(&tray);
            if differs {
                *shown = Some(tray);
            }
            differs
        });
        Ok(())
    }
}

/// Has the icon up as long as there is anybody to show something. Whatever ends its item, another is put up.
async fn live(outbox: Outbox, presence: Presence, mut wanted: watch::Receiver<Option<menu::Tray>>) {
    let mut said = false;
    loop {
        let Ok(Some(tray)) = wanted.wait_for(Option::is_some).await.map(|tray| tray.clone()) else { return };
        match put_up(&outbox, &presence, &tray).await {
            Ok((icon, ended)) => loop {
                tokio::select! {
                    changed = wanted.changed() => if changed.is_err() { return },
                    () = ended.notified() => break,
                }
                let Some(tray) = wanted.borrow_and_update().clone() else { continue };
                if icon.update(|item| item.tray = tray).await.is_none() {
                    break;
                }
            },
            Err(error) => {
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!(%error, "no tray icon");
                }
            }
        }
        presence.set(false);
        outbox.post(Message::IconGone);
        tokio::time::sleep(AGAIN).await;
    }
}

/// The icon, and what tells of its item's end.
type Up = (Handle<Item>, Arc<Notify>);

/// ksni looks for a panel, and then listens for one: a panel that comes in between would never hear of the icon.
async fn put_up(outbox: &Outbox, presence: &Presence, tray: &menu::Tray) -> Result<Up, ksni::Error> {
    loop {
        presence.set(true);
        let ended = Arc::new(Notify::new());
        let item =
            Item { outbox: outbox.clone(), tray: tray.clone(), presence: presence.clone(), ended: Arc::clone(&ended) };
        let icon = item.assume_sni_available(true).spawn().await?;
        if presence.is_taken() || !panel().await {
            return Ok((icon, ended));
        }
        icon.shutdown().await;
    }
}

/// What panels see.
struct Item {
    outbox: Outbox,
    tray: menu::Tray,
    presence: Presence,
    ended: Arc<Notify>,
}

/// Whatever has ended it.
impl Drop for Item {
    fn drop(&mut self) {
        self.ended.notify_one();
    }
}

impl Item {
    fn chosen(&self, action: &Action) {
        self.outbox.post(Message::Chosen(action.clone()));
    }
}

impl ksni::Tray for Item {
    fn id(&self) -> String {
        "postern".to_owned()
    }

    /// Where a panel has no tooltip, this is what it reads out.
    fn title(&self) -> String {
        self.tray.tooltip.clone()
    }

    fn tool_tip(&self) -> ToolTip {
        let (title, description) = self.tray.tooltip.split_once(": ").unwrap_or((&self.tray.tooltip, ""));
        ToolTip { title: title.to_owned(), description: markup_free(description), ..ToolTip::default() }
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        pictures(self.tray.icon).iter().map(pixels).collect()
    }

    fn watcher_online(&self) {
        self.presence.set(true);
    }

    /// Whether the item is to stay: ksni waits for another panel, and asks none again that refused.
    fn watcher_offline(&self, reason: OfflineReason) -> bool {
        self.presence.set(false);
        self.outbox.post(Message::IconGone);
        use ksni::Error::Watcher;
        let stays =
            matches!(reason, OfflineReason::No | OfflineReason::Error(Watcher(zbus::fdo::Error::ServiceUnknown(_))));
        if !stays {
            // Its connection may keep the item for a while.
            self.ended.notify_one();
        }
        stays
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        self.chosen(&Action::Activate);
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        self.tray.menu.iter().map(line).collect()
    }
}

fn pictures(icon: menu::Icon) -> [Image<'static>; 2] {
    match icon {
        menu::Icon::Off => {
            [tauri::include_image!("../icons/tray-off.png"), tauri::include_image!("../icons/tray-off@2x.png")]
        }
        menu::Icon::On => {
            [tauri::include_image!("../icons/tray-on.png"), tauri::include_image!("../icons/tray-on@2x.png")]
        }
        menu::Icon::SignIn => {
            [tauri::include_image!("../icons/tray-sign-in.png"), tauri::include_image!("../icons/tray-sign-in@2x.png")]
        }
        menu::Icon::Trouble => {
            [tauri::include_image!("../icons/tray-trouble.png"), tauri::include_image!("../icons/tray-trouble@2x.png")]
        }
    }
}

/// As ARGB, the way StatusNotifierItem has it.
fn pixels(picture: &Image<'_>) -> Icon {
    let mut data = picture.rgba().to_vec();
    data.chunks_exact_mut(4).for_each(|pixel| pixel.rotate_right(1));
    let edge = |length: u32| i32::try_from(length).unwrap_or_default();
    Icon { width: edge(picture.width()), height: edge(picture.height()), data }
}

fn line(item: &menu::Item) -> MenuItem<Item> {
    match item {
        menu::Item::Separator => MenuItem::Separator,
        menu::Item::Entry { label, action, checked: None } => StandardItem {
            label: plain(label),
            enabled: action.is_some(),
            activate: chosen(action),
            ..StandardItem::default()
        }
        .into(),
        menu::Item::Entry { label, action, checked: Some(checked) } => CheckmarkItem {
            label: plain(label),
            enabled: action.is_some(),
            checked: *checked,
            activate: chosen(action),
            ..CheckmarkItem::default()
        }
        .into(),
        menu::Item::Profile { id: _, label, color, items } => SubMenu {
            label: plain(label),
            icon_data: color.and_then(dot).unwrap_or_default(),
            submenu: items.iter().map(line).collect(),
            ..SubMenu::default()
        }
        .into(),
    }
}

fn chosen(action: &Option<Action>) -> Box<dyn Fn(&mut Item) + Send> {
    let action = action.clone();
    Box::new(move |item| action.iter().for_each(|action| item.chosen(action)))
}

/// A profile's name is text; in a menu's label `_` would mark a letter.
fn plain(label: &str) -> String {
    label.replace('_', "__")
}

/// As PNG.
fn dot(color: Color) -> Option<Vec<u8>> {
    color::pixels(&color::dot(color))?.save_to_bufferv("png", &[]).ok()
}
