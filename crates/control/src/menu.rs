//! The tray: its menu and icon as plain data. Rendered again only when it differs.
//!
//! A shell draws [`Tray`] as it is and sends clicks back as [`Action`]s, nothing else; what a line
//! means is decided here.

use crate::controller::{Connection, Entry, State};
use crate::profile::{Color, ProfileId};
use crate::view::{Trouble, label};

/// What the tray shows. Labels are plain text: a toolkit that takes characters such as `&` or `_` for marks escapes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tray {
    /// The picture.
    pub icon: Icon,
    /// One sentence.
    pub tooltip: String,
    /// Top to bottom.
    pub menu: Vec<Item>,
}

/// The tray's picture; told apart by shape, not by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// No profile is connected.
    Off,
    /// All that should be connected are.
    On,
    /// At least one that should be connected is not.
    Trouble,
}

/// A line of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Can be chosen.
    Entry {
        /// What it says.
        label: String,
        /// What choosing it does; `None` is greyed out.
        action: Option<Action>,
        /// A check mark, where it can have one.
        checked: Option<bool>,
    },
    /// Opens further lines: one profile.
    Profile {
        /// Which.
        id: ProfileId,
        /// Name and state: `Production — connected`.
        label: String,
        /// The profile's colour.
        color: Option<Color>,
        /// Its lines.
        items: Vec<Item>,
    },
    /// A line between groups.
    Separator,
}

/// All that a click in the menu can mean. Ids of native menu items decode to this and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect if off, else disconnect.
    Toggle(ProfileId),
    /// Open or focus the dashboard; connects first.
    Open(ProfileId),
    /// The same in the user's browser.
    OpenInBrowser(ProfileId),
    /// `http://127.0.0.1:<port>/api` to the clipboard.
    CopyApiUrl(ProfileId),
    /// Show the manager.
    Manage,
    /// Stop all gateways and end.
    Quit,
}

impl Action {
    /// As the id of a native menu item: `open:prod`, `quit`. Different actions have different ids.
    #[must_use]
    pub fn to_id(&self) -> String {
        match self {
            Self::Toggle(id) => format!("toggle:{id}"),
            Self::Open(id) => format!("open:{id}"),
            Self::OpenInBrowser(id) => format!("browser:{id}"),
            Self::CopyApiUrl(id) => format!("copy-api-url:{id}"),
            Self::Manage => "manage".into(),
            Self::Quit => "quit".into(),
        }
    }

    /// Back from the id of a native menu item; `None` for anything [`Action::to_id`] does not make.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        match id {
            "manage" => return Some(Self::Manage),
            "quit" => return Some(Self::Quit),
            _ => {}
        }
        let (verb, id) = id.split_once(':')?;
        let about: fn(ProfileId) -> Self = match verb {
            "toggle" => Self::Toggle,
            "open" => Self::Open,
            "browser" => Self::OpenInBrowser,
            "copy-api-url" => Self::CopyApiUrl,
            _ => return None,
        };
        id.parse().ok().map(about)
    }
}

/// Computes the tray from the state.
#[must_use]
pub fn tray(state: &State) -> Tray {
    let mut menu: Vec<Item> = state.file_trouble.iter().map(trouble_line).collect();
    menu.extend(state.entries.iter().map(profile));
    let first = state.entries.is_empty() && state.file_trouble.is_none();
    if first {
        menu.push(grey("No servers yet"));
    }
    menu.push(Item::Separator);
    let manage = if first { "Add your first server…" } else { "Manage servers…" };
    menu.push(line(manage, Action::Manage));
    menu.push(line("Quit", Action::Quit));
    Tray { icon: icon(state), tooltip: tooltip(state), menu }
}

fn profile(entry: &Entry) -> Item {
    let profile = &entry.profile;
    let state = label(&entry.connection);
    let mut items: Vec<Item> = entry.connection.trouble().map(trouble_line).into_iter().collect();
    items.push(Item::Entry {
        label: "Connect".to_owned(),
        action: Some(Action::Toggle(profile.id.clone())),
        checked: Some(entry.connection.wanted()),
    });
    items.push(line("Open", Action::Open(profile.id.clone())));
    items.push(line("Open in browser", Action::OpenInBrowser(profile.id.clone())));
    items.push(line("Copy API URL", Action::CopyApiUrl(profile.id.clone())));
    Item::Profile {
        id: profile.id.clone(),
        label: format!("{} — {}", shorten(&profile.name, LONGEST_NAME), uncapitalised(state)),
        color: profile.color,
        items,
    }
}

fn line(label: &str, action: Action) -> Item {
    Item::Entry { label: label.to_owned(), action: Some(action), checked: None }
}

fn grey(label: &str) -> Item {
    Item::Entry { label: label.to_owned(), action: None, checked: None }
}

fn trouble_line(trouble: &Trouble) -> Item {
    grey(&shorten(&trouble.sentence, LONGEST_SENTENCE))
}

fn icon(state: &State) -> Icon {
    if state.file_trouble.is_some() || state.entries.iter().any(|entry| entry.connection.trouble().is_some()) {
        Icon::Trouble
    } else if state.entries.iter().any(|entry| matches!(entry.connection, Connection::Up { .. })) {
        Icon::On
    } else {
        Icon::Off
    }
}

/// The worst first: a broken file, then servers with trouble, then what is connected.
fn tooltip(state: &State) -> String {
    if let Some(trouble) = &state.file_trouble {
        return format!("Postern: {}", shorten(&trouble.sentence, LONGEST_SENTENCE));
    }
    let name = |entry: &Entry| shorten(&entry.profile.name, LONGEST_NAME);
    let troubled: Vec<(&Entry, &Trouble)> =
        state.entries.iter().filter_map(|entry| Some((entry, entry.connection.trouble()?))).collect();
    let up: Vec<&Entry> =
        state.entries.iter().filter(|entry| matches!(entry.connection, Connection::Up { .. })).collect();
    let starting = state.entries.iter().find(|entry| entry.connection == Connection::Starting);
    match (troubled.as_slice(), up.as_slice(), starting) {
        ([(entry, trouble)], ..) => {
            format!("Postern: {}: {}", name(entry), shorten(&trouble.sentence, LONGEST_SENTENCE))
        }
        ([_, _, ..], ..) => format!("Postern: {} servers are not connected", troubled.len()),
        ([], [], Some(entry)) => format!("Postern: connecting to {}…", name(entry)),
        ([], [], None) if state.entries.is_empty() => "Postern: no servers yet".to_owned(),
        ([], [], None) => "Postern: no server is connected".to_owned(),
        ([], [entry], _) => format!("Postern: {} is connected", name(entry)),
        ([], [_, _, ..], _) => format!("Postern: {} servers are connected", up.len()),
    }
}

/// A menu is no place to read: names and sentences end after so many characters.
const LONGEST_NAME: usize = 40;
const LONGEST_SENTENCE: usize = 90;

/// The first line, cut after a word where it is too long.
fn shorten(text: &str, longest: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    let Some((end, _)) = line.char_indices().nth(longest) else { return line.to_owned() };
    let start = line.get(..end).unwrap_or_default();
    let words = start.rfind(' ').and_then(|space| start.get(..space)).filter(|words| words.len() * 2 > start.len());
    format!("{}…", words.unwrap_or(start).trim_end_matches([',', ':', ';', '.']))
}

/// `Connected` in the middle of a line.
fn uncapitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_lowercase(), letters.as_str()))
}

#[cfg(test)]
mod tests;
