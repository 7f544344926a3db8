//! A panel without a screen: owns `org.kde.StatusNotifierWatcher`, so tray icons register here, and looks at
//! and clicks their menus over `com.canonical.dbusmenu`, as a real panel does.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::sync::watch;
use zbus::message::Header;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

use super::Desktop;
use crate::wait::until;

const LIMIT: Duration = Duration::from_secs(60);
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// The panel. Dropping it is a panel that crashed.
#[derive(Debug)]
pub struct Panel {
    bus: zbus::Connection,
    items: watch::Receiver<Vec<Registered>>,
    refuses: watch::Sender<Refuses>,
}

/// What it does with icons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refuses {
    None,
    All,
    /// It has refused one.
    Still,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Registered {
    destination: String,
    path: String,
}

struct Watcher {
    items: watch::Sender<Vec<Registered>>,
    refuses: watch::Sender<Refuses>,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    #[expect(clippy::needless_pass_by_value, reason = "zbus hands the header over so")]
    fn register_status_notifier_item(
        &self,
        service: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> zbus::fdo::Result<()> {
        if *self.refuses.borrow() != Refuses::None {
            self.refuses.send_replace(Refuses::Still);
            return Err(zbus::fdo::Error::LimitsExceeded("no more icons".to_owned()));
        }
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        // An item gives its bus name, or, as some do, its path.
        let item = if service.starts_with('/') {
            Registered { destination: sender, path: service.to_owned() }
        } else {
            Registered { destination: service.to_owned(), path: "/StatusNotifierItem".to_owned() }
        };
        self.items.send_modify(|items| items.push(item));
        Ok(())
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.items.borrow().iter().map(|item| format!("{}{}", item.destination, item.path)).collect()
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

impl Panel {
    /// Shows tray icons from now on.
    ///
    /// # Errors
    /// When the bus refuses: there is a panel already.
    pub async fn start(desktop: &Desktop) -> anyhow::Result<Self> {
        Self::run(desktop, Refuses::None).await
    }

    /// Is there, and takes no icons.
    ///
    /// # Errors
    /// When the bus refuses: there is a panel already.
    pub async fn refusing(desktop: &Desktop) -> anyhow::Result<Self> {
        Self::run(desktop, Refuses::All).await
    }

    async fn run(desktop: &Desktop, refuses: Refuses) -> anyhow::Result<Self> {
        let (items, registered) = watch::channel(Vec::new());
        let refuses = watch::Sender::new(refuses);
        let bus = desktop.connect().await?;
        let watcher = Watcher { items, refuses: refuses.clone() };
        bus.object_server().at("/StatusNotifierWatcher", watcher).await?;
        bus.request_name(WATCHER).await.context("there is a panel already")?;
        Ok(Self { bus, items: registered, refuses })
    }

    /// Takes icons, once it has refused one.
    ///
    /// # Errors
    /// When none comes.
    pub async fn relent(&self) -> anyhow::Result<()> {
        let refused = async || Ok((*self.refuses.borrow() == Refuses::Still).then_some(()));
        until("an icon to refuse", LIMIT, refused).await?;
        self.refuses.send_replace(Refuses::None);
        Ok(())
    }

    /// Is there, and answers nobody, as long as what is returned lives.
    ///
    /// # Errors
    /// When the bus refuses: there is a panel already.
    pub async fn hanging(desktop: &Desktop) -> anyhow::Result<zbus::Connection> {
        let bus = desktop.connect().await?;
        bus.request_name(WATCHER).await.context("there is a panel already")?;
        Ok(bus)
    }

    /// The icon registered last, once there is one.
    ///
    /// # Errors
    /// When none comes.
    pub async fn icon(&self) -> anyhow::Result<Icon> {
        let item = until("a tray icon", LIMIT, async || Ok(self.items.borrow().last().cloned())).await?;
        Icon::of(&self.bus, &item).await
    }

    /// Whether no icon has registered so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.borrow().is_empty()
    }
}

/// The icons of whichever panel there is, a real one too.
///
/// # Errors
/// When there is none.
pub async fn icons(bus: &zbus::Connection) -> anyhow::Result<Vec<Icon>> {
    let watcher = Registered { destination: WATCHER.to_owned(), path: "/StatusNotifierWatcher".to_owned() };
    let items: Vec<String> = proxy(bus, &watcher, WATCHER).await?.get_property("RegisteredStatusNotifierItems").await?;
    let mut icons = Vec::new();
    for item in items {
        let (destination, path) = item.split_at(item.find('/').context("an icon has a path")?);
        icons.push(Icon::of(bus, &Registered { destination: destination.to_owned(), path: path.to_owned() }).await?);
    }
    Ok(icons)
}

async fn proxy(
    bus: &zbus::Connection,
    item: &Registered,
    interface: &'static str,
) -> anyhow::Result<zbus::Proxy<'static>> {
    Ok(zbus::proxy::Builder::new(bus)
        .destination(item.destination.clone())?
        .path(item.path.clone())?
        .interface(interface)?
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?)
}

/// A tray icon.
#[derive(Debug)]
pub struct Icon {
    properties: zbus::Proxy<'static>,
    menu: zbus::Proxy<'static>,
}

/// A line of a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    id: i32,
    /// What it says; empty for a separator.
    pub label: String,
    /// Whether it can be chosen.
    pub enabled: bool,
    /// Its check mark, where it can have one.
    pub checked: Option<bool>,
    /// Whether it comes with a picture.
    pub pictured: bool,
    /// What it opens.
    pub lines: Vec<Line>,
}

impl Icon {
    async fn of(bus: &zbus::Connection, item: &Registered) -> anyhow::Result<Self> {
        let properties = proxy(bus, item, "org.kde.StatusNotifierItem").await?;
        let menu: OwnedObjectPath = properties.get_property("Menu").await.context("the icon has no menu")?;
        let menu = Registered { destination: item.destination.clone(), path: menu.to_string() };
        Ok(Self { properties, menu: proxy(bus, &menu, "com.canonical.dbusmenu").await? })
    }

    /// The largest picture: its edge, and its pixels as RGBA.
    ///
    /// # Errors
    /// When the program does not answer, or has none.
    pub async fn picture(&self) -> anyhow::Result<(i32, Vec<u8>)> {
        let pictures: Vec<(i32, i32, Vec<u8>)> = self.properties.get_property("IconPixmap").await?;
        let (edge, _, mut pixels) = pictures.into_iter().max_by_key(|picture| picture.0).context("no picture")?;
        pixels.chunks_exact_mut(4).for_each(|argb| argb.rotate_left(1));
        Ok((edge, pixels))
    }

    /// What a panel says when one points at the icon.
    ///
    /// # Errors
    /// When the program does not answer.
    pub async fn tooltip(&self) -> anyhow::Result<String> {
        type ToolTip = (String, Vec<(i32, i32, Vec<u8>)>, String, String);
        let (_, _, title, description): ToolTip = self.properties.get_property("ToolTip").await?;
        Ok(format!("{title}: {description}"))
    }

    /// A click on the icon itself.
    ///
    /// # Errors
    /// When the program does not answer.
    pub async fn activate(&self) -> anyhow::Result<()> {
        self.properties.call_method("Activate", &(0_i32, 0_i32)).await?;
        Ok(())
    }

    /// The whole menu.
    ///
    /// # Errors
    /// When the program does not answer.
    pub async fn menu(&self) -> anyhow::Result<Vec<Line>> {
        let no_filter: Vec<&str> = Vec::new();
        let layout: (u32, Node) = self.menu.call("GetLayout", &(0_i32, -1_i32, no_filter)).await?;
        let (_revision, (_id, _properties, children)) = layout;
        children.iter().map(|child| line(child)).collect()
    }

    /// Waits until the menu, as text, satisfies `look`.
    ///
    /// # Errors
    /// When it does not, with what it says instead.
    pub async fn until(&self, what: &str, mut look: impl FnMut(&str) -> bool) -> anyhow::Result<String> {
        let mut text = String::new();
        let seen = until(what, LIMIT, async || {
            text = render(&self.menu().await?);
            Ok(look(&text).then(|| text.clone()))
        })
        .await;
        seen.with_context(|| format!("the menu says:\n{text}"))
    }

    /// Clicks the line at the end of this path of labels; a label may be given by its beginning.
    ///
    /// # Errors
    /// When there is no such line, or it cannot be chosen.
    pub async fn click(&self, path: &[&str]) -> anyhow::Result<()> {
        until("a click that hits", LIMIT, async || {
            let id = find(&self.menu().await?, path)?;
            match self.menu.call_method("Event", &(id, "clicked", Value::I32(0), 0_u32)).await {
                Ok(_) => Ok(Some(())),
                // Who quits may be gone before it answers.
                Err(zbus::Error::MethodError(name, ..)) if name == "org.freedesktop.DBus.Error.NoReply" => Ok(Some(())),
                // A line that went between the look and the click: as with a person, who then looks again.
                Err(_) => Ok(None),
            }
        })
        .await?;
        Ok(())
    }
}

fn find(menu: &[Line], path: &[&str]) -> anyhow::Result<i32> {
    let mut lines = menu;
    let mut id = None;
    for label in path {
        let line = lines.iter().find(|line| line.label.starts_with(label));
        let line = line.with_context(|| format!("no “{label}” in\n{}", render(menu)))?;
        if !line.enabled {
            bail!("“{label}” cannot be chosen");
        }
        lines = &line.lines;
        id = Some(line.id);
    }
    id.context("an empty path")
}

/// A menu as text: a line each, indented, `[x]` and `[ ]` for check marks, `(…)` around what cannot be chosen.
#[must_use]
pub fn render(lines: &[Line]) -> String {
    fn write(lines: &[Line], depth: usize, text: &mut String) {
        for line in lines {
            let indent = "    ".repeat(depth);
            let mark = match line.checked {
                Some(true) => "[x] ",
                Some(false) => "[ ] ",
                None => "",
            };
            let label = if line.label.is_empty() { "----" } else { &line.label };
            let label = if line.enabled { label.to_owned() } else { format!("({label})") };
            *text += &format!("{indent}{mark}{label}\n");
            write(&line.lines, depth + 1, text);
        }
    }
    let mut text = String::new();
    write(lines, 0, &mut text);
    text
}

/// `(ia{sv}av)`: id, properties, children.
type Node = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

fn line(value: &Value<'_>) -> anyhow::Result<Line> {
    let value = if let Value::Value(inner) = value { inner.as_ref() } else { value };
    let (id, properties, children): Node = value.try_to_owned()?.try_into().context("not a line of a menu")?;
    let text =
        |key: &str| properties.get(key).and_then(|value| String::try_from(value.clone()).ok()).unwrap_or_default();
    let number = |key: &str| properties.get(key).and_then(|value| i32::try_from(value.clone()).ok());
    Ok(Line {
        id,
        // One underscore marks a letter, two are one.
        label: text("label").split("__").map(|part| part.replace('_', "")).collect::<Vec<_>>().join("_"),
        enabled: properties.get("enabled").and_then(|value| bool::try_from(value.clone()).ok()).unwrap_or(true),
        checked: (!text("toggle-type").is_empty()).then(|| number("toggle-state") == Some(1)),
        pictured: properties.contains_key("icon-data") || properties.contains_key("icon-name"),
        lines: children.iter().map(|child| line(child)).collect::<anyhow::Result<_>>()?,
    })
}
